"""The whole network to scale: a box for every layer that makes maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cifarcnn.config.layers.base import Shape
from cifarcnn.config.summary import Row, Summary
from cifarcnn.page.branches import SIGN_SLOTS, Layout, Place, Way
from cifarcnn.page.numbers import show_size

# Layers that change neither size nor number of maps would only repeat a box.
_DRAWN = (
    "Conv", "Pooling", "Dense", "Flatten", "UpSampling", "Resizing", "ZeroPadding",
    "Concatenate", "Pretrained",
)  # fmt: skip
_SIGNS = {"Add": "+", "Multiply": "×"}
_HIGHEST = 128.0  # how high the highest map is drawn
_WIDEST = 64.0  # how wide the layer with the most channels is drawn
_SLOT = 100.0
_SIGN_SIDE = 16.0
_LONGEST = 15  # letters of a name, so that neighbours do not run into each other
_ABOVE = 14.0
_BELOW = 44.0
_EMPTY_LANE = 24.0  # of a branch without boxes
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
        baseline: Where these begin.
        sign: Stands in a circle in place of the box, where branches are joined.
    """

    left: float
    top: float
    width: float
    height: float
    flat: bool = False
    lines: tuple[str, ...] = ()
    baseline: float = 0.0
    sign: str = ""


@dataclass(frozen=True)
class Diagram:
    """Boxes from left to right, branches below one another.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        boxes: Every box and every sign.
        ways: The points of the lines between them, as SVG writes them.
    """

    width: float
    height: float
    boxes: tuple[LayerBox, ...]
    ways: tuple[str, ...]


@dataclass(frozen=True)
class _Scale:
    """What is drawn at its largest: channels, the side of maps, units of a row."""

    channels: int
    side: int
    units: int

    @classmethod
    def of(cls, shapes: Sequence[Shape]) -> _Scale:
        """The scale on which all shapes can be drawn."""
        maps = [shape for shape in shapes if len(shape) == 3]
        rows = [shape[0] for shape in shapes if len(shape) == 1]
        channels = max(shape[2] for shape in maps)
        return cls(channels, max(shape[0] for shape in maps), max(rows, default=1))

    def draw(self, place: Place, shape: Shape) -> LayerBox:
        """A box at its place from left to right; its lane comes later."""
        if place.sign:
            left = (place.slot + SIGN_SLOTS / 2) * _SLOT - _SIGN_SIDE / 2
            return LayerBox(left, 0, _SIGN_SIDE, _SIGN_SIDE, sign=_sign_of(place.row))
        flat = len(shape) == 1
        if flat:
            width, height = 8.0, max(_MOST_UNITS * shape[0] / self.units, 2.0)
        else:
            width = max(_WIDEST * shape[2] / self.channels, 2.0)
            height = max(_HIGHEST * shape[0] / self.side, 2.0)
        name = place.row.name if place.row else "input"
        shown = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        left = (place.slot + 0.5) * _SLOT - width / 2
        return LayerBox(left, 0, width, height, flat, (shown, show_size(shape)))


def draw_network(network: Summary) -> Diagram:
    """Lay the boxes out: heights and widths in proportion, one slot for each layer."""
    layout = Layout(lambda row: any(kind in row.type for kind in _DRAWN))
    slots, lanes = layout.lay(network.rows)
    shapes = [
        place.row.output_shape if place.row else network.input_shape
        for place in layout.places
    ]
    scale = _Scale.of(shapes)
    boxes = [*map(scale.draw, layout.places, shapes)]
    tall = [0.0] * lanes
    tall[0] = max(_HIGHEST, _MOST_UNITS if scale.units > 1 else 0)
    for place, box in zip(layout.places, boxes, strict=True):
        if not box.sign:
            tall[place.lane] = max(tall[place.lane], box.height)
    heights = [_ABOVE + side + _BELOW if side else _EMPTY_LANE for side in tall]
    tops = [sum(heights[:lane]) for lane in range(lanes)]
    middles = [
        top + (_ABOVE + side / 2 if side else _EMPTY_LANE / 2)
        for top, side in zip(tops, tall, strict=True)
    ]
    placed = tuple(
        replace(
            box,
            top=middles[place.lane] - box.height / 2,
            baseline=middles[place.lane] + tall[place.lane] / 2 + 20,
        )
        for place, box in zip(layout.places, boxes, strict=True)
    )
    ways = [_draw_way(way, layout.places, placed, middles) for way in layout.ways]
    return Diagram(slots * _SLOT, sum(heights), placed, tuple(ways))


def _draw_way(
    way: Way, places: Sequence[Place], boxes: Sequence[LayerBox], middles: list[float]
) -> str:
    """The points of a line: straight on, and up or down where it changes its lane."""
    lane, end = places[way.start].lane, places[way.end]
    start, goal = boxes[way.start], boxes[way.end]
    # Into a sign from above or below, and beside a box.
    before = goal.left + goal.width / 2 if end.sign else end.slot * _SLOT
    turns = [(slot * _SLOT, turn) for slot, turn in way.turns]
    points = [(start.left + start.width, middles[lane])]
    for across, turn in (*turns, (before, end.lane)):
        points += [(across, middles[lane]), (across, middles[turn])]
        lane = turn
    points.append((goal.left, middles[lane]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in dict.fromkeys(points))


def _sign_of(row: Row | None) -> str:
    return _SIGNS[row.type] if row else ""
