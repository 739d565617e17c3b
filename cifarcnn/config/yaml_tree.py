"""A config as a tree in which every value remembers where it was written.

By hand, for the places of problems: ruamel.yaml keeps them too, but would save a fifth
of the lines of these modules only.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

from cifarcnn.errors import ConfigError, Problem

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"

# What a terminal shows of one line; a longer line is cut around the caret.
SHOWN_COLUMNS = 100
LONGEST_PATH = 200
LONGEST_QUOTE = 40
LONGEST_NUMBER_DIGITS = 40

# What a source is called that is the value of an option of the command line.
SETTING = "--set"

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text that the user wrote: a file, or the value of ``--set``.

    Attributes:
        name: What the user calls it.
        lines: Its lines, without their ends.
        offset: Characters of the first line that come before the YAML.
    """

    name: str
    lines: tuple[str, ...]
    offset: int = 0

    @classmethod
    def of(cls, name: str, text: str, offset: int = 0) -> SourceText:
        """The source of a whole text."""
        return cls(name, tuple(text.splitlines()), offset)

    def place(self, line: int = 0, column: int = 0) -> Place:
        """The place of a line and column of the YAML, both counted from 0."""
        return Place(self, line + 1, column + 1 + (0 if line else self.offset))

    def place_after(self, before: str) -> Place:
        """The place of what follows the beginning ``before`` of the text."""
        lines = (before + "|").splitlines()
        return self.place(len(lines) - 1, len(lines[-1]) - 1)


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a source; line and column count from 1."""

    source: SourceText
    line: int
    column: int

    @property
    def line_text(self) -> str:
        """The whole line that it stands in."""
        lines = self.source.lines
        return lines[self.line - 1] if 0 < self.line <= len(lines) else ""

    def error(self, path: str, message: str, hint: str = "") -> ConfigError:
        """An exception of one problem at this place."""
        return ConfigError([self.problem(path, message, hint)])

    def problem(self, path: str, message: str, hint: str = "") -> Problem:
        """A problem at this place, with the line of text it stands in."""
        text = self.line_text
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


def resolve(text: str) -> Scalar:
    """What a plain scalar means by the core schema of YAML 1.2.

    Raises:
        ValueError: A whole number has more than 40 digits.
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        if len(text) > LONGEST_NUMBER_DIGITS:
            raise ValueError(f"a number of {len(text)} digits")
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        kind = "nan" if text.lower() == ".nan" else f"{infinite[1] or ''}inf"
        return float(kind)
    return text


def is_number(text: str) -> bool:
    """Whether ``resolve`` would make a number of it, infinities aside."""
    return bool(_INT.fullmatch(text) or _FLOAT.fullmatch(text))


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
