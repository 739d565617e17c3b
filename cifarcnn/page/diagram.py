"""The whole network to scale: a box for every layer that makes maps."""

from __future__ import annotations

from dataclasses import dataclass

from cifarcnn.config.layers.base import Shape
from cifarcnn.config.summary import Summary
from cifarcnn.page.numbers import show_size

# Layers that change neither size nor number of maps would only repeat a box.
_DRAWN = ("Conv", "Pooling", "Dense", "Flatten", "UpSampling", "ZeroPadding")
_HIGHEST = 128.0  # how high the highest map is drawn
_WIDEST = 64.0  # how wide the layer with the most channels is drawn
_SLOT = 92.0
_LONGEST = 15  # letters of a name, so that neighbours do not run into each other
_ABOVE = 14.0
_BELOW = 44.0
_MOST_UNITS = 160.0  # how high the layer with the most units is drawn


@dataclass(frozen=True)
class LayerBox:
    """One box of the diagram, in units of the drawing.

    Attributes:
        left: Of the box.
        top: Of the box.
        width: Proportional to the number of channels.
        height: Proportional to the height of the maps, or to the number of units.
        flat: Whether it is a row of units, not maps.
        lines: The words below it.
    """

    left: float
    top: float
    width: float
    height: float
    flat: bool
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Diagram:
    """Boxes from left to right.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        baseline: Where words begin.
        boxes: Every box.
    """

    width: float
    height: float
    baseline: float
    boxes: tuple[LayerBox, ...]


def draw_network(network: Summary) -> Diagram:
    """Lay the boxes out: heights and widths in proportion, one slot for each layer."""
    rows = [row for row in network.rows if any(kind in row.type for kind in _DRAWN)]
    names = ["input", *(row.name for row in rows)]
    sizes = [network.input_shape, *(row.output_shape for row in rows)]
    maps = [size for size in sizes if len(size) == 3]
    channels = max(size[2] for size in maps)
    side = max(size[0] for size in maps)
    units = max((size[0] for size in sizes if len(size) == 1), default=1)
    tall = max(_HIGHEST, _MOST_UNITS if units > 1 else 0)

    def box(slot: int, name: str, size: Shape) -> LayerBox:
        flat = len(size) == 1
        if flat:
            width, height = 8.0, max(_MOST_UNITS * size[0] / units, 2.0)
        else:
            width = max(_WIDEST * size[2] / channels, 2.0)
            height = max(_HIGHEST * size[0] / side, 2.0)
        left = (slot + 0.5) * _SLOT - width / 2
        top = _ABOVE + (tall - height) / 2
        shown = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        return LayerBox(left, top, width, height, flat, (shown, show_size(size)))

    return Diagram(
        width=len(sizes) * _SLOT,
        height=_ABOVE + tall + _BELOW,
        baseline=_ABOVE + tall + 20,
        boxes=tuple(map(box, range(len(sizes)), names, sizes)),
    )
