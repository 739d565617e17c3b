"""Errors of the YAML parser, in words for people who do not know YAML's grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from cifarcnn.config.yaml_tree import SourceText
from cifarcnn.config.yaml_typos import (
    Typo,
    find_missing_colon,
    find_missing_space,
    find_odd_character,
    find_open_bracket,
)
from cifarcnn.errors import Problem

_INDENT = (
    "give the keys of one mapping, and the items of one list, the same indentation"
)
_QUOTE = "put the value in quotes"


@dataclass(frozen=True)
class _Wording:
    """How one kind of the parser's errors is told.

    Attributes:
        pattern: Finds the error: what the parser was doing, then what it met.
        message: What to say instead; ``{0}`` is the first group of the pattern.
        hint: The way out.
        at_start: Whether the problem lies where the parser began, not where it gave up.
    """

    pattern: str
    message: str
    hint: str
    at_start: bool = False


# The first one that fits is taken.
_WORDINGS = (
    _Wording(
        r"character '\\t'|tab character",
        "a tab; YAML is indented with spaces",
        "replace every tab by spaces",
    ),
    _Wording(
        r"character '([%@`])' that cannot start",
        "a value cannot begin with {0}",
        _QUOTE,
    ),
    _Wording(
        r"simple key: could not find expected ':'",
        "a word by itself; expected 'key: value' or '- item'",
        "put a ':' and a space after a key; indent what belongs to the line before",
        at_start=True,
    ),
    _Wording(
        r"mapping values are not allowed",
        "this ':' is not expected here, or something is wrong in the line before",
        "a key needs ': ' with a space; keys of one mapping need the same indentation; "
        "a value that contains ': ' needs quotes",
    ),
    _Wording(
        r"found unexpected ':'",
        "a ':' without a space after it",
        "write 'key: value'",
    ),
    _Wording(
        r"(?:sequence|block sequence) entries are not allowed",
        "a list item cannot begin here",
        "begin the list in a new line, or write it as [a, b]",
    ),
    _Wording(
        r"scanning a quoted scalar: found unexpected (?:end|document)",
        "the quote that opens here is never closed",
        "close it with the same sign",
        at_start=True,
    ),
    _Wording(
        r"unknown escape character|escape sequence of|escape code",
        "an unknown \\ sequence in double quotes",
        "in single quotes a \\ stands for itself",
    ),
    _Wording(
        r"flow sequence: .*stream end",
        "the '[' that opens here is never closed",
        "close it with ]",
        at_start=True,
    ),
    _Wording(
        r"flow mapping: .*stream end",
        "the '{{' that opens here is never closed",
        "close it with }",
        at_start=True,
    ),
    _Wording(
        r"node content, but found '<stream end>'|find expected node content",
        "the text ends inside a list or mapping that is never closed",
        "close it with ] or }",
    ),
    _Wording(
        r"flow sequence: expected ',' or '\]'",
        "expected ',' or ']' here",
        "put a comma between the items, and ] after the last",
    ),
    _Wording(
        r"flow mapping: expected ',' or '}'",
        "expected ',' or '}}' here",
        "put a comma between the members, and } after the last",
    ),
    _Wording(
        r"node content, but found '(.)'",
        "expected a value before '{0}'",
        "give the value, or remove what is too much",
    ),
    _Wording(
        r"scanning an alias",
        "a value that begins with * is an alias, which is not allowed",
        _QUOTE,
        at_start=True,
    ),
    _Wording(
        r"scanning an anchor",
        "a value that begins with & is an anchor, which is of no use here",
        _QUOTE,
        at_start=True,
    ),
    _Wording(
        r"ing an? (?:tag|%YAML|directive)|duplicate|incompatible|undefined tag",
        "tags and directives are not allowed",
        "begin the file with a key; put a value that begins with ! or % in quotes",
    ),
    _Wording(
        r"parsing a block.*found '([\]}])'",
        "this '{0}' closes nothing",
        "remove it",
    ),
    _Wording(
        r"parsing a block.*found ','",
        "a comma after the end of a value",
        "remove it: each item ends with its line",
    ),
    _Wording(
        r"parsing a block.*found '(?:<scalar>|[\[{,}\]])'",
        "this does not belong to the value before it",
        "put the whole value in quotes, or begin a new line",
    ),
    _Wording(
        r"parsing a block|document start",
        "the indentation of this line does not fit the lines before it",
        _INDENT,
    ),
)


def to_problem(error: yaml.MarkedYAMLError, source: SourceText) -> Problem:
    """The parser's error as a problem with its place and a way out."""
    what = f"{error.context or ''}: {error.problem or ''}".strip(": ")
    start, end = error.context_mark, error.problem_mark
    mark, message, hint = end or start, what, ""
    if typo := _find_typo(error, what, source):
        return typo.place.problem("", f"not valid YAML: {typo.message}", typo.hint)
    for wording in _WORDINGS:
        if found := re.search(wording.pattern, what):
            mark = (wording.at_start and start) or mark
            message, hint = wording.message.format(*found.groups()), wording.hint
            break
    place = source.place(mark.line, mark.column) if mark else source.place()
    return place.problem("", f"not valid YAML: {message}", hint)


def _find_typo(
    error: yaml.MarkedYAMLError, what: str, source: SourceText
) -> Typo | None:
    """What the parser stumbled over later, at its own place."""
    start, end = error.context_mark, error.problem_mark
    if end is None:
        return None
    first = end.line
    # Where a block began says little: it may be the head of the file.
    if start is not None and "parsing a block" not in what:
        first = start.line + 1
    if typo := find_odd_character(source, first, end.line + 1):
        return typo
    is_value = "mapping values are not allowed" in what
    if is_value or "expected ':'" in what or "parsing a block" in what:
        if typo := find_missing_space(source, end.line + 1):
            return typo
    if is_value:
        if typo := find_missing_colon(source, end.line + 1):
            return typo
    if start is not None and "flow" in what:
        begins = source.place(start.line, start.column)
        return find_open_bracket(source, begins.line, begins.column)
    return None
