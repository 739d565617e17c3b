from __future__ import annotations

import importlib.machinery
import io
import sys
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from cifarcnn.errors import UsageError
from cifarcnn.explanation import Missing
from cifarcnn.page.slides import draw_slides, list_missing, require_matplotlib


@pytest.fixture
def matplotlib() -> None:
    pytest.importorskip("matplotlib")


@pytest.mark.usefixtures("matplotlib")
def test_every_part_becomes_a_image_of_a_screen(story: Any) -> None:
    slides = dict(draw_slides(story))
    assert list(slides) == [
        "01-input.png", "02-filters.png", "03-convolution.png", "04-activation.png",
        "05-maps-conv2d_1.png", "06-maps-conv2d_2.png", "07-pooling.png",
        "08-patches-conv2d_1.png", "09-patches-conv2d_2.png", "10-dense.png",
        "11-softmax.png", "12-looked.png", "13-network.png",
    ]  # fmt: skip
    for data in slides.values():
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (1600, 900)
            extent = image.convert("L").point(lambda level: 255 - level).getbbox()
            assert extent is not None and extent[2] - extent[0] > 300


@pytest.mark.usefixtures("matplotlib")
def test_names_of_strangers_are_not_read_as_formulas(story: Any) -> None:
    names = tuple(rf"$\frac{{{number}}}$ \x ^" for number in range(10))
    strange = replace(story, class_names=names, name="$x$")
    slides = dict(draw_slides(strange))
    assert slides["11-softmax.png"] != dict(draw_slides(story))["11-softmax.png"]


@pytest.mark.usefixtures("matplotlib")
def test_a_part_that_does_not_apply_has_no_slide(story: Any, model_story: Any) -> None:
    without = replace(story, pooling=Missing("No pooling."), dense=Missing("No dense."))
    names = [name for name, _ in draw_slides(without)]
    assert not any("pooling" in name or "dense" in name for name in names)
    names = [name for name, _ in draw_slides(replace(model_story, deeper=Missing("")))]
    assert names == ["01-filters.png", "02-network.png"]


def test_reasons_are_listed(story: Any) -> None:
    assert list_missing(story) == []
    without = replace(story, pooling=Missing("No pooling."), dense=Missing("No dense."))
    assert list_missing(without) == ["No pooling.", "No dense."]


def test_without_matplotlib_the_way_out_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Nothing:
        @staticmethod
        def find_spec(
            name: str, path: object = None, target: object = None
        ) -> importlib.machinery.ModuleSpec | None:
            return None

    monkeypatch.setattr(sys, "meta_path", [Nothing])
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    with pytest.raises(UsageError) as caught:
        require_matplotlib()
    assert str(caught.value) == (
        "Pictures for slides are drawn with matplotlib, which is not installed. "
        "Install it with: pip install 'cifarcnn[slides]'"
    )
