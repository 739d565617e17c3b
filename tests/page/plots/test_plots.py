from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest

from cifarcnn.evaluation.metrics import CalibrationBin
from cifarcnn.page.plots import (
    Line,
    ShownImage,
    draw_bars,
    draw_confusion_matrix,
    draw_images,
    draw_lines,
    draw_reliability,
    to_png,
    to_svg_file,
)
from cifarcnn.page.plots.axes import Axis, power_ticks, round_ticks, whole_ticks
from cifarcnn.page.plots.confusion import choose_classes
from cifarcnn.page.plots.lines import LOOKS
from cifarcnn.page.plots.svg import measure, shorten

SVG = "{http://www.w3.org/2000/svg}"


def parse(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(to_svg_file(drawing))


def texts(drawing: str) -> list[str]:
    return [element.text or "" for element in parse(drawing).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.39, 2.3, [0, 0.5, 1, 1.5, 2, 2.5]),
        (0.31, 0.612, [0.3, 0.4, 0.5, 0.6, 0.7]),
        (2.0, 2.0, [1.8, 1.9, 2.0, 2.1, 2.2]),
        (0.0, 0.0, [-1, -0.5, 0, 0.5, 1]),
        (0.0001, 0.001, [0, 0.0002, 0.0004, 0.0006, 0.0008, 0.001]),
        (120, 8000, [0, 2000, 4000, 6000, 8000]),
    ],
)
def test_ticks_are_round_and_hold_the_range(low, high, ticks):
    assert round_ticks(low, high) == pytest.approx(ticks)


def test_epochs_are_whole_and_both_ends_are_named():
    assert whole_ticks(1, 3) == [1, 2, 3]
    assert whole_ticks(1, 24) == [1, 5, 10, 15, 20, 24]
    assert whole_ticks(1, 100) == [1, 20, 40, 60, 80, 100]
    assert whole_ticks(4, 4) == [4]


def test_powers_of_ten():
    assert power_ticks(2e-5, 3e-3) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2])
    assert power_ticks(0.1, 0.1) == pytest.approx([0.1, 1])
    axis = Axis("rate", [1e-4, 1e-3], logarithmic=True)
    assert axis.words(1e-3) == "1e\N{MINUS SIGN}3"
    assert axis.share(10**-3.5) == pytest.approx(0.5)


def test_curves_lie_where_their_values_are():
    drawing = draw_lines(
        [Line("training", [2.0, 1.0, 0.0]), Line("validation", [1.0, None, 2.0])],
        "loss",
    )
    first = re.search(r'class="line look-1" points="([^"]+)"', drawing)
    assert first is not None
    x, y = zip(*(map(float, p.split(",")) for p in first[1].split()), strict=True)
    # From the top left in equal steps to the bottom right.
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.02)
    assert y[1] - y[0] == pytest.approx(y[2] - y[1], abs=0.02) and y[0] < y[2]
    # A value that is missing leaves a gap.
    assert drawing.count('class="line look-2" points') == 3
    assert "training: from 2 to 0, lowest 0, highest 2" in drawing
    assert {"training", "validation", "epoch", "loss"} <= set(texts(drawing))


@pytest.mark.parametrize("count", [LOOKS + 1, 30])
def test_of_more_curves_than_looks_each_has_its_number_at_its_end(count):
    lines = [Line("same", [0.5, 0.9]) for _ in range(count - 1)]
    drawing = draw_lines([*lines, Line("short", [0.1])], "accuracy")
    ends = re.findall(r'class="count" x="([\d.]+)" y="([\d.]+)"[^>]*>(\d+)<', drawing)
    assert [int(number) for *_, number in ends] == [*range(1, count + 1)]
    last = [float(y) for _, y, number in ends if int(number) < count]
    assert all(6 < b - a for a, b in pairwise(last)) and last[-1] < 225
    # The short one ends to the left of the others.
    assert float(ends[-1][0]) < float(ends[0][0])
    assert f"{count}: short" in texts(drawing)
    assert "count" not in draw_lines(lines[:LOOKS], "accuracy")


def test_a_single_epoch_is_a_dot_and_has_no_legend():
    drawing = draw_lines([Line("training", [0.25])], "accuracy", percent=True)
    assert drawing.count("<circle") == 1
    assert "25%" in texts(drawing) and "training" not in texts(drawing)
    assert [t for t in texts(drawing) if t.isdigit()] == ["1"]


def test_names_are_text_and_nothing_else():
    name = '"><script>alert(1)</script>&'
    for drawing in (
        draw_confusion_matrix([[3, 1], [0, 2]], [name, "cat"]),
        draw_bars([name], [0.5], name),
        draw_lines([Line(name, [1, 2]), Line("b", [1])], name),
    ):
        assert "<script" not in drawing
        parse(drawing)


def test_confusion_counts_stand_in_their_cells():
    drawing = draw_confusion_matrix([[3, 1], [0, 0]], ["cat", "dog"])
    assert [t for t in texts(drawing) if t.isdigit()] == ["3", "1"]
    assert drawing.count('class="right"') == 1 and drawing.count('class="wrong"') == 1
    assert (
        "Confusion matrix: 3 of 4 pictures are named rightly. Most often confused: cat "
        "taken for dog 1"
    ) in drawing


def test_of_many_classes_the_worst_are_drawn():
    confusion = np.eye(60, dtype=int)
    confusion[50:, 0] = 1
    chosen = choose_classes(confusion.tolist())
    assert len(chosen) == 40 and set(range(50, 60)) <= set(chosen)
    assert choose_classes([[1]]) == [0]


def test_reliability_bars_are_as_high_as_the_accuracy():
    bins = [
        CalibrationBin(0, 0.5, 0, None, None),
        CalibrationBin(0.5, 1, 20, 0.75, 0.5),
    ]
    drawing = draw_reliability(bins)
    [bar] = [e for e in parse(drawing).iter(f"{SVG}rect") if e.get("class") == "level"]
    assert float(bar.get("height", 0)) == pytest.approx((250 - 28 - 44) / 2, abs=0.1)
    assert "about 75% sure: 50% right (20 pictures)" in drawing


def test_a_bar_of_nothing_is_a_dash():
    assert texts(draw_bars(["cat", "dog"], [0.5, None], "recall")) == [
        "recall", "cat", "50.0%", "dog", "–",
    ]  # fmt: skip


def test_images_keep_their_shape_and_small_ones_their_pixels():
    small, wide = np.zeros((8, 8, 3), np.uint8), np.zeros((100, 200, 3), np.uint8)
    drawing = draw_images(
        [ShownImage(small, ("cat", "98% dog")), ShownImage(wide)], "mistakes"
    )
    first, second = parse(drawing).iter(f"{SVG}image")
    assert first.get("class") == "pixels" and second.get("class") == "photo"
    assert (second.get("width"), second.get("height")) == ("84.00", "42.00")
    assert "mistakes: 2 pictures. cat, 98% dog" in drawing


def test_a_png_shows_what_the_svg_does():
    image = to_png(draw_bars(["cat"], [1.0], "recall"))
    assert image.size == (2 * 374, 2 * 56)
    assert image.getpixel((2, 2)) == (255, 255, 255)
    assert image.getpixel((2 * 200, 2 * 40)) == (0, 0x72, 0xB2)


def test_long_names_keep_their_ends():
    assert shorten("automobile") == "automobile"
    assert shorten("n02085620-Chihuahua") == "n0208562…hua"
    assert shorten("W" * 20) == "WWWW…WW"
    assert shorten("猫" * 9) == "猫猫猫猫…猫"
    assert all(measure(shorten(name, 9)) <= 9 for name in ("mmmmmmmmmm", "i" * 99))
