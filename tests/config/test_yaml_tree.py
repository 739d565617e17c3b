"""The tree: laying one upon another, measuring, and what is shown of a text."""

from __future__ import annotations

import time

import pytest

from cifarcnn.config.overrides import merge
from cifarcnn.config.yaml_text import parse
from cifarcnn.config.yaml_tree import Node, Place, SourceText, measure, quote


def read(text: str) -> Node:
    return parse(text, "f")


MERGES = [
    ("{a: 1, b: {c: 2}}", "{b: {d: 3}}", {"a": 1, "b": {"c": 2, "d": 3}}),
    ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
    ("{a: {b: 1}}", "{a: 2}", {"a": 2}),
    ("{a: 1}", "{a: null}", {"a": None}),
    # One choice of several takes the place of another.
    ("{o: {Adam: {beta_1: 0.5}}}", "{o: {SGD: {}}}", {"o": {"SGD": {}}}),
    ("{o: {Adam: {}}}", "{o: {sgd: {}}}", {"o": {"sgd": {}}}),
    ("{o: {adam: {}}}", "{o: SGD}", {"o": "SGD"}),
    ("{o: {Adam: {}}}", "{o: {Adamm: {}}}", {"o": {"Adamm": {}}}),
    # The same choice keeps its arguments, however it is spelt.
    (
        "{o: {Adam: {beta_1: 0.5}}}",
        "{o: {adam: {beta_2: 0.6}}}",
        {"o": {"adam": {"beta_1": 0.5, "beta_2": 0.6}}},
    ),
    # Also the argument that was given by itself.
    (
        "{o: {Adam: 0.02}}",
        "{o: {adam: {beta_1: 0.8}}}",
        {"o": {"adam": {"learning_rate": 0.02, "beta_1": 0.8}}},
    ),
    (
        "{o: {Adam: {beta_1: 0.8}}}",
        "{o: {Adam: 0.02}}",
        {"o": {"Adam": {"beta_1": 0.8, "learning_rate": 0.02}}},
    ),
    (
        "{l: {MaxPooling2D: [4, 2]}}",
        "{l: {MaxPooling2D: 3}}",
        {"l": {"MaxPooling2D": {"pool_size": 3}}},
    ),
    # Its name may be that of the choice, too.
    ("{r: {L2: 0.1}}", "{r: {l2: 0.2}}", {"r": {"l2": {"l2": 0.2}}}),
    ("{r: {L2: {l2: 0.1}}}", "{r: {L2: {l2: 0.2}}}", {"r": {"L2": {"l2": 0.2}}}),
    ("{r: {L2: {l2: 0.1}}}", "{r: {L2: 0.2}}", {"r": {"L2": {"l2": 0.2}}}),
    # Names of classes may begin with capital letters.
    ("{w: {Cat: 1, Dog: 2}}", "{w: {Cat: 3}}", {"w": {"Cat": 3, "Dog": 2}}),
    ("{w: {Cat: 1}}", "{w: {Dog: 2}}", {"w": {"Cat": 1, "Dog": 2}}),
]


@pytest.mark.parametrize(("base", "over", "merged"), MERGES)
def test_one_tree_is_laid_upon_another(base: str, over: str, merged: object) -> None:
    assert merge(read(base), read(over)).plain() == merged


def test_merging_changes_neither_of_the_two() -> None:
    base, over = read("{a: {b: 1}}"), read("{a: {c: 2}}")
    merge(base, over)
    assert (base.plain(), over.plain()) == ({"a": {"b": 1}}, {"a": {"c": 2}})


@pytest.mark.parametrize(
    ("text", "size", "depth"),
    [("3", 1, 1), ("[]", 1, 1), ("[1, 2]", 3, 2), ("{a: [1], b: {c: {d: 2}}}", 6, 4)],
)
def test_a_tree_is_measured(text: str, size: int, depth: int) -> None:
    assert measure(read(text)) == (size, depth)


def test_what_is_shared_counts_each_time_and_is_looked_at_once() -> None:
    node = read("[1, 2, 3]")
    for _ in range(30):
        node = Node([node] * 9, node.place)
    start = time.process_time()
    assert measure(node)[0] > 9**30
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ("a", "'a'"),
        ("a" * 40, f"'{'a' * 40}'"),
        ("a" * 41, f"'{'a' * 37}...'"),
        (0.5, "0.5"),
        (float("inf"), ".inf"),
        (float("-inf"), "-.inf"),
        (float("nan"), ".nan"),
    ],
)
def test_a_value_is_quoted_as_yaml_has_it(value: object, shown: str) -> None:
    assert quote(value) == shown


def test_nothing_that_steers_a_terminal_comes_through() -> None:
    place = Place(SourceText.of("f", "a: \x1b[2J\tb"), 1, 1)
    problem = place.problem("a\n\x1b[31m", "found '\x07\u202e\udcff'", "\r")
    assert problem.path == r"a\n\x1b[31m"
    assert problem.message == r"found '\x07\u202e\udcff'"
    assert problem.hint == r"\r"
    assert problem.text == "a:  [2J b"


def test_a_path_is_cut_when_it_is_very_long() -> None:
    place = Place(SourceText.of("f", "a"), 1, 1)
    assert place.problem("a" * 200, "m").path == "a" * 200
    assert place.problem("a" * 201, "m").path == "a" * 197 + "..."


def test_a_place_beyond_the_text_has_a_caret_at_its_end() -> None:
    problem = Place(SourceText.of("f", "ab"), 1, 9).problem("", "m")
    assert (problem.column, problem.caret) == (9, 3)
    assert Place(SourceText.of("f", "ab"), 5, 1).problem("", "m").text == ""
