"""The parts of the story as separate images, for slides.

Drawn with matplotlib: it sets text of any length with a font that it brings along,
which neither Pillow nor an SVG renderer does by itself.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from cifarcnn.errors import UsageError
from cifarcnn.explanation.explanation import (
    Deeper,
    Explanation,
    Missing,
    ModelExplanation,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# 1600x900 pixels: 16 to 9, as screens and projectors are.
SIZE = (10.0, 5.625)
DPI = 160


def require_matplotlib() -> None:
    """See whether slides can be drawn, without importing anything.

    Raises:
        UsageError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "Pictures for slides are drawn with matplotlib, which is not installed. "
            "Install it with: pip install 'cifarcnn[slides]'"
        )


def list_missing(story: Explanation | ModelExplanation) -> list[str]:
    """Why parts get no image, a sentence each."""
    parts = [getattr(story, name) for name in vars(story)]
    return [part.reason for part in parts if isinstance(part, Missing)]


def draw_slides(story: Explanation | ModelExplanation) -> Iterator[tuple[str, bytes]]:
    """Every slide: the name of its file, and a PNG of 1600x900 pixels."""
    plan = _plan_image(story) if isinstance(story, Explanation) else _plan_model(story)
    for number, (name, draw) in enumerate(plan, 1):
        yield f"{number:02}-{name}.png", _to_png(draw)


Draw = Callable[["Figure"], None]


def _plan_image(story: Explanation) -> Iterator[tuple[str, Draw]]:
    from cifarcnn.page import slide_answers as answers
    from cifarcnn.page import slide_layers as layers

    yield "input", partial(answers.draw_input, story=story)
    convolution = story.convolution
    if not isinstance(convolution, Missing):
        yield "filters", partial(layers.draw_filters, bank=convolution.filters)
        yield (
            "convolution",
            partial(layers.draw_convolution, convolution=convolution, story=story),
        )
    if not isinstance(story.activation, Missing):
        yield "activation", partial(layers.draw_activation, step=story.activation)
    if not isinstance(story.feature_maps, Missing):
        for maps in story.feature_maps:
            yield f"maps-{maps.layer}", partial(layers.draw_maps, maps=maps)
    if not isinstance(story.pooling, Missing):
        yield "pooling", partial(layers.draw_pooling, pooling=story.pooling)
    if not isinstance(story.deeper, Missing):
        yield from _plan_patches(story.deeper)
    if not isinstance(story.dense, Missing):
        names = story.class_names
        yield (
            "dense",
            partial(answers.draw_dense, dense=story.dense, class_names=names),
        )
    yield "softmax", partial(answers.draw_softmax, story=story)
    if not isinstance(story.grad_cam, Missing):
        yield "looked", partial(answers.draw_looks, cam=story.grad_cam, story=story)
    yield "network", partial(answers.draw_table, network=story.network)


def _plan_model(story: ModelExplanation) -> Iterator[tuple[str, Draw]]:
    from cifarcnn.page.slide_answers import draw_table
    from cifarcnn.page.slide_layers import draw_filters

    if not isinstance(story.filters, Missing):
        yield "filters", partial(draw_filters, bank=story.filters)
    if not isinstance(story.deeper, Missing):
        yield from _plan_patches(story.deeper)
    yield "network", partial(draw_table, network=story.network)


def _plan_patches(deeper: Deeper) -> Iterator[tuple[str, Draw]]:
    from cifarcnn.page.slide_answers import draw_patches

    for layer in dict.fromkeys(unit.layer for unit in deeper.units):
        yield f"patches-{layer}", partial(draw_patches, deeper=deeper, layer=layer)


def _to_png(draw: Draw) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white")
    draw(figure)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
