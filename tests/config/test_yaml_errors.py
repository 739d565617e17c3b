"""Mistakes of grammar, in the words that a student reads."""

from __future__ import annotations

import pytest
import yaml

from cifarcnn.config.yaml_errors import to_problem
from cifarcnn.config.yaml_text import parse
from cifarcnn.config.yaml_tree import SourceText
from cifarcnn.errors import ConfigError

INDENT = "give the keys of one mapping, and the items of one list, the same indentation"
COLON = (
    "a key needs ': ' with a space; keys of one mapping need the same indentation; "
    "a value that contains ': ' needs quotes"
)
QUOTE = "put the value in quotes"
CASES = {
    "a word by itself in the last line": (
        "a: 1\nb c\n", 2, 1, "a word by itself; expected 'key: value' or '- item'",
        "put a ':' and a space after a key; indent what belongs to the line before",
    ),
    "a tab at the beginning of a line": (
        "a:\n\tb: 1", 2, 1, "a tab; YAML is indented with spaces",
        "replace every tab by spaces",
    ),
    "a value that begins with a percent sign": (
        "a: %b", 1, 4, "a value cannot begin with %", QUOTE,
    ),
    "a value that begins with an at sign": (
        "a: @b", 1, 4, "a value cannot begin with @", QUOTE,
    ),
    "a value that begins with a backtick": (
        "a: `b`", 1, 4, "a value cannot begin with `", QUOTE,
    ),
    "a word by itself": (
        "a: 1\nb\nc: 2", 2, 1,
        "a word by itself; expected 'key: value' or '- item'",
        "put a ':' and a space after a key; indent what belongs to the line before",
    ),
    "a colon in a value": (
        "a: b: c", 1, 5,
        "this ':' is not expected here, or something is wrong in the line before",
        COLON,
    ),
    "a colon without a space after it": (
        "a: {b:, c: 1}", 1, 6, "a ':' without a space after it", "write 'key: value'",
    ),
    "a list that begins behind its key": (
        "a: - b", 1, 4, "a list item cannot begin here",
        "begin the list in a new line, or write it as [a, b]",
    ),
    "a quote that is not closed": (
        "a: 1\nb: 'c\nd: 2\n", 2, 4, "the quote that opens here is never closed",
        "close it with the same sign",
    ),
    "a quote that is closed by the end of a document": (
        "a: \"c\n---\n", 1, 4, "the quote that opens here is never closed",
        "close it with the same sign",
    ),
    "a backslash": (
        'a: "C:\\data"', 1, 8, "an unknown \\ sequence in double quotes",
        "in single quotes a \\ stands for itself",
    ),
    "an incomplete escape": (
        'a: "\\xg"', 1, 7, "an unknown \\ sequence in double quotes",
        "in single quotes a \\ stands for itself",
    ),
    "an escape beyond Unicode": (
        'a: "\\UFFFFFFFF"', 1, 7, "an unknown \\ sequence in double quotes",
        "in single quotes a \\ stands for itself",
    ),
    "half a pair of surrogates": (
        'a: "\\uD800"', 1, 7, "an unknown \\ sequence in double quotes",
        "in single quotes a \\ stands for itself",
    ),
    "a bracket that is not closed": (
        "a: 1\nb: [1, 2\n", 2, 4, "the '[' that opens here is never closed",
        "close it with ]",
    ),
    "a brace that is not closed": (
        "a: {b: 1", 1, 4, "the '{' that opens here is never closed", "close it with }",
    ),
    "a bracket that opens at the end": (
        "a: [", 1, 5,
        "the text ends inside a list or mapping that is never closed",
        "close it with ] or }",
    ),
    "a missing comma in a list": (
        "a: ['b' 'c']", 1, 9, "expected ',' or ']' here",
        "put a comma between the items, and ] after the last",
    ),
    "a missing comma in a mapping": (
        "a: {b: 'c' d: 'e'}", 1, 12, "expected ',' or '}' here",
        "put a comma between the members, and } after the last",
    ),
    "a value that is missing": (
        "a: [1, ]]\nb: [,]", 1, 9, "this ']' closes nothing", "remove it",
    ),
    "a comma without a value before it": (
        "b: [,]", 1, 5, "expected a value before ','",
        "give the value, or remove what is too much",
    ),
    "a text that begins with a star": (
        "a: *.jpg", 1, 4,
        "a value that begins with * is an alias, which is not allowed", QUOTE,
    ),
    "a text that begins with an ampersand": (
        "a: & b", 1, 4,
        "a value that begins with & is an anchor, which is of no use here", QUOTE,
    ),
    "a tag that is none": (
        "a: !<x", 1, 7, "tags and directives are not allowed",
        "begin the file with a key; put a value that begins with ! or % in quotes",
    ),
    "a directive": (
        "%YAML 3.0\n---\na: 1", 1, 1, "tags and directives are not allowed",
        "begin the file with a key; put a value that begins with ! or % in quotes",
    ),
    "a directive with a long number": (
        "%YAML " + "9" * 5000 + ".1\n---\na: 1", 1, 16,
        "tags and directives are not allowed",
        "begin the file with a key; put a value that begins with ! or % in quotes",
    ),
    "a text after a quoted one": (
        'a: "b" c', 1, 8, "this does not belong to the value before it",
        "put the whole value in quotes, or begin a new line",
    ),
    "an item that is indented too little": (
        "a:\n  - b\n - c", 3, 2,
        "the indentation of this line does not fit the lines before it", INDENT,
    ),
    "a key after the end of a list": (
        "[a]\nb: 1", 2, 1,
        "the indentation of this line does not fit the lines before it", INDENT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_of_grammar_is_told_at_its_place(case: str) -> None:
    text, line, column, message, hint = CASES[case]
    with pytest.raises(ConfigError) as caught:
        parse(text, "f")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (line, column)
    assert (problem.message, problem.hint) == (f"not valid YAML: {message}", hint)


def test_a_tab_before_a_comment_does_not_hide_the_mistake() -> None:
    text = "a: x\t# a comment\nb: {c: 1\nd: 2\n"
    assert parse("a: x\t# a comment\n", "f") is not None
    with pytest.raises(ConfigError) as caught:
        parse(text, "f")
    assert [problem.line for problem in caught.value.problems] == [2]


def test_what_has_no_words_yet_is_told_in_the_parsers_own() -> None:
    error = yaml.MarkedYAMLError(context="while doing this", problem="that happened")
    problem = to_problem(error, SourceText.of("f", "a: 1"))
    assert problem.message == "not valid YAML: while doing this: that happened"
    assert (problem.line, problem.column) == (1, 1)


def test_a_long_text_is_told_in_the_words_of_the_fast_parser() -> None:
    text = "a: 1\n" + "# a comment\n" * 5000 + "b: [1, 2"
    with pytest.raises(ConfigError) as caught:
        parse(text, "f")
    assert caught.value.problems[0].line in (5002, 5003)
    assert caught.value.problems[0].message.startswith("not valid YAML: ")
