"""From the name of a config to a checked one: read, extend, override, unfold, check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from cifarcnn.config.choices import suggest
from cifarcnn.config.expansion import Expansion
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.nodes import Node, Place, Source, join, merge
from cifarcnn.config.problems import explain, locate
from cifarcnn.config.schema import Config
from cifarcnn.config.shipped import find_shipped, shipped_names
from cifarcnn.config.summary import Summary, summarize
from cifarcnn.config.yaml_text import decode, dump, parse
from cifarcnn.errors import ConfigError, Problem, UsageError

LONGEST_CHAIN = 8
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_KEY = re.compile(r"[^.\[\]=\s]+(\[\d+\])*(\.[^.\[\]=\s]+(\[\d+\])*)*")
_LAYER_NAMES = frozenset(layer.__name__ for layer in LAYERS)


@dataclass(frozen=True)
class Checked:
    """What came of reading one config.

    Attributes:
        file: The name that the user gave.
        config: The checked config; None when there are problems.
        summary: The table of layers; empty when the schema found problems.
        problems: Every mistake, in the order of the file.
    """

    file: str
    config: Config | None
    summary: Summary
    problems: tuple[Problem, ...]


def load_config(
    path_or_name: str | Path, overrides: Mapping[str, object] | None = None
) -> Config:
    """Read and check a config.

    Args:
        path_or_name: A YAML file, or the name of a shipped config such as ``article``.
        overrides: Values by dotted key, such as ``{"training.epochs": 5}``.

    Raises:
        ConfigError: Anything is wrong with it; all mistakes at once, with their lines.
        UsageError: There is no such file and no such shipped config.
    """
    settings = [f"{key}={_inline(value)}" for key, value in (overrides or {}).items()]
    checked = check_config(path_or_name, settings)
    if checked.config is None:
        raise ConfigError(checked.problems)
    return checked.config


def check_config(path_or_name: str | Path, settings: list[str]) -> Checked:
    """Read a config and gather everything that is wrong with it.

    Args:
        path_or_name: A YAML file, or the name of a shipped config.
        settings: Overrides as the command line has them: ``training.epochs=5``.

    Raises:
        UsageError: There is no such file and no such shipped config.
    """
    path = find_config(path_or_name)
    name = str(path_or_name)
    try:
        root = _read_chain(path, ())
        for setting in settings:
            root = _override(root, setting)
    except ConfigError as error:
        return Checked(name, None, Summary(), error.problems)
    return _check(name, root)


def _check(name: str, root: Node) -> Checked:
    expansion = Expansion(_LAYER_NAMES)
    root = expansion.expand(root)
    problems = [*expansion.problems]
    config, summary = None, Summary()
    wrong: set[str | int] = set()
    try:
        config = Config.model_validate(root.plain())
    except ValidationError as error:
        problems += explain(error, root, Config)
        wrong = {item["loc"][0] if item["loc"] else "data" for item in error.errors()}
    walkable = config or _without(root, wrong)
    if walkable is not None and not expansion.problems:
        summary = summarize(walkable, data_known="data" not in wrong)
        for complaint in summary.complaints:
            node = locate(root, complaint.location)
            problems.append(
                node.key_or_place.problem(node.path, complaint.message, complaint.hint)
            )
    unique = sorted(set(problems), key=lambda item: (item.line, item.column))
    return Checked(name, None if unique else config, summary, tuple(unique))


def _without(root: Node, wrong: set[str | int]) -> Config | None:
    """The config less the parts that are wrong, so that its shapes can be followed."""
    plain = root.plain()
    if "model" in wrong or not isinstance(plain, dict):
        return None
    try:
        return Config.model_validate(
            {key: value for key, value in plain.items() if key not in wrong}
        )
    except ValidationError:
        return None


def find_config(path_or_name: str | Path) -> Path:
    """The file that a user means by a path or by the name of a shipped config.

    Raises:
        UsageError: There is neither.
    """
    path = Path(path_or_name).expanduser()
    name = str(path_or_name)
    if path.is_file():
        return path
    if path.is_dir():
        raise UsageError(f"'{name}' is a folder; a config is a YAML file")
    if (shipped := find_shipped(name)) is not None:
        return shipped
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise UsageError(f"there is no file '{name}'")
    raise UsageError(
        f"there is no file '{name}' and no shipped config of that name; "
        f"{suggest(name, shipped_names())}"
    )


def _read_chain(path: Path, above: tuple[Path, ...]) -> Node:
    """The tree of a file, laid upon the file that it extends, and so on."""
    name = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"'{name}' cannot be read: {error.strerror}") from None
    text = decode(data, name)
    source = Source(name, tuple(text.splitlines()))
    root = parse(text, source)
    if not isinstance(root.value, dict):
        raise ConfigError(
            [
                root.place.problem(
                    "",
                    f"expected a mapping with the keys name, data, model and training, "
                    f"found {root.describe()}",
                )
            ]
        )
    members = dict(root.value)
    extends = members.pop("extends", None)
    root = replace(root, value=members)
    if extends is None:
        return root
    return merge(_read_base(path, extends, (*above, path.resolve())), root)


def _read_base(path: Path, extends: Node, above: tuple[Path, ...]) -> Node:
    if not isinstance(extends.value, str) or not extends.value:
        raise ConfigError(
            [
                extends.place.problem(
                    "extends",
                    f"expected the name of a file or of a shipped config, found "
                    f"{extends.describe()}",
                )
            ]
        )
    beside = path.parent / extends.value
    try:
        base = beside if beside.is_file() else find_config(extends.value)
    except UsageError as error:
        raise ConfigError([extends.place.problem("extends", str(error))]) from None
    if base.resolve() in above or len(above) >= LONGEST_CHAIN:
        what = (
            "this file extends itself"
            if base.resolve() in above
            else f"more than {LONGEST_CHAIN} files extend one another"
        )
        raise ConfigError([extends.place.problem("extends", what)])
    return _read_chain(base, above)


def _override(root: Node, setting: str) -> Node:
    """The tree with one ``a.b[0].c=value`` laid upon it."""
    source = Source("--set", (setting,))
    key, equals, text = setting.partition("=")
    if not equals or not _KEY.fullmatch(key):
        raise ConfigError(
            [
                Place(source, 1, 1).problem(
                    "", "expected KEY=VALUE", "such as --set training.epochs=5"
                )
            ]
        )
    value = _parse_value(text, source, len(key) + 1)
    steps: list[str | int] = [
        int(match[2]) if match[2] else match[1] for match in _STEP.finditer(key)
    ]
    return _lay(root, steps, value, Place(source, 1, 1), "")


def _parse_value(text: str, source: Source, offset: int) -> Node:
    if not text.strip():
        return Node(None, Place(source, 1, offset + 1))
    return _shift(parse(text, source), offset)


def _shift(node: Node, offset: int) -> Node:
    """The same node, its places moved to where the value stands in the setting."""

    def moved(place: Place) -> Place:
        return (
            replace(place, column=place.column + offset) if place.line == 1 else place
        )

    value = node.value
    if isinstance(value, dict):
        value = {key: _shift(inner, offset) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_shift(inner, offset) for inner in value]
    return replace(
        node,
        value=value,
        place=moved(node.place),
        key=moved(node.key) if node.key else None,
    )


def _lay(
    base: Node | None, steps: list[str | int], value: Node, place: Place, path: str
) -> Node:
    """``value`` laid upon ``base`` at the end of ``steps``; missing keys are made."""
    if not steps:
        value = replace(_with_paths(value, path), key=place)
        return value if base is None else merge(base, value)
    step, rest = steps[0], steps[1:]
    here = join(path, step)
    if isinstance(step, int):
        items = base.value if base is not None else None
        if not isinstance(items, list) or step >= len(items):
            count = len(items) if isinstance(items, list) else 0
            raise ConfigError(
                [
                    place.problem(
                        here,
                        f"there is no item {step}; the list has {count}, from 0 on",
                    )
                ]
            )
        changed = [*items]
        changed[step] = _lay(items[step], rest, value, place, here)
        return replace(base, value=changed) if base else Node(changed, place, path)
    inner = base.child(step) if base is not None else None
    laid = replace(_lay(inner, rest, value, place, here), key=place)
    over = Node({step: laid}, place, path, place)
    if base is None or not isinstance(base.value, dict):
        return over
    return merge(base, over)


def _with_paths(node: Node, path: str) -> Node:
    value = node.value
    if isinstance(value, dict):
        value = {key: _with_paths(item, join(path, key)) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_with_paths(item, join(path, i)) for i, item in enumerate(value)]
    return replace(node, value=value, path=path)


def _inline(value: object) -> str:
    """A Python value as one line of YAML, for an override given from Python."""
    import json

    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return dump(str(value)).strip()
