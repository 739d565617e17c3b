"""Text to a tree: what is refused, with which words, and at which place."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarcnn.config.encoding import LARGEST_FILE_BYTES, decode
from cifarcnn.config.yaml_text import dump, parse, parse_value
from cifarcnn.config.yaml_tree import Node, SourceText
from cifarcnn.errors import ConfigError, Problem


def read(text: str) -> Node:
    return parse(text, "f")


def child(node: Node, *steps: str | int) -> Node:
    for step in steps:
        inner = node.child(step)
        assert inner is not None
        node = inner
    return node


def refusal(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value.problems


def only(text: str) -> tuple[int, int, str, str]:
    (problem,) = refusal(text)
    return problem.line, problem.column, problem.message, problem.hint


# --- bytes to text -------------------------------------------------------------------


def test_utf_8_with_and_without_a_byte_order_mark() -> None:
    assert decode("a: é".encode(), "f") == "a: é"
    assert decode("a: é".encode("utf-8-sig"), "f") == "a: é"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_first_byte_that_is_not_utf_8_is_shown(mark: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        decode(mark + "# é\nname: é ".encode() + b"\xfc\n", "f")
    assert str(caught.value) == (
        "f:2:9: byte 0xfc is not UTF-8 text; in Latin-1 it would be 'ü'\n"
        "    2 | name: é \ufffd\n"
        "      |         ^\n"
        "      save the file as UTF-8"
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_told_to_be_saved_as_utf_8(encoding: str) -> None:
    with pytest.raises(ConfigError) as caught:
        text = decode("name: small".encode(encoding), "f")
        parse(text, "f")
    assert caught.value.problems[0].hint == "save the file as UTF-8"


def test_a_file_of_the_largest_size_is_read_and_a_larger_one_is_not() -> None:
    assert decode(b"#" * LARGEST_FILE_BYTES, "f") == "#" * LARGEST_FILE_BYTES
    with pytest.raises(ConfigError) as caught:
        decode(b"#" * (LARGEST_FILE_BYTES + 1), "f")
    assert str(caught.value) == (
        "f:1:1: the file is larger than 2,000,000 bytes\n"
        "      a config is a short text; shorten it with Repeat and blocks"
    )


# --- text to a tree ------------------------------------------------------------------


def test_values_keep_their_places_and_paths() -> None:
    root = read("a:\n  - {b: 1, 'c': [x]}\n  - ünd: 2\n")
    node = child(root, "a", 0, "c", 0)
    assert (node.place.line, node.place.column, node.path) == (2, 18, "a[0].c[0]")
    key = child(root, "a", 1, "ünd").key
    assert key is not None and (key.line, key.column) == (3, 5)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_lines_are_counted_whatever_ends_them(end: str) -> None:
    node = child(read(f"a: 1{end}b: 2{end}"), "b")
    assert (node.place.line, node.place.column) == (2, 4)
    assert node.place.problem("", "here").text == "b: 2"


def test_columns_count_characters_not_bytes_or_cells() -> None:
    text = "{猫: 1, é: 2}"
    problem = child(read(text), "é").place.problem("é", "here")
    assert (problem.column, problem.caret) == (11, 12)
    assert str(problem) == (
        "f:1:11: é: here\n    1 | {猫: 1, é: 2}\n      |            ^"
    )


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = "a: " + "x" * 300 + ": 1"
    (problem,) = refusal(text)
    assert len(problem.text) <= 100
    assert problem.text[problem.caret - 1] == ":"
    assert problem.column == 304


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment\n", "---\n...\n"])
def test_a_text_without_a_value(text: str) -> None:
    if text.startswith("---"):
        assert read(text).value is None
        return
    assert parse_value(text, SourceText.of("f", text)) is None
    assert only(text) == (
        1,
        1,
        "the file is empty; a config needs at least a model",
        "start from a shipped one: cifarcnn init article my.yaml",
    )


REFUSED = [
    ("a: b\0c", 1, 5, "the character U+0000 is not allowed in YAML",
     "save the file as UTF-8"),
    ("é: 1\nb: \x07", 2, 4, "the character U+0007 is not allowed in YAML", "remove it"),
    ("a: \udcff", 1, 4, "the character U+DCFF is not allowed in YAML", "remove it"),
    ("a: 1\r\nb: \x1b[2J", 2, 4, "the character U+001B is not allowed in YAML",
     "remove it"),
    ("a: 1\n---\nb: 2", 2, 1, "a second document begins; a config is one",
     "remove the --- before it"),
    ("a: &x 1\nb: *x", 2, 4, "a value that begins with * is an alias, which is not "
     "allowed", "write the value out, or use a block; put a text in quotes"),
    ("a: &x [*x]", 1, 8, "a value that begins with * is an alias, which is not "
     "allowed", "write the value out, or use a block; put a text in quotes"),
    ("a: !!str 3", 1, 4, "the tag 'tag:yaml.org,2002:str' is not allowed",
     "write the plain value; put a value that begins with ! in quotes"),
    ("!x a: 3", 1, 1, "the tag '!x' is not allowed",
     "write the plain value; put a value that begins with ! in quotes"),
    ("a: !x [1]", 1, 4, "the tag '!x' is not allowed",
     "write the plain value; put a value that begins with ! in quotes"),
    ("? [a]\n: 1", 1, 3, "a key must be a word, not a list or a mapping", ""),
    ("{{a: 1}: 2}", 1, 2, "a key must be a word, not a list or a mapping", ""),
    ("a: " + "7" * 41, 1, 4, "a number of 41 digits; at most 40 are allowed", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "message", "hint"), REFUSED)
def test_what_yaml_allows_or_not_and_a_config_may_not_have(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    assert only(text) == (line, column, message, hint)


def test_all_repeated_keys_are_told_at_once_and_before_a_mistake_in_the_text() -> None:
    text = "a: 1\nb: {c: 1, c: 2}\na: 3\na: 4\nd: [\n"
    assert [(p.line, p.column, p.path, p.message) for p in refusal(text)] == [
        (2, 11, "b.c", "the key is given twice; first in line 2"),
        (3, 1, "a", "the key is given twice; first in line 1"),
        (4, 1, "a", "the key is given twice; first in line 3"),
        (
            6,
            1,
            "",
            "not valid YAML: the text ends inside a list or mapping that is never "
            "closed",
        ),
    ]


@pytest.mark.parametrize(
    "text", ["[" * 900, "- " * 900, "{a: " * 900, "[x, " * 900, "[" * 900 + "]" * 900]
)
def test_900_levels_are_refused_at_the_33rd(text: str) -> None:
    line, _, message, _ = only(text)
    assert (line, message) == (1, "nested more than 32 levels deep")


def test_32_levels_are_read() -> None:
    node = read("[" * 32 + "]" * 32)
    for _ in range(31):
        node = child(node, 0)
    assert node.value == []


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "- " * 250_000,
        "? " * 250_000,
        "{a: " * 120_000,
        "[x, " * 120_000,
        "a: '" + "x\n" * 250_000,
        "".join(f"k{i}: 1\n" for i in range(40_000)) + "b: [",
    ],
    ids=["brackets", "dashes", "questions", "braces", "items", "quote", "late"],
)
def test_half_a_megabyte_of_nonsense_is_refused_within_seconds(text: str) -> None:
    start = time.process_time()
    refusal(text)
    assert time.process_time() - start < 5


# --- values to text ------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["1e-3", "0o14", "no", "on", "12:30", "2026-01-01", "=", "~", "", "null"]
        + [" a", "a ", "a: b", "a #b", "'", '"', "- a", "&a", "*a", "!a", "%", "@"]
        + ["1_000", "012", ".inf", "a\nb", "tab\there", "é猫😀", "{", "[", "\\d", "?"]
    )
    | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc1e-.: #~", max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcXYZ", min_size=1, max_size=5), VALUES, min_size=1))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_what_is_dumped_is_read_back_as_it_was(value: dict[str, object]) -> None:
    text = dump(value)
    assert parse(text, "f").plain() == value


def test_a_file_is_read_with_the_ends_of_lines_of_windows(tmp_path: Path) -> None:
    data = b"name: small\r\ndata:\r\n  path: x y\r\n"
    text = decode(data, "f")
    assert read(text).plain() == {"name": "small", "data": {"path": "x y"}}
