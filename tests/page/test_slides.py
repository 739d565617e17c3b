from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cifarcnn.errors import UsageError
from cifarcnn.explanation.steps import Missing
from cifarcnn.page import slides
from cifarcnn.page.browser import find_browser
from cifarcnn.page.document import PageInfo, list_missing, render_page
from cifarcnn.page.slides import draw_slides

pytestmark = pytest.mark.slow

INFO = PageInfo("runs/tiny-1")
Draw = Callable[[Any], dict[str, bytes]]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """The slides of an explanation, drawn by the browser of this machine."""
    try:
        browser = find_browser()
    except UsageError:
        pytest.skip("there is no browser on this machine")

    def draw(explanation: Any) -> dict[str, bytes]:
        found = dict(draw_slides(render_page(explanation, INFO), browser, tmp_path))
        assert list(tmp_path.iterdir()) == []
        return found

    return draw


def test_every_part_becomes_an_image_of_a_screen(draw: Draw, explanation: Any) -> None:
    found = draw(explanation)
    assert list(found) == [
        "01-input.png", "02-filters.png", "03-convolution.png", "04-activation.png",
        "05-maps-conv2d_1.png", "06-maps-conv2d_2.png", "07-pooling.png",
        "08-patches-conv2d_1.png", "09-patches-conv2d_2.png", "10-dense.png",
        "11-softmax.png", "12-looked.png", "13-network.png",
    ]  # fmt: skip
    for data in found.values():
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (1600, 900)
            dark = image.convert("L").point(lambda level: 255 if level < 128 else 0)
            left, top, right, bottom = dark.getbbox() or (0, 0, 0, 0)
            # A heading above, a part below it as large as fits, and no edge cut off.
            assert right - left > 300 and bottom > 300
            assert left > 30 and top > 30 and right < 1590 and bottom < 890


def test_the_slides_are_parts_of_the_page_shown_in_a_browser(
    explanation: Any, page_file: Path, open_page: Callable[..., Any]
) -> None:
    page = open_page(page_file, 1600, color_scheme="dark")
    page.goto(f"{page_file.as_uri()}#slides=0-2")
    page.reload()
    boxes = page.locator(".slide")
    assert boxes.count() == 3 and page.locator(".top, footer").count() == 0
    headings = boxes.locator("h2").all_inner_texts()
    assert headings == ["What the network sees", "Convolution", "Convolution"]
    for number in range(3):
        frame = boxes.nth(number).bounding_box()
        assert (frame["y"], frame["width"], frame["height"]) == (
            900 * number,
            1600,
            900,
        )
    # Light, whatever the screen is, and nothing to click.
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(252, 251, 249)"
    assert not page.locator(".controls").first.is_visible()
    name = explanation.class_names[explanation.prediction.winner]
    assert f"tiny says: {name}" in boxes.nth(0).inner_text()


def test_names_of_strangers_stay_text_and_name_no_slide(
    draw: Draw, explanation: Any
) -> None:
    names = tuple(f'" data-slide="{number}' for number in range(10))
    strange = replace(explanation, class_names=names, name='<b data-slide="x">')
    found, expected = draw(strange), draw(explanation)
    assert list(found) == list(expected)
    assert found["11-softmax.png"] != expected["11-softmax.png"]


def test_a_part_that_does_not_apply_has_no_slide(
    draw: Draw, explanation: Any, model_explanation: Any
) -> None:
    without = replace(
        explanation, pooling=Missing("No pooling."), dense=Missing("No dense.")
    )
    names = list(draw(without))
    assert not any("pooling" in name or "dense" in name for name in names)
    alone = replace(model_explanation, exciting_patches=Missing(""))
    assert list(draw(alone)) == ["01-filters.png", "02-network.png"]


def test_reasons_are_listed(explanation: Any) -> None:
    assert list_missing(explanation) == []
    without = replace(
        explanation, pooling=Missing("No pooling."), dense=Missing("No dense.")
    )
    assert list_missing(without) == ["No pooling.", "No dense."]


def test_without_a_browser_the_way_out_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cifarcnn.html.browser._BROWSERS", ("no-such-browser",))
    with pytest.raises(UsageError) as caught:
        find_browser()
    assert str(caught.value) == (
        "Pictures for slides are drawn by Chromium, Google Chrome or Microsoft Edge, "
        "and none of them was found. Install one; or leave out --format png and print "
        "the page from any browser, which begins a sheet for every part."
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "echo starting >&2; echo 'No usable sandbox!' >&2; exit 1",
            "No usable sandbox!",
        ),
        ("exit 0", "it says nothing"),
        ("exec sleep 5", "it did not end within 0.2 seconds"),
    ],
)
def test_a_browser_that_draws_nothing_is_told(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\n{script}\n")
    browser.chmod(0o755)
    if "sleep" in script:
        monkeypatch.setattr(slides, "_SECONDS", 0.2)
    with pytest.raises(UsageError) as caught:
        list(draw_slides('<p data-slide="a">', str(browser), tmp_path))
    assert str(caught.value) == (
        f"{browser} drew nothing: {reason}. Leave out --format png and print the "
        "page from any browser, which begins a sheet for every part."
    )
    assert os.listdir(tmp_path) == ["browser"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        list(draw_slides("", "browser", tmp_path / "nowhere"))
    assert str(caught.value) == (
        f"No slides can be drawn in {tmp_path / 'nowhere'}: No such file or directory. "
        "Name another place with --out."
    )
