"""Values laid upon a config from outside: ``--set training.epochs=5``."""

from __future__ import annotations

import re
from dataclasses import replace

from cifarcnn.config.schema import SPELLINGS
from cifarcnn.config.yaml_text import DEEPEST_NESTING, parse_value
from cifarcnn.config.yaml_tree import Node, Place, Source, join, merge
from cifarcnn.errors import ConfigError

_STEP = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
_NAME = r"[^.\[\]=\s]+(\[[0-9]{1,6}\])*"
_KEY = re.compile(rf"{_NAME}(\.{_NAME})*")


def override(root: Node, setting: str) -> Node:
    """The tree with one ``a.b[0].c=value`` laid upon it.

    Mappings are laid upon mappings key by key, and missing keys are made; a number in
    brackets names an item that is there.

    Raises:
        ConfigError: It is not written like that, the value is not YAML, there is no
            such item, or the key is ``extends``.
    """
    source = Source.of("--set", setting)
    key, equals, text = setting.partition("=")
    if not equals or not _KEY.fullmatch(key):
        what = "expected KEY=VALUE"
        hint = "such as training.epochs=5 or model.layers[0].Conv2D.filters=64"
        raise ConfigError([Place(source, 1, 1).problem("", what, hint)])
    steps: list[str | int] = [
        int(match[2]) if match[2] else match[1] for match in _STEP.finditer(key)
    ]
    if len(steps) > DEEPEST_NESTING:
        what = f"nested more than {DEEPEST_NESTING} levels deep"
        raise ConfigError([Place(source, 1, 1).problem("", what)])
    if steps[0] == "extends":
        what = "only a file can extend another one"
        raise ConfigError([Place(source, 1, 1).problem("extends", what)])
    value = _parse_value(text, source, len(key) + 1)
    return _lay(root, steps, value, Place(source, 1, 1), "")


def _parse_value(text: str, source: Source, offset: int) -> Node:
    """The value of a setting, its places counted from where the setting begins.

    Raises:
        ConfigError: It is not a YAML value.
    """
    try:
        node = parse_value(text, Source.of(source.name, text))
    except ConfigError as error:
        raise ConfigError(
            [
                Place(
                    source,
                    problem.line,
                    problem.column + (offset if problem.line == 1 else 0),
                ).problem(problem.path, problem.message, problem.hint)
                for problem in error.problems
            ]
        ) from None
    if node is None:
        return Node(None, Place(source, 1, offset + 1))
    return _shift(node, source, offset)


def _shift(node: Node, source: Source, offset: int) -> Node:
    """The same node, its places moved to where the value stands in the setting."""

    def moved(place: Place) -> Place:
        first = place.line == 1
        return Place(source, place.line, place.column + (offset if first else 0))

    value = node.value
    if isinstance(value, dict):
        value = {key: _shift(inner, source, offset) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_shift(inner, source, offset) for inner in value]
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
        return value if base is None else merge(base, value, SPELLINGS)
    step, rest = steps[0], steps[1:]
    here = join(path, step)
    if isinstance(step, int):
        if base is None or not isinstance(base.value, list):
            found = base.describe() if base is not None else "nothing"
            raise ConfigError([place.problem(path, f"expected a list, found {found}")])
        items = base.value
        if step >= len(items):
            what = f"there is no item {step}; the list has {len(items)}"
            raise ConfigError([place.problem(here, what, "they count from 0")])
        changed = [*items]
        changed[step] = _lay(items[step], rest, value, place, here)
        return replace(base, value=changed)
    inner = base.child(step) if base is not None else None
    laid = replace(_lay(inner, rest, value, place, here), key=place)
    over = Node({step: laid}, place, path, place)
    if base is None or not isinstance(base.value, dict):
        return over
    return merge(base, over, SPELLINGS)


def _with_paths(node: Node, path: str) -> Node:
    value = node.value
    if isinstance(value, dict):
        value = {key: _with_paths(item, join(path, key)) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_with_paths(item, join(path, i)) for i, item in enumerate(value)]
    return replace(node, value=value, path=path)
