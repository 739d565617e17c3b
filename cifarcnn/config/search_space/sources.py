"""Where the spaces of a search are written: ``--vary KEY=SPACE`` and a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cifarcnn.config.encoding import decode
from cifarcnn.config.loading import read_file
from cifarcnn.config.yaml_text import parse_value
from cifarcnn.config.yaml_tree import Node, Place, SourceText

VARIED = "--vary"


@dataclass(frozen=True)
class Entry:
    """One key, and what is written of it.

    Attributes:
        key: As the user wrote it.
        place: Where.
        space: A list of choices, a mapping, or a text such as ``0.1..0.5``.
    """

    key: str
    place: Place
    space: Node


def read_option(text: str) -> Entry:
    """One ``--vary KEY=SPACE``.

    Raises:
        ConfigError: It is not written like that, or SPACE is not YAML.
    """
    key, equals, written = text.partition("=")
    # The bracket before the choices stands in the column of the sign before them.
    source = SourceText.of(VARIED, text, offset=len(key))
    place = Place(source, 1, 1)
    if not equals or not key.strip():
        hint = "such as training.batch_size=64,128 or optimizer.learning_rate=1e-4..0.1"
        raise place.error("", "expected KEY=SPACE", hint)
    space = parse_value(f"[{written}]", source)
    if space is None or not isinstance(space.value, list):
        raise place.error(key, "expected one list of choices")
    if len(space.value) == 1:
        [only] = space.value
        is_range = isinstance(only.value, str) and ".." in only.value
        if is_range or isinstance(only.value, list | dict):
            return Entry(key, place, only)
    start = space.value[0].place if space.value else replace(place, column=len(key) + 2)
    return Entry(key, place, replace(space, place=start))


def read_space_file(path: Path) -> list[Entry]:
    """The keys of a file, in their order.

    Raises:
        UsageError: It cannot be read.
        ConfigError: It is not YAML, or holds no mapping.
    """
    name = str(path)
    text = decode(read_file(path), name)
    source = SourceText.of(name, text)
    root = parse_value(text, source)
    if root is None or not isinstance(root.value, dict) or not root.value:
        found = "nothing" if root is None else root.describe()
        found = "an empty mapping" if root is not None and root.value == {} else found
        place = source.place() if root is None else root.place
        message = f"expected keys of the config with what may vary, found {found}"
        raise place.error("", message, "such as training.batch_size: [64, 128]")
    return [Entry(key, node.key_or_place, node) for key, node in root.value.items()]
