from __future__ import annotations

import pytest

from cifarcnn.config.diff import Difference, find_differences


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 32}}, {"a": {"b": 64}}, [("a.b", "32", "64")]),
        ({"a": None}, {"a": {"b": 1, "c": 2}}, [("a", "null", "{b, c}")]),
        ({"a": {"b": 1}}, {"a": {}}, [("a.b", "1", "nothing")]),
        ({"a": {}}, {"a": {"b": "x"}}, [("a.b", "nothing", "x")]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("a[1]", "2", "3")]),
        ({"a": [1, 2]}, {"a": [1]}, [("a", "a list of 2", "a list of 1")]),
        # In Python these are equal.
        ({"a": True}, {"a": 1}, [("a", "true", "1")]),
        (
            {"a": {"Adam": {"rate": 0.1}}},
            {"a": {"SGD": {"rate": 0.1}}},
            [("a.Adam", "{rate}", "nothing"), ("a.SGD", "nothing", "{rate}")],
        ),
    ],
)
def test_every_value_that_differs_is_named(before, after, expected):
    found = list(find_differences(before, after))
    assert found == [Difference(*values) for values in expected]
