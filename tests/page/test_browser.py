"""The page in real Chromium, opened from disk with the network cut."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.page.document import PageInfo, render_page
from cifarcnn.page.page_data import find_start

pytestmark = pytest.mark.slow

Open = Callable[..., Any]


def read_numbers(page: Any, selector: str) -> list[list[float]]:
    """The numbers of a table, row by row."""
    rows: list[list[str]] = page.eval_on_selector(
        selector,
        "table => [...table.rows].map(row => [...row.cells].map(c => c.textContent))",
    )
    return [[float(cell.replace("\u2212", "-")) for cell in row] for row in rows]


def read_number(page: Any, selector: str) -> float:
    return float(page.inner_text(selector).replace("\u2212", "-"))


def cut(maps: Any, window: Any, top: int, left: int, padding: float) -> Any:
    """The values of a window without dilation that begins at a row and a column."""
    wide = np.pad(maps, (*window.padding, (0, 0)), constant_values=padding)
    down, across = top + window.padding[0][0], left + window.padding[1][0]
    return wide[down : down + window.size[0], across : across + window.size[1]]


def check_tile(page: Any, explanation: Any, filter: int, row: int, column: int) -> None:
    """Whether the page shows the arithmetic of just this tile, and it adds up."""
    convolution = explanation.convolution
    bank = convolution.filters
    top, left = (
        place * stride - before
        for place, stride, (before, _) in zip(
            (row, column), bank.window.strides, bank.window.padding, strict=True
        )
    )
    values = cut(convolution.input, bank.window, top, left, 0.0)
    weights = bank.kernel[:, :, :, filter]
    products = values * weights
    sums = []
    for channel in range(3):
        block = f"#arithmetic [data-channel='{channel}']"
        shown = [
            np.array(read_numbers(page, f"{block} table:nth-of-type({number})"))
            for number in (1, 2, 3)
        ]
        for found, true in zip(shown, (values, weights, products), strict=True):
            assert np.abs(found - true[:, :, channel]).max() < 2e-3
        sums.append(read_number(page, f"{block} .channel-sum"))
        assert shown[2].sum() == pytest.approx(sums[-1], abs=1e-9)
        assert sums[-1] == pytest.approx(products[:, :, channel].sum(), abs=2e-3)
    words = page.inner_text("#total").replace("\u2212", "-").split()
    bias = float(words[words.index("bias") + 1])
    assert bias == pytest.approx(bank.bias[filter], abs=2e-3)
    value = read_number(page, "#tile-value")
    assert sum(sums) + bias == pytest.approx(value, abs=1e-9)
    before = convolution.before[row, column, filter]
    assert value == pytest.approx(before, abs=1e-3)
    after = convolution.after[row, column, filter]
    assert read_number(page, "#tile-after") == pytest.approx(after, abs=1e-3)
    place = f"Tile at row {top}, column {left} of the input, for cell {row}"
    assert page.inner_text("#tile-readout").startswith(f"{place}, {column} of the map")


def stage(page: Any, name: str) -> Any:
    return page.locator(f"[data-stage='{name}']")


def point(
    page: Any, area: Any, row: int, column: int, rows: int, columns: int | None = None
) -> None:
    """Click into the middle of a cell; without ``columns`` of as many as rows."""
    area.scroll_into_view_if_needed()
    frame = area.locator("canvas").bounding_box()
    page.mouse.click(
        frame["x"] + (column + 0.5) * frame["width"] / (columns or rows),
        frame["y"] + (row + 0.5) * frame["height"] / rows,
    )


def marked(page: Any, area: Any, box: str, cells: int) -> list[float]:
    """Row, column, height and width of a box, in cells; ``cells`` are in a row."""
    frame = area.locator("canvas").bounding_box()
    found = area.locator(f".{box}").bounding_box()
    size = frame["width"] / cells
    return [
        round((found["y"] - frame["y"]) / size, 1),
        round((found["x"] - frame["x"]) / size, 1),
        round(found["height"] / size, 1),
        round(found["width"] / size, 1),
    ]


def test_the_page_begins_with_the_arithmetic_of_the_strongest_answer(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file)
    check_tile(page, explanation, *find_start(explanation.convolution))


def test_arrow_keys_move_the_tile_and_stop_at_the_border(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file)
    filter, row, column = find_start(explanation.convolution)
    stage(page, "conv-input").focus()
    for key, down, right in (
        ("ArrowRight", 0, 1),
        ("ArrowDown", 1, 0),
        ("ArrowLeft", 0, -1),
        ("ArrowUp", -1, 0),
    ):
        page.keyboard.press(key)
        row = min(max(row + down, 0), 31)
        column = min(max(column + right, 0), 31)
        check_tile(page, explanation, filter, row, column)
    for key in ["ArrowLeft"] * 33 + ["ArrowUp"] * 33:
        page.keyboard.press(key)
    # In the corner five of nine places lie in the padding.
    check_tile(page, explanation, filter, 0, 0)
    assert page.locator("#arithmetic [data-channel='0'] .outside").count() == 5
    assert "count as 0" in page.inner_text("#tile-readout")


def test_pointing_moves_the_tile_in_both_images(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file)
    filter, _, _ = find_start(explanation.convolution)
    before, after = stage(page, "conv-input"), stage(page, "conv-output")
    point(page, before, 20, 7, 32)
    check_tile(page, explanation, filter, 20, 7)
    assert marked(page, before, "tile", 32) == [19, 6, 3, 3]
    assert marked(page, after, "tile", 32) == [20, 7, 1, 1]
    point(page, after, 5, 30, 32)
    check_tile(page, explanation, filter, 5, 30)
    page.click("[data-step='1,0']")
    check_tile(page, explanation, filter, 6, 30)


def test_the_overlap_with_the_neighbour_is_marked(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file)
    area = stage(page, "conv-input")
    point(page, area, 20, 7, 32)
    assert marked(page, area, "neighbour", 32) == [19, 7, 3, 3]
    assert marked(page, area, "overlap", 32) == [19, 7, 3, 2]
    assert (
        "shares 6 of its 9 places with its neighbour on the right"
        in page.inner_text("#tile-readout")
    )
    point(page, area, 20, 31, 32)
    assert marked(page, area, "neighbour", 32) == [19, 29, 3, 3]
    assert "with its neighbour on the left" in page.inner_text("#tile-readout")


def test_another_filter_can_be_chosen_by_pointer_and_by_keys(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file)
    _, row, column = find_start(explanation.convolution)
    order = explanation.convolution.order
    page.click(f"#filter-choice [aria-label='filter {order[2]}']")
    check_tile(page, explanation, int(order[2]), row, column)
    page.keyboard.press("ArrowRight")
    check_tile(page, explanation, int(order[3]), row, column)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    check_tile(page, explanation, int(order[-1]), row, column)
    assert page.evaluate("document.activeElement.textContent") == str(order[-1])
    # The activation shows the same filter.
    assert page.inner_text("#activation-heading") == f"Filter {order[-1]}"
    zeros = (explanation.activation.after[:, :, order[-1]] == 0) & (
        explanation.activation.before[:, :, order[-1]] != 0
    )
    assert page.inner_text("#activation-readout") == (
        f"In this map {zeros.sum()} of 1024 values became 0: {100 * zeros.mean():.1f}%."
    )


def test_the_filter_slides_by_itself_until_it_is_stopped(
    open_page: Open, page_file: Path
) -> None:
    page = open_page(page_file)
    start = page.inner_text("#tile-readout")
    page.select_option("#speed", "25")
    page.click("#slide")
    assert page.inner_text("#slide") == "Stop"
    changed = "text => document.getElementById('tile-readout').textContent !== text"
    page.wait_for_function(changed, arg=start)
    page.click("#slide")
    stopped = page.inner_text("#tile-readout")
    page.wait_for_timeout(150)
    assert page.inner_text("#tile-readout") == stopped
    assert page.get_attribute("#slide", "aria-pressed") == "false"


def test_where_motion_is_not_wanted_one_press_is_one_tile(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file, reduced_motion="reduce")
    filter, _, _ = find_start(explanation.convolution)
    point(page, stage(page, "conv-output"), 3, 31, 32)
    assert page.inner_text("#slide") == "Next tile"
    page.click("#slide")
    page.wait_for_timeout(150)
    check_tile(page, explanation, filter, 4, 0)


def test_a_cell_of_a_feature_map_shows_what_it_sees(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file)
    maps = explanation.feature_maps[1]
    panel = page.locator("[data-maps='1']")
    area = panel.locator("[data-stage='map']")
    side = maps.maps.shape[0]
    area.scroll_into_view_if_needed()
    frame = area.locator("canvas").bounding_box()
    # Hovering is enough.
    page.mouse.move(
        frame["x"] + 4.5 * frame["width"] / side,
        frame["y"] + 2.5 * frame["height"] / side,
    )
    channel = int(maps.order[0])

    def check(row: int, column: int) -> None:
        box = maps.receptive_field.box(row, column)
        text = panel.locator(".readout").inner_text()
        start = f"Map {channel}, cell {row}, {column}: "
        assert text.startswith(start)
        value = float(text.removeprefix(start).partition(";")[0].replace("\u2212", "-"))
        assert value == pytest.approx(maps.maps[row, column, channel], abs=1e-3)
        assert (
            f"rows {box.top} to {box.bottom - 1} and columns {box.left} to "
            f"{box.right - 1} of the input."
        ) in text
        assert marked(page, panel.locator("[data-stage='field']"), "tile", 32) == [
            box.top, box.left, box.bottom - box.top, box.right - box.left,
        ]  # fmt: skip

    check(2, 4)
    area.focus()
    page.keyboard.press("ArrowDown")
    check(3, 4)
    channel = int(maps.order[5])
    panel.locator(f"[aria-label='map {channel}']").click()
    best = np.unravel_index(maps.maps[:, :, channel].argmax(), maps.maps.shape[:2])
    check(int(best[0]), int(best[1]))


def test_the_window_of_the_pooling_shows_its_values_and_its_maximum(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file)
    pooling = explanation.pooling
    page.select_option("#pooling-channel", "1")
    channel = int(pooling.order[1])

    def check(row: int, column: int) -> None:
        top, left = 2 * row, 2 * column
        values = cut(pooling.before, pooling.window, top, left, np.nan)[:, :, channel]
        shown = np.array(read_numbers(page, "#pooling-window table"))
        assert np.abs(shown - values).max() < 1e-3
        value = pooling.after[row, column, channel]
        assert read_number(page, "#pooled-value") == pytest.approx(value, abs=1e-3)
        kept = page.eval_on_selector(
            "#pooling-window .kept", "c => [c.parentElement.rowIndex, c.cellIndex]"
        )
        assert tuple(kept) == np.unravel_index(values.argmax(), values.shape)
        area = stage(page, "pool-before")
        assert marked(page, area, "tile", 32) == [top, left, 2, 2]

    point(page, stage(page, "pool-before"), 21, 8, 32)
    check(10, 4)
    page.keyboard.press("ArrowRight")
    check(10, 5)
    point(page, stage(page, "pool-after"), 3, 2, 16)
    check(3, 2)


def test_pixels_and_their_normalization_are_those_of_the_image(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    page = open_page(page_file)
    point(page, stage(page, "pixels"), 20, 10, 32)
    page.keyboard.press("ArrowUp")
    network_input = explanation.network_input
    for channel in range(3):
        shown = read_numbers(page, f"#patch table:nth-of-type({channel + 1})")
        assert shown == network_input.pixels[17:22, 8:13, channel].tolist()
        line = f"#normalization tbody tr:nth-child({channel + 1})"
        assert (
            read_number(page, f"{line} .before")
            == network_input.pixels[19, 10, channel]
        )
        after = read_number(page, f"{line} .after")
        assert after == pytest.approx(
            network_input.normalized[19, 10, channel], abs=1e-4
        )


def test_maps_are_painted_with_the_values_of_the_model(
    open_page: Open, page_file: Path, explanation: Any
) -> None:
    from cifarcnn.page.color_scales import paint

    page = open_page(page_file)
    maps = explanation.feature_maps[0]
    painted = page.eval_on_selector(
        "[data-maps='0'] [data-stage='map'] canvas",
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]",
    )
    shown = np.array(painted).reshape(32, 32, 4)
    values = maps.maps[:, :, maps.order[0]]
    expected = paint(values, min(0.0, maps.low), maps.high)
    assert (shown[..., 3] == 255).all()
    # In float64 a value may fall to the other side of a step of the scale.
    assert (np.abs(shown[..., :3] - expected.astype(int)).max(-1) > 4).sum() == 0


def test_the_weights_of_the_model_alone_can_be_read(
    open_page: Open, model_page_file: Path, model_explanation: Any
) -> None:
    page = open_page(model_page_file)
    page.click("#filter-choice [aria-label='filter 4']")
    assert page.inner_text("#weights-heading").startswith("Filter 4: its weights")
    for channel in range(3):
        shown = read_numbers(page, f"#weights table:nth-of-type({channel + 1})")
        kernel = model_explanation.filters.kernel[:, :, channel, 4]
        assert np.abs(np.array(shown) - kernel).max() < 1e-3


def test_images_that_are_wider_than_high_keep_their_shape(
    open_page: Open, wide_explanation: Any, tmp_path: Path
) -> None:
    path = tmp_path / "wide.html"
    path.write_text(render_page(wide_explanation, PageInfo("runs/tiny-1")))
    page = open_page(path)
    assert "These 24 \u00d7 40 \u00d7 3 = 2,880 numbers" in page.inner_text("#input")
    pixels = wide_explanation.network_input.pixels
    area = stage(page, "pixels")
    frame = area.locator("canvas").bounding_box()
    assert frame["height"] / frame["width"] == pytest.approx(24 / 40, abs=0.01)
    point(page, area, 22, 38, 24, 40)
    assert marked(page, area, "tile", 40) == [19, 35, 5, 5]
    assert read_numbers(page, "#patch table") == pixels[19:24, 35:40, 0].tolist()
    point(page, stage(page, "conv-output"), 20, 30, 24, 40)
    filter, _, _ = find_start(wide_explanation.convolution)
    check_tile(page, wide_explanation, filter, 20, 30)
    panel = page.locator("[data-maps='1']")
    maps = wide_explanation.feature_maps[1]
    point(page, panel.locator("[data-stage='map']"), 9, 17, *maps.maps.shape[:2])
    box = maps.receptive_field.box(9, 17)
    assert marked(page, panel.locator("[data-stage='field']"), "tile", 40) == [
        box.top, box.left, box.bottom - box.top, box.right - box.left,
    ]  # fmt: skip


def test_large_images_can_be_read_too(
    open_page: Open, explain: Callable[..., Any], tmp_path: Path
) -> None:
    layers = [
        {"Conv2D": {"filters": 12, "kernel_size": 3, "activation": "relu"}},
        {"MaxPooling2D": 4},
        {"Conv2D": {"filters": 6, "kernel_size": 3, "strides": 4}},
        "GlobalAveragePooling2D",
        {"Dense": {"units": 10, "activation": "softmax"}},
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (384, 512, 3)).astype(np.uint8)
    folder = {"dataset": "folder", "path": "nowhere", "image_size": [384, 512]}
    names = [f"class_{number}" for number in range(10)]
    explanation = explain(layers, pixels, **folder, classes=names)
    path = tmp_path / "large.html"
    path.write_text(render_page(explanation, PageInfo("runs/tiny-1")))
    # 12 maps of 384x512 alone would be 12.6 MB.
    assert path.stat().st_size < 12_000_000
    page = open_page(path)
    assert "These 384 \u00d7 512 \u00d7 3 = 589,824 numbers" in page.inner_text(
        "#input"
    )
    assert read_numbers(page, "#patch table") == pixels[190:195, 254:259, 0].tolist()
    filter, row, column = find_start(explanation.convolution)
    check_tile(page, explanation, filter, row, column)
    assert "The strongest 1 of 12" in page.inner_text("#convolution")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1200])
def test_no_layout_is_wider_than_the_screen(
    open_page: Open, page_file: Path, model_page_file: Path, scheme: str, width: int
) -> None:
    for path in (page_file, model_page_file):
        page = open_page(path, width, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(252, 251, 249)") == (scheme == "light")


def test_a_printed_page_is_light_and_fits_its_paper(
    open_page: Open, page_file: Path
) -> None:
    page = open_page(page_file, 700, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    pdf = page.pdf(format="A4")
    # The head of the page, and at least one sheet for each of the ten parts.
    assert pdf.startswith(b"%PDF") and len(re.findall(rb"/Type /Page\b", pdf)) >= 11
    for part in page.locator(".part").all():
        assert part.evaluate("part => getComputedStyle(part).breakBefore") == "page"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_axe_finds_nothing(
    open_page: Open, page_file: Path, model_page_file: Path, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for path in (page_file, model_page_file):
        page = open_page(path, width, color_scheme=scheme)
        found = axe.Axe().run(page).response["violations"]
        assert [(entry["impact"], entry["id"]) for entry in found] == []


def test_everything_that_moves_can_be_reached_by_the_tabulator(
    open_page: Open, page_file: Path
) -> None:
    page = open_page(page_file)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(({id, dataset, role, parentElement}) => id || dataset.stage || "
                "dataset.step || (role === 'radio' ? parentElement.id : ''))"
                "(document.activeElement)"
            )
        )
    assert {
        "pixels", "filter-choice", "conv-input", "conv-output", "slide", "speed",
        "1,0", "map", "pooling-channel", "pool-before", "pool-after", "arithmetic",
    } <= reached  # fmt: skip


ATTACKS = (
    "<script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\">",
    "\"><svg onload=document.title='owned'>",
    "</script><script>document.title='owned'</script>",
    "'-(document.title='owned')-'",
    "javascript:document.title='owned'",
    "<style>*{display:none}</style>",
    "{{ 7 * 7 }}${document.title='owned'}",
)


def test_names_of_strangers_run_nothing(
    open_page: Open, explanation: Any, tmp_path: Path
) -> None:
    """Every word in the page that is not the program's own is an attack."""
    names = (*ATTACKS, *(f"{ATTACKS[0]}{number}" for number in range(2)))
    network_input = replace(explanation.network_input, name=ATTACKS[1])
    strange = replace(
        explanation, name=ATTACKS[2], class_names=names, network_input=network_input
    )
    path = tmp_path / "strange.html"
    path.write_text(render_page(strange, PageInfo(ATTACKS[3], names[2], ATTACKS[1])))
    page = open_page(path)
    # What the script draws anew on every step is made of the names as well.
    stage(page, "conv-input").focus()
    page.keyboard.press("ArrowRight")
    assert "owned" != page.title() and "How " in page.title()
    assert (
        page.locator("svg[onload], img[onerror], main script, main style").count() == 0
    )
    assert page.get_by_text(ATTACKS[0]).first.is_visible()


def test_a_tile_that_sees_only_padding(
    open_page: Open, explain: Callable[..., Any], tmp_path: Path
) -> None:
    layer = {
        "filters": 2,
        "kernel_size": 2,
        "dilation_rate": 40,
        "padding": "same",
        "kernel_initializer": {"Constant": -1},
        "activation": "sigmoid",
    }
    dense = {"Dense": {"units": 10, "activation": "softmax"}}
    explanation = explain([{"Conv2D": layer}, "MaxPooling2D", "Flatten", dense])
    path = tmp_path / "page.html"
    path.write_text(render_page(explanation, PageInfo("runs/tiny-1")))
    page = open_page(path)
    check_tile(page, explanation, *find_start(explanation.convolution))
    assert page.inner_text("#tile-readout").endswith(
        "This tile sees only padding, which counts as 0: what is left is the bias."
    )
    maps = page.locator("#maps .readout").first
    assert maps.inner_text().endswith("it sees only padding.")
    assert page.locator("#maps [data-stage=field] .tile").first.is_hidden()
    # Wherever it lies, the frame covers nothing but the image and a small margin.
    area = stage(page, "conv-input")
    assert area.evaluate("one => getComputedStyle(one).overflow") == "clip"
    point(page, area, 3, 3, 32)
    assert page.inner_text("#tile-readout").endswith(
        "Hatched places lie outside the picture and count as 0."
    )
