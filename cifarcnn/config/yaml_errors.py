"""What is wrong with YAML text, in words for people who do not know its grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from cifarcnn.config.yaml_tree import Place, Source
from cifarcnn.errors import Problem

_INDENT = (
    "give the keys of one mapping, and the items of one list, the same indentation"
)
_QUOTE = "put the value in quotes"


@dataclass(frozen=True)
class _Saying:
    """How one kind of the parser's complaints is told.

    Attributes:
        pattern: Finds the complaint: what the parser was doing, then what was wrong.
        message: What to say instead; ``{0}`` is the first group of the pattern.
        hint: The way out.
        at_start: Whether the mistake lies where the parser began, not where it gave up.
    """

    pattern: str
    message: str
    hint: str
    at_start: bool = False


# The first one that fits is taken.
_SAYINGS = (
    _Saying(
        r"character '\\t'|tab character",
        "a tab; YAML is indented with spaces",
        "replace every tab by spaces",
    ),
    _Saying(
        r"character '([%@`])' that cannot start",
        "a value cannot begin with {0}",
        _QUOTE,
    ),
    _Saying(
        r"simple key: could not find expected ':'",
        "a word by itself; expected 'key: value' or '- item'",
        "put a ':' and a space after a key; indent what belongs to the line before",
        at_start=True,
    ),
    _Saying(
        r"mapping values are not allowed",
        "this ':' is not expected here, or something is wrong in the line before",
        "a key needs ': ' with a space; keys of one mapping need the same indentation; "
        "a value that contains ': ' needs quotes",
    ),
    _Saying(
        r"found unexpected ':'",
        "a ':' without a space after it",
        "write 'key: value'",
    ),
    _Saying(
        r"(?:sequence|block sequence) entries are not allowed",
        "a list item cannot begin here",
        "begin the list in a new line, or write it as [a, b]",
    ),
    _Saying(
        r"scanning a quoted scalar: found unexpected (?:end|document)",
        "the quote that opens here is never closed",
        "close it with the same sign",
        at_start=True,
    ),
    _Saying(
        r"unknown escape character|escape sequence of|escape code",
        "an unknown \\ sequence in double quotes",
        "in single quotes a \\ stands for itself",
    ),
    _Saying(
        r"flow sequence: .*stream end",
        "the '[' that opens here is never closed",
        "close it with ]",
        at_start=True,
    ),
    _Saying(
        r"flow mapping: .*stream end",
        "the '{{' that opens here is never closed",
        "close it with }",
        at_start=True,
    ),
    _Saying(
        r"node content, but found '<stream end>'|find expected node content",
        "the text ends inside a list or mapping that is never closed",
        "close it with ] or }",
    ),
    _Saying(
        r"flow sequence: expected ',' or '\]'",
        "expected ',' or ']' here",
        "put a comma between the items, and ] after the last",
    ),
    _Saying(
        r"flow mapping: expected ',' or '}'",
        "expected ',' or '}}' here",
        "put a comma between the members, and } after the last",
    ),
    _Saying(
        r"node content, but found '(.)'",
        "expected a value before '{0}'",
        "give the value, or remove what is too much",
    ),
    _Saying(
        r"scanning an alias",
        "a value that begins with * is an alias, which is not allowed",
        _QUOTE,
        at_start=True,
    ),
    _Saying(
        r"scanning an anchor",
        "a value that begins with & is an anchor, which is of no use here",
        _QUOTE,
        at_start=True,
    ),
    _Saying(
        r"ing an? (?:tag|%YAML|directive)|duplicate|incompatible|undefined tag",
        "tags and directives are not allowed",
        "begin the file with a key; put a value that begins with ! or % in quotes",
    ),
    _Saying(
        r"parsing a block.*found '(?:<scalar>|[\[{,}\]])'",
        "this does not belong to the value before it",
        "put the whole value in quotes, or begin a new line",
    ),
    _Saying(
        r"parsing a block|document start",
        "the indentation of this line does not fit the lines before it",
        _INDENT,
    ),
)


def tell(error: yaml.MarkedYAMLError, source: Source) -> Problem:
    """The parser's complaint as a problem with its place and a way out."""
    what = f"{error.context or ''}: {error.problem or ''}".strip(": ")
    start, end = error.context_mark, error.problem_mark
    for saying in _SAYINGS:
        if found := re.search(saying.pattern, what):
            mark = (saying.at_start and start) or end or start
            return _place(mark, source).problem(
                "",
                f"not valid YAML: {saying.message.format(*found.groups())}",
                saying.hint,
            )
    return _place(end or start, source).problem("", f"not valid YAML: {what}")


def _place(mark: yaml.Mark | None, source: Source) -> Place:
    if mark is None:
        return Place(source, 1, 1)
    return Place(source, mark.line + 1, mark.column + 1)
