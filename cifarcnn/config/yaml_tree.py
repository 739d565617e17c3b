"""A config as a tree in which every value remembers where it was written."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from cifarcnn.errors import Problem

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"

# What a terminal shows of one line; a longer line is cut around the caret.
SHOWN_COLUMNS = 100
LONGEST_PATH = 200
LONGEST_QUOTE = 40


@dataclass(frozen=True, slots=True)
class Source:
    """A text that the user wrote: a file, or the value of ``--set``.

    Attributes:
        name: What the user calls it.
        lines: Its lines, without their ends.
    """

    name: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, name: str, text: str) -> Source:
        """The source of a whole text."""
        return cls(name, tuple(text.splitlines()))


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
            path=escape(cut(path, LONGEST_PATH)),
            message=escape(message),
            hint=escape(hint),
            text=text[start : start + SHOWN_COLUMNS].rstrip(),
            caret=1 + _width(text[start : column - 1]),
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


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(
        0
        if unicodedata.combining(char)
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def quote(value: object) -> str:
    """A scalar as YAML would show it, cut when long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{cut(value, LONGEST_QUOTE)}'"
    text = repr(value)
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)


def cut(text: str, length: int) -> str:
    """The text, or its beginning and three points when it is longer."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def escape(text: str) -> str:
    """The text with every character that could steer a terminal written as an escape.

    Config files come from anywhere, and parts of them are shown on the screen.
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def join(path: str, step: str | int) -> str:
    """One step further down a dotted path."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


@dataclass(frozen=True, slots=True)
class Spelling:
    """What a way to write the name of a choice stands for.

    Attributes:
        name: The name that it means: ``Adam`` for ``adam``.
        shorthand: The argument that may be given by itself, as in ``Adam: 0.02``.
    """

    name: str
    shorthand: str | None = None


def merge(base: Node, over: Node, spellings: Mapping[str, Spelling]) -> Node:
    """``over`` laid upon ``base``.

    Mappings merge key by key; anything else is replaced as a whole, lists too. A named
    choice such as an optimizer merges with one of the same name, argument by argument,
    and replaces one of another.

    Args:
        base: What is changed.
        over: The change.
        spellings: The ways to write the names of choices.
    """
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    before, after = _choice(base, spellings), _choice(over, spellings)
    # Of two that nobody knows, as classes of a data set, none is a choice.
    if not (before and after and {before.name, after.name} & {*spellings}):
        return replace(over, value=_merge_keys(base.value, over.value, spellings))
    if before.name != after.name:
        return over
    [old], [key] = base.value.values(), over.value
    old, new = _with_argument(old, after), _with_argument(over.value[key], after)
    if isinstance(old.value, dict) and isinstance(new.value, dict):
        # Not looked at as choices again: the argument of L2 is called l2.
        new = replace(new, value=_merge_keys(old.value, new.value, spellings))
    return replace(over, value={key: new})


def _merge_keys(
    base: dict[str, Node], over: dict[str, Node], spellings: Mapping[str, Spelling]
) -> dict[str, Node]:
    return base | {
        key: merge(base[key], node, spellings) if key in base else node
        for key, node in over.items()
    }


def _with_argument(arguments: Node, spelling: Spelling) -> Node:
    """``0.02`` of ``Adam: 0.02`` as ``{learning_rate: 0.02}``."""
    if spelling.shorthand is None or isinstance(arguments.value, dict | None):
        return arguments
    return replace(arguments, value={spelling.shorthand: arguments})


def _choice(node: Node, spellings: Mapping[str, Spelling]) -> Spelling | None:
    """The name that a mapping such as ``{adam: ...}`` chooses: ``Adam``."""
    if not isinstance(node.value, dict) or len(node.value) != 1:
        return None
    key = next(iter(node.value))
    # A misspelt name begins with a capital letter too.
    return spellings.get(key, Spelling(key) if key[:1].isupper() else None)


def measure(root: Node) -> tuple[int, int]:
    """How many values a tree holds, itself included, and how deep it is.

    Blocks and repetitions share what they write out again and again, so that a tree
    may stand for far more values than there are objects: each is counted as often as
    it occurs, but looked at once.
    """
    known: dict[int, tuple[int, int]] = {}

    def measured(node: Node) -> tuple[int, int]:
        if not isinstance(node.value, dict | list):
            return 1, 1
        if id(node.value) not in known:
            items = node.value.values() if isinstance(node.value, dict) else node.value
            sizes = [measured(item) for item in items]
            size = 1 + sum(size for size, _ in sizes)
            depth = 1 + max((depth for _, depth in sizes), default=0)
            known[id(node.value)] = size, depth
        return known[id(node.value)]

    return measured(root)
