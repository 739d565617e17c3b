"""Parallel coordinates: lines lie where their settings are, in the colour of them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from cifarcnn.page.plots import ParallelAxis, ParallelLine, draw_parallel, to_svg_file

AXES = [
    ParallelAxis("rate", 1e-4, 1e-2, logarithmic=True),
    ParallelAxis("size", 0, 100, is_whole=True),
    ParallelAxis("layer", 0, 2, choices=["a", "b", "<c>"]),
]


def read_lines(drawing: str) -> dict[str, list[list[float]]]:
    """The points of each trial, by its class."""
    found = re.findall(r'polyline class="trial ([\w-]+)" points="([^"]+)"', drawing)
    return {
        kind: [[*map(float, point.split(","))] for point in points.split()]
        for kind, points in found
    }


def test_a_line_passes_each_axis_where_its_value_is():
    drawing = draw_parallel(
        AXES,
        [
            ParallelLine([1e-3, 25, 2], 0.9),
            ParallelLine([1e-4, 0, 0], 0.5),
            ParallelLine([1e-2, 100, 1], None),
        ],
        "accuracy",
    )
    lines = read_lines(drawing)
    assert lines.keys() == {"level-1", "level-5", "without"}
    (bottom,) = {y for _, y in lines["level-1"]}
    top = lines["level-5"][-1][1]
    share = [(bottom - y) / (bottom - top) for _, y in lines["level-5"]]
    # The middle of a logarithmic axis, a quarter, the last choice, the best.
    assert share == pytest.approx([0.5, 0.25, 1, 1], abs=1e-3)
    # One without a result ends at the last setting.
    assert len(lines["without"]) == 3 and len(lines["level-1"]) == 4
    assert "3 trials as lines over 3 settings, accuracy from 50.0% to 90.0%; the best: "
    assert "the best: rate 0.001, size 25, layer &lt;c&gt;" in drawing
    ElementTree.fromstring(to_svg_file(drawing))


def test_ticks_are_the_ends_round_numbers_between_and_the_choices():
    assert [words for _, words in AXES[0].ticks()] == [
        f"{number}e\N{MINUS SIGN}{power}" for number, power in ((1, 4), (1, 3), (1, 2))
    ]
    assert [words for _, words in AXES[1].ticks()] == [
        "0",
        "20",
        "40",
        "60",
        "80",
        "100",
    ]
    assert AXES[2].ticks() == [(0, "a"), (0.5, "b"), (1, "<c>")]
    # Ends that are not round, and a power of ten too near to one of them.
    assert [words for _, words in ParallelAxis("", 9, 300, True).ticks()] == [
        *("9", "100", "300")
    ]


def test_trials_that_came_to_the_same_are_drawn():
    drawing = draw_parallel(AXES[:1], [ParallelLine([1e-3], 0.5)] * 2, "accuracy")
    assert drawing.count("trial level-3") == 2
