"""Typos in YAML text that the parser takes for something else, or tells elsewhere.

A space that only looks like one, a colon without a space after it, a bracket that is
never closed: what follows from them stands lines below.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from cifarcnn.config.yaml_tree import Place, SourceText

_QUOTED_OR_COMMENT = re.compile(
    r"""(?<![^\s,:\[{])("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?<!\S)\#.*"""
)
_NO_SPACE = re.compile(r"([A-Za-z_]\w+):([^\s:/\\].*)")
_EQUALS = re.compile(r"([A-Za-z_]\w+) ?= ?([^\s=][^=]*)")
_NO_SPACE_IN_LINE = re.compile(r"(\s*(?:- )?[A-Za-z_]\w+:)([^\s:/\\].*)")
_NO_SPACE_AFTER_DASH = re.compile(r"(\s*-)([A-Za-z].*)")
_NO_COLON = re.compile(r"\s*(?:- )?([A-Za-z_]\w*)\s*(?=\{|$)")
_NO_BRACES = re.compile(r"(\s*(?:- )?[A-Z]\w+: )(\w+: [^{}\[\]]*\w)\s*$")
_BLOCK_LINE = re.compile(r"\s*(- |-$|[\w$]+:(\s|$))")
_CLOSING = {"[": "]", "{": "}"}
_MOST_LINES_BACK = 5


@dataclass(frozen=True)
class Typo:
    """A typo at its own place; the lines and columns of ``place`` count from 1."""

    place: Place
    message: str
    hint: str


def find_odd_character(source: SourceText, first: int, last: int) -> Typo | None:
    """A space, dash, quote or bracket that YAML does not know, but people mean.

    Args:
        source: The text; quoted values and comments in it are not looked at.
        first: The first line to look at, counted from 1.
        last: The last one.
    """
    for number in range(max(first, 1), min(last, len(source.lines)) + 1):
        for column, char in enumerate(_unquoted(source.lines[number - 1]), 1):
            if meant := _meant(char):
                name = unicodedata.name(char, "a character without a name").lower()
                message = f"the character U+{ord(char):04X} ({name}) stands here"
                hint = (
                    f"write an ordinary {meant}" if meant != "nothing" else "remove it"
                )
                return Typo(Place(source, number, column), message, hint)
    return None


def has_odd_character(text: str) -> bool:
    """Whether the text has a character that :func:`find_odd_character` tells."""
    return any(map(_meant, text))


def hint_for_missing_space(text: str) -> str:
    """The way out for a text such as ``epochs:3``; nothing for another text."""
    if found := _NO_SPACE.fullmatch(text):
        return f"put a space after the colon: {found[1]}: {found[2]}"
    if found := _EQUALS.fullmatch(text):
        return f"write {found[1]}: {found[2]}"
    return "put a space after the -" if _NO_SPACE_AFTER_DASH.fullmatch(text) else ""


def key_before_colon(text: str) -> str:
    """``epochs`` of ``epochs:3`` or ``epochs=3``; else the whole text."""
    found = _NO_SPACE.fullmatch(text) or _EQUALS.fullmatch(text)
    return found[1] if found else text


def find_missing_space(source: SourceText, line: int) -> Typo | None:
    """A ``key:value`` or ``-item`` in the lines up to ``line``."""
    # An error at the end of the text stands one line after the last.
    last = min(line, len(source.lines))
    for number in range(last, max(last - 1 - _MOST_LINES_BACK, 0), -1):
        text = _unquoted(source.lines[number - 1])
        for pattern in (_NO_SPACE_IN_LINE, _NO_SPACE_AFTER_DASH):
            if found := pattern.match(text):
                sign = found[1][-1]
                written = f"{found[1].strip()} {found[2].rstrip()}"
                place = Place(source, number, found.end(1))
                message = f"a '{sign}' without a space after it"
                return Typo(place, message, f"write {written}")
    return None


def find_missing_colon(source: SourceText, line: int) -> Typo | None:
    """The ``:`` or the braces that ``Dense {units: 9}`` and the like lack."""
    if line > len(source.lines):
        return None
    text = _unquoted(source.lines[line - 1])
    if found := _NO_BRACES.match(text):
        place = Place(source, line, found.end(1) + 1)
        message = "several arguments in one line"
        return Typo(place, message, f"write {found[1].strip()} {{{found[2]}}}")
    if re.match(r"\s*- ", text) and "{" not in text:
        return None
    above = _unquoted(source.lines[line - 2]) if line > 1 else ""
    for number, text_of_key in ((line, text), (line - 1, above)):
        found = _NO_COLON.match(text_of_key)
        if found and (number < line or "{" in text_of_key):
            place = Place(source, number, found.end(1) + 1)
            message = f"the ':' after {found[1]} is missing"
            return Typo(place, message, f"write {found[1]}:")
    return None


def find_open_bracket(source: SourceText, line: int, column: int) -> Typo | None:
    """The bracket that should have been closed before its text goes on otherwise.

    Args:
        source: The text.
        line: Where the outermost bracket opens, counted from 1.
        column: The same.
    """
    opened: list[tuple[int, int, str]] = []
    for number, text in _lines_from(source, line):
        for index, char in enumerate(text, 1):
            if number == line and index < column:
                continue
            if char in _CLOSING:
                opened.append((number, index, char))
            elif char in "]}" and opened:
                if char != _CLOSING[opened[-1][2]]:
                    return _tell_open(source, opened[-1])
                opened.pop()
                if not opened:
                    return None
        following = source.lines[number] if number < len(source.lines) else ""
        is_item = re.match(r"\s*-( |$)", following)
        ends = not text.rstrip().endswith((",", "[", "{"))
        if opened and (is_item or (ends and _BLOCK_LINE.match(following))):
            return _tell_open(source, opened[-1])
    return None


def _tell_open(source: SourceText, bracket: tuple[int, int, str]) -> Typo:
    line, column, char = bracket
    message = f"the '{char}' that opens here is never closed"
    return Typo(Place(source, line, column), message, f"close it with {_CLOSING[char]}")


def _lines_from(source: SourceText, line: int) -> Iterator[tuple[int, str]]:
    for number in range(line, len(source.lines) + 1):
        yield number, _unquoted(source.lines[number - 1])


def _unquoted(line: str) -> str:
    """The line with quoted texts and comments blanked, so that columns stay."""
    return _QUOTED_OR_COMMENT.sub(lambda found: " " * len(found[0]), line)


def _meant(char: str) -> str:
    """What YAML's own character is called that ``char`` stands for; else nothing."""
    if char.isascii():
        return ""
    kind = unicodedata.category(char)
    if kind == "Zs":
        return "space"
    if kind == "Cf":
        return "nothing"
    if kind == "Pd" or char == "\N{MINUS SIGN}":
        return "hyphen: -"
    if kind in ("Pi", "Pf") or char in "\N{DOUBLE LOW-9 QUOTATION MARK}‚′″":
        return "quote: '"
    plain = unicodedata.normalize("NFKC", char)
    return {":": "colon: :", ",": "comma: ,"}.get(plain, "") or (
        f"bracket: {plain}" if len(plain) == 1 and plain in "[]{}()" else ""
    )
