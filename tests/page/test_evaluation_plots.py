"""The plots of ``evaluate --out``, as they are really drawn."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from cifarcnn.evaluation.evaluation import Evaluation, evaluate_probabilities
from cifarcnn.evaluation_files import PLOTS
from cifarcnn.page.evaluation_plots import draw_evaluation

SVG = "{http://www.w3.org/2000/svg}"
WHITE, BLUE, TRACK = (255, 255, 255), (0, 0x72, 0xB2), (0xEC, 0xEB, 0xE7)


def judge(answers: Sequence[int], labels: Sequence[int], names: Sequence[str]):
    sure = np.full((len(labels), len(names)), 0.1 / max(len(names) - 1, 1), np.float32)
    sure[np.arange(len(labels)), list(answers)] = 0.9
    return evaluate_probabilities(sure, np.array(labels), names)


def draw(evaluation: Evaluation, names: Sequence[str], shape=(8, 8)):
    images = np.zeros((evaluation.examples, *shape, 3), np.uint8)
    images[..., 0] = 200
    files = draw_evaluation(evaluation, images, names)
    kinds = ("svg", "png")
    assert list(files) == [f"{plot}.{kind}" for plot in PLOTS for kind in kinds]
    return files


def words(files: dict[str, bytes], plot: str) -> list[str]:
    root = ElementTree.fromstring(files[f"{plot}.svg"])
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def open_png(files: dict[str, bytes], plot: str) -> Image.Image:
    return Image.open(io.BytesIO(files[f"{plot}.png"]))


@pytest.fixture(scope="module")
def two() -> dict[str, bytes]:
    names = ["cat", "dog"]
    return draw(judge([0, 0, 0, 1], [0, 0, 1, 1], names), names, (20, 40))


def test_each_svg_stands_alone_and_each_png_is_twice_as_large(two):
    for plot in PLOTS:
        root = ElementTree.fromstring(two[f"{plot}.svg"])
        image = open_png(two, plot)
        expected = [2 * float(root.get(side, 0)) for side in ("width", "height")]
        assert image.size == tuple(map(round, expected))
        assert image.mode == "RGB" and image.getpixel((1, 1)) == WHITE
        # What only browsers know is not in them.
        assert b"var(" not in two[f"{plot}.svg"] and b"@media" not in two[f"{plot}.svg"]


def test_a_confusion_matrix_has_its_colours_and_text(two):
    image = open_png(two, "confusion-matrix")
    cell = 2 * (104 + 3), 2 * (40 + 3)
    red, green, blue = image.getpixel(cell)
    assert red < green < blue  # two of two cats
    below = image.getpixel((cell[0], cell[1] + 68))
    assert below[0] > below[2]  # a dog that was taken for a cat
    assert image.getpixel((cell[0] + 68, cell[1])) == TRACK
    # The names are drawn, on machines without any font too.
    name = image.crop((2 * 60, 2 * 46, 2 * 99, 2 * 70)).convert("L")
    assert name.getextrema()[0] < 90


def test_bars_show_precision_recall_and_f1(two):
    assert words(two, "classes") == [
        "precision, recall and f1 of each class", "cat", "dog",
        "precision", "66.7%", "100.0%", "recall", "100.0%", "50.0%",
        "f1", "80.0%", "66.7%",
    ]  # fmt: skip
    image = open_png(two, "classes")
    top = 2 * (50 + 9)
    assert image.getpixel((2 * (112 + 70), top)) == BLUE
    assert image.getpixel((2 * (112 + 80), top)) == TRACK


def test_a_mistake_is_a_picture_with_both_classes_and_how_sure_it_was(two):
    title, *told = words(two, "mistakes")
    assert title.startswith("the worst mistakes")
    assert told == ["dog", "→ cat", "90.0%"]
    # Twice as wide as high, in the middle of its place.
    image = open_png(two, "mistakes")
    assert image.getpixel((2 * 14, 2 * 70)) == (200, 0, 0)
    assert image.getpixel((2 * 14, 2 * 40)) == WHITE


@pytest.mark.parametrize(("count", "said"), [(1, "the one picture is"), (3, "all 3 ")])
def test_without_mistakes_it_says_so(count, said):
    files = draw(judge([0] * count, [0] * count, ["cat"]), ["cat"])
    [text] = words(files, "mistakes")
    assert text.startswith(f"no mistakes: {said}") and text.endswith("named rightly")
    assert open_png(files, "mistakes").convert("L").getextrema()[0] < 90


def test_of_many_classes_the_worst_are_drawn_and_it_says_so():
    names = [f"a species with the number {n}" for n in range(60)]
    answers = [0 if n >= 50 else n for n in range(59)]
    files = draw(judge(answers, range(59), names), names)
    title, *bars = words(files, "classes")
    assert title == "the 40 of 60 classes with the lowest f1"
    # Long names are told apart; a class without pictures is not among the worst.
    assert bars[:9] == [f"a specie…r {n}" for n in range(50, 59)]
    assert len(bars) == 40 + 3 * 41
    assert "the 40 of 60 classes with the most" in words(files, "confusion-matrix")[-1]


def test_hostile_names_are_drawn_as_text():
    names = ['"></text><script>', "a\x01\x1b\ufffe", "猫", "\udcff", "&amp;]]>", "קשת"]
    files = draw(judge([1, 2, 3, 4, 5, 0], range(6), names), names)
    assert {"a\ufffd\ufffd\ufffd", "猫", "\ufffd", "&amp;]]>", "קשת"} <= {
        *words(files, "classes")
    }
    for plot in PLOTS:
        assert b"<script" not in files[f"{plot}.svg"]
        assert open_png(files, plot).convert("L").getextrema()[0] < 90
