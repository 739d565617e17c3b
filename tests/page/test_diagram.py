from __future__ import annotations

import pytest

from cifarcnn.config.summary import Row, Summary
from cifarcnn.page.diagram import draw_network

ROWS = (
    Row("conv2d_1", "Conv2D", (30, 30, 32), 896, 777_600),
    Row("activation_1", "Activation", (30, 30, 32), 0, 0),
    Row("max_pooling2d_1", "MaxPooling2D", (15, 15, 32), 0, 0),
    Row("a_very_long_name_of_a_layer", "Conv2D", (15, 15, 64), 1, 1),
    Row("flatten_1", "Flatten", (14_400,), 0, 0),
    Row("dense_1", "Dense", (7200,), 1, 1),
)


def test_heights_and_widths_are_in_proportion_to_maps_and_channels() -> None:
    diagram = draw_network(Summary((32, 32, 3), [*ROWS]))
    boxes = {shape.lines[0]: shape for shape in diagram.boxes}
    first, pooled = boxes["conv2d_1"], boxes["max_pooling2d_1"]
    last = boxes["a_very_long_na…"]
    assert first.height == pytest.approx(2 * pooled.height)
    assert boxes["input"].height == pytest.approx(first.height * 32 / 30)
    assert last.width == pytest.approx(2 * first.width)
    assert boxes["input"].width == pytest.approx(first.width * 3 / 32)
    assert boxes["dense_1"].height == pytest.approx(boxes["flatten_1"].height / 2)
    assert boxes["dense_1"].flat and not first.flat


def test_layers_that_change_no_size_have_no_box_and_names_do_not_overlap() -> None:
    diagram = draw_network(Summary((32, 32, 3), [*ROWS]))
    lines = [shape.lines for shape in diagram.boxes]
    assert [words[0] for words in lines] == [
        "input", "conv2d_1", "max_pooling2d_1", "a_very_long_na…", "flatten_1",
        "dense_1",
    ]  # fmt: skip
    assert lines[1][1] == "30\u00d730\u00d732" and lines[4][1] == "14,400"


def test_a_network_trained_before_has_its_box() -> None:
    row = Row("pretrained_1", "Pretrained", (2, 2, 1280), 2_257_984, 24_448_512)
    diagram = draw_network(Summary((32, 32, 3), [row, *ROWS[-2:]]))
    assert diagram.boxes[1].lines == ("pretrained_1", "2\u00d72\u00d71,280")


def test_everything_lies_within_the_drawing() -> None:
    diagram = draw_network(Summary((32, 32, 3), [*ROWS]))
    for shape in diagram.boxes:
        assert 0 <= shape.left and shape.left + shape.width <= diagram.width
        assert 0 <= shape.top and shape.top + shape.height <= shape.baseline


BRANCHES = (
    Row("conv2d_1", "Conv2D", (16, 16, 8), 1, 1, (0,)),
    Row("dense_1", "Dense", (8,), 1, 1, (1,)),
    Row("multiply_1", "Multiply", (16, 16, 8), 0, 0, branches=2),
    Row("conv2d_2", "Conv2D", (16, 16, 4), 1, 1, (1,)),
    Row("concatenate_1", "Concatenate", (16, 16, 12), 0, 0, branches=2),
)


def test_branches_lie_below_one_another_and_nothing_lies_on_anything() -> None:
    diagram = draw_network(Summary((32, 32, 3), [*BRANCHES]))
    boxes = {box.lines[0] if box.lines else box.sign: box for box in diagram.boxes}
    assert [*boxes] == [
        "input", "conv2d_1", "dense_1", "×", "conv2d_2", "concatenate_1",
    ]  # fmt: skip
    main, gate, sign = boxes["conv2d_1"], boxes["dense_1"], boxes["×"]
    assert gate.left + gate.width / 2 == main.left + main.width / 2
    assert gate.top > main.baseline + 14
    assert sign.top + sign.height / 2 == main.top + main.height / 2
    for box in diagram.boxes:
        assert box.left + box.width <= diagram.width
        assert box.top + box.height < diagram.height


def test_a_way_leads_straight_or_down_into_the_branch_and_up_again() -> None:
    diagram = draw_network(Summary((32, 32, 3), [*BRANCHES]))
    boxes = {box.lines[0] if box.lines else box.sign: box for box in diagram.boxes}

    def ends(way: str) -> tuple[tuple[float, float], tuple[float, float]]:
        first, *_, last = (point.split(",") for point in way.split())
        return (float(first[0]), float(first[1])), (float(last[0]), float(last[1]))

    found = {ends(way) for way in diagram.ways}
    pairs = [
        ("input", "conv2d_1"), ("input", "dense_1"), ("conv2d_1", "×"),
        ("dense_1", "×"), ("×", "conv2d_2"), ("×", "concatenate_1"),
        ("conv2d_2", "concatenate_1"),
    ]  # fmt: skip
    expected = set()
    for one, other in pairs:
        start, goal = boxes[one], boxes[other]
        # Where a way arrives it has come to the height of its goal.
        expected.add(
            (
                (round(start.left + start.width, 1), start.top + start.height / 2),
                (round(goal.left, 1), goal.top + goal.height / 2),
            )
        )
    assert found == expected
    for way in diagram.ways:
        points = [point.split(",") for point in way.split()]
        for (x, y), (x_after, y_after) in zip(points, points[1:], strict=False):
            assert x == x_after or y == y_after
