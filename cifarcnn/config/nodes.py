"""A config as a tree in which every value remembers where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from cifarcnn.errors import Problem

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"

# What a terminal shows of one line; a longer line is cut around the caret.
SHOWN_COLUMNS = 100


@dataclass(frozen=True, slots=True)
class Source:
    """A text that the user wrote: a file, or the value of ``--set``.

    Attributes:
        name: What the user calls it.
        lines: Its lines, without their ends.
    """

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a source; line and column count from 1."""

    source: Source
    line: int
    column: int

    def problem(self, path: str, message: str, hint: str = "") -> Problem:
        """A mistake at this place, with the line of text it stands in."""
        lines = self.source.lines
        text = lines[self.line - 1] if 0 < self.line <= len(lines) else ""
        text = "".join(" " if not char.isprintable() else char for char in text)
        column = min(self.column, len(text) + 1)
        start = 0 if len(text) <= SHOWN_COLUMNS else max(0, column - SHOWN_COLUMNS // 2)
        return Problem(
            file=self.source.name,
            line=self.line,
            column=self.column,
            path=path,
            message=message,
            hint=hint,
            text=text[start : start + SHOWN_COLUMNS].rstrip(),
            caret=column - start,
        )


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the tree.

    Attributes:
        value: A scalar, a list of nodes, or nodes by key.
        place: Where the value begins.
        path: The dotted way to it in its own source.
        key: Where its key begins, for the member of a mapping.
    """

    value: Scalar | list[Node] | dict[str, Node]
    place: Place
    path: str = ""
    key: Place | None = None

    @property
    def key_or_place(self) -> Place:
        return self.key or self.place

    def plain(self) -> Plain:
        """The value alone, as lists, dicts and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def find(self, path: Sequence[str | int]) -> tuple[Node, bool]:
        """The node at ``path``, or the deepest one on the way to it.

        Returns:
            The node, and whether the whole path was there.
        """
        node = self
        for step in path:
            inner = node.child(step)
            if inner is None:
                return node, False
            node = inner
        return node, True

    def child(self, step: str | int) -> Node | None:
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int):
            return self.value[step] if 0 <= step < len(self.value) else None
        return None

    def describe(self) -> str:
        """The value as a message quotes it: short, and with its type visible."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        return quote(self.value)

    def named(self) -> tuple[str, Node | None] | None:
        """``Flatten`` or ``{Dense: {units: 10}}`` as a name and its arguments."""
        if isinstance(self.value, str):
            return self.value, None
        if isinstance(self.value, dict) and len(self.value) == 1:
            return next(iter(self.value.items()))
        return None


def quote(value: object) -> str:
    """A scalar as YAML would show it, cut when long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 40 else f"'{value[:37]}...'"
    text = repr(value)
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)


def join(path: str, step: str | int) -> str:
    """One step further down a dotted path."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def merge(base: Node, over: Node) -> Node:
    """``over`` laid upon ``base``.

    Mappings merge key by key; anything else is replaced as a whole, lists too. A
    named choice such as an optimizer merges with one of the same name and replaces
    one of another: names begin with a capital letter, keys do not.
    """
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    if _is_choice(over) and _is_choice(base) and over.value.keys() != base.value.keys():
        return over
    merged = dict(base.value)
    for key, node in over.value.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return replace(over, value=merged)


def _is_choice(node: Node) -> bool:
    return isinstance(node.value, dict) and any(key[:1].isupper() for key in node.value)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    if isinstance(node.value, dict):
        for inner in node.value.values():
            yield from walk(inner)
    elif isinstance(node.value, list):
        for inner in node.value:
            yield from walk(inner)
