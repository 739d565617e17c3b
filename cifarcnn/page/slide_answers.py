"""Slides of what goes in and what comes out: image, patches, answer, network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cifarcnn.explanation.explanation import (
    Deeper,
    Dense,
    Explanation,
    GradCam,
    NetworkTable,
)
from cifarcnn.page.diagram import draw_network
from cifarcnn.page.heatmaps import paint_classes, paint_difference
from cifarcnn.page.numbers import show, show_percent, show_size
from cifarcnn.page.page_context import tell_dense, tell_softmax
from cifarcnn.page.slide_pieces import (
    BAR,
    FOR,
    INK,
    SOFT,
    add_bars,
    add_image,
    add_scale,
    set_title,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_input(figure: Figure, story: Explanation) -> None:
    """The photo with its square, and the 32x32 pixels."""
    sight = story.sight
    name = story.class_names[story.prediction.winner]
    share = show_percent(float(story.prediction.probabilities[story.prediction.winner]))
    set_title(figure, "What the network sees", f"{story.name} says: {name}, {share}")
    crop = sight.crop
    box = (crop.top, crop.left, crop.bottom - crop.top, crop.right - crop.left)
    add_image(figure, (0.04, 0.12, 0.44, 0.66), sight.photo, "the picture", box)
    add_image(figure, (0.54, 0.12, 0.42, 0.66), sight.pixels, "32×32 pixels")


def draw_patches(figure: Figure, deeper: Deeper, layer: str) -> None:
    """The patches that excite the units of a layer."""
    units = [unit for unit in deeper.units if unit.layer == layer]
    set_title(figure, f"What excites the units of {layer}", deeper.note)
    height = min(0.78 / max(len(units), 1), 0.26)
    for line, unit in enumerate(units):
        bottom = 0.8 - (line + 1) * height
        figure.text(
            0.04, bottom + height / 2, f"channel {unit.channel}", size=9, color=INK
        )
        for place, patch in enumerate(unit.patches):
            at = (0.14 + 0.094 * place, bottom + 0.05, 0.088, height - 0.07)
            add_image(figure, at, patch.pixels, patch.label[:14])


def draw_dense(figure: Figure, dense: Dense, class_names: Sequence[str]) -> None:
    """Contributions to the winning class and to the runner-up."""
    set_title(
        figure,
        f"Contributions in {dense.layer}",
        "value times weight; all of them and the bias add up to the logit",
    )
    for place, logit in enumerate(tell_dense(dense, class_names)[:2]):
        rows = logit["rows"]
        names = [
            f"map {row['place'][2]}, cell {row['place'][0]}, {row['place'][1]}"
            if len(row["place"]) == 3
            else f"unit {row['place'][0]}"
            for row in rows
        ]
        values = [row["shown"] for row in rows]
        if logit["others"]:
            names.append(f"other {logit['others']:,}")
            values.append(logit["rest"])
        names.append("bias")
        values.append(logit["bias"])
        decimals = logit["decimals"]
        add_bars(
            figure,
            (0.15 + 0.5 * place, 0.06, 0.33, 0.68),
            names,
            values,
            [show(value, decimals) for value in values],
            signed=True,
            title=f"{logit['name']}: logit {show(logit['logit'], decimals)}",
        )


def draw_softmax(figure: Figure, story: Explanation) -> None:
    """The probabilities, the highest first."""
    told = tell_softmax(story.softmax, story.class_names)
    rows = told["rows"][:20]
    set_title(figure, "Softmax", "the probability of each class, and its logit")
    add_bars(
        figure,
        (0.2, 0.06, 0.72, 0.74),
        [row["name"] for row in rows],
        [row["probability"] for row in rows],
        [
            f"{show_percent(row['probability'])}   "
            f"({show(row['logit'], told['decimals'])})"
            for row in rows
        ],
        signed=False,
    )


def draw_looks(figure: Figure, cam: GradCam, story: Explanation) -> None:
    """Grad-CAM for the winner and the runner-up, and their difference."""
    pixels = story.sight.pixels
    classes = paint_classes(cam, pixels)
    difference = paint_difference(cam, pixels)
    names = [story.class_names[entry.class_index] for entry in cam.maps]
    set_title(
        figure,
        "Where it looked",
        f"Grad-CAM on the {show_size(cam.shape[:2])} cells of {cam.layer}",
    )
    shown = [*zip(names[:2], classes[:2], strict=True)]
    shown.append((f"more for {names[0]} (orange) or {names[1]} (blue)", difference))
    for place, (name, looks) in enumerate(shown):
        left = 0.04 + 0.32 * place
        add_image(figure, (left, 0.24, 0.28, 0.5), looks.over, name)
        add_scale(figure, (left + 0.03, 0.1, 0.22, 0.02), looks.low, looks.high)


def draw_table(figure: Figure, network: NetworkTable) -> None:
    """The whole network to scale."""
    from matplotlib.patches import Rectangle

    diagram = draw_network(network)
    set_title(
        figure,
        "The whole network",
        f"{network.parameters:,} parameters, {network.macs:,} multiply-accumulates",
    )
    axes = figure.add_axes((0.02, 0.05, 0.96, 0.75))
    axes.set_xlim(0, diagram.width)
    axes.set_ylim(diagram.height, 0)
    axes.set_axis_off()
    size = min(8.5, 76 / len(diagram.shapes))
    for shape in diagram.shapes:
        colour = FOR if shape.flat else BAR
        axes.add_patch(
            Rectangle(
                (shape.left, shape.top), shape.width, shape.height, facecolor=colour,
                alpha=0.35, edgecolor=colour,
            )
        )  # fmt: skip
        for line, words in enumerate(shape.lines):
            axes.text(
                shape.middle, diagram.baseline + 16 * line, words, size=size,
                ha="center", color=SOFT if line else INK, parse_math=False,
            )  # fmt: skip
