"""Values put into the tree of a config, in place of what stands there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from cifarcnn.config.overrides import lay, with_paths
from cifarcnn.config.yaml_tree import Node, Place, join

# The way to a value: keys, and the numbers of items.
Way: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Change:
    """One value to be put into a tree.

    Attributes:
        way: Where, as the tree was at first.
        value: What. For an item of a list, such as a layer: null or ``[]`` leaves it
            out, and a list puts several in its place.
        place: Where the way is written.
    """

    way: Way
    value: Node
    place: Place


def put(root: Node, changes: Iterable[Change]) -> Node:
    """The tree with all changes; none of them lies within another.

    Unlike ``--set``, which lays mappings upon mappings, a value takes the place of
    what stands there as a whole.

    Raises:
        ConfigError: A way leads nowhere.
    """
    of_items = []
    for change in changes:
        if _is_replaced(root, change.way):
            of_items.append(change)
        else:
            # Nothing is merged with null.
            null = Node(None, change.value.place)
            root = lay(root, change.way, null, change.place)
            root = lay(root, change.way, change.value, change.place)
    # The last first, so that the numbers of the others stay right.
    for change in sorted(of_items, key=lambda change: _order(change.way), reverse=True):
        root = _splice(root, change.way, change)
    return root


def child_at(root: Node, way: Sequence[str | int]) -> Node | None:
    """What stands in the tree at the end of the way."""
    node: Node | None = root
    for step in way:
        node = node.child(step) if node is not None else None
    return node


def join_way(way: Sequence[str | int]) -> str:
    """A way as messages and ``--set`` have it."""
    path = ""
    for step in way:
        path = join(path, step)
    return path


def _is_replaced(root: Node, way: Way) -> bool:
    """Whether it is an item of a list, such as a layer, and no list itself."""
    item = child_at(root, way) if isinstance(way[-1], int) else None
    return item is not None and isinstance(item.value, str | dict)


def _order(way: Way) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in way]


def _splice(node: Node, way: Way, change: Change) -> Node:
    step, *rest = way
    if rest and isinstance(node.value, dict) and isinstance(step, str):
        inner = _splice(node.value[step], (*rest,), change)
        return replace(node, value=node.value | {step: inner})
    if not isinstance(node.value, list) or not isinstance(step, int):
        raise TypeError(f"{change.way} does not lead through mappings and lists")
    items = [*node.value]
    if rest:
        items[step] = _splice(items[step], (*rest,), change)
    else:
        items[step : step + 1] = _as_items(change)
    return replace(node, value=items)


def _as_items(change: Change) -> list[Node]:
    value = change.value.value
    items = value if isinstance(value, list) else [change.value]
    path = join_way(change.way)
    return [] if value is None else [with_paths(item, path) for item in items]
