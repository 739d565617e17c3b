"""Working out receptive fields, along height and width by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.config.layers.pooling import ZeroPadding2D
from cifarcnn.explanation.fields import SIDE, ReceptiveField
from cifarcnn.explanation.steps import (
    CONVOLUTIONS,
    GLOBAL_POOLINGS,
    POOLINGS,
    Step,
    Steps,
)
from cifarcnn.explanation.windows import window_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Sees every cell of its input, although its result is maps again.
_MIXING = GLOBAL_POOLINGS | {"GroupNormalization"}


@dataclass(frozen=True, eq=False)
class _Axis:
    """Fields along one axis.

    Attributes:
        spans: int ``(cells, 2)``: first pixel and one after the last; ``(SIDE, 0)`` for
            a cell that sees padding only, so that it adds nothing to a union.
        line: Size, stride and offset of the fields when there were no borders; None
            when they do not lie at regular distances.
    """

    spans: Array
    line: tuple[int, int, int] | None


def receptive_fields(steps: Steps) -> dict[str, ReceptiveField]:
    """The receptive fields of the result of every step that gives maps."""
    import numpy as np

    pixels = np.arange(SIDE)
    start = _Axis(np.stack([pixels, pixels + 1], axis=1), (1, 1, 0))
    axes: dict[str, tuple[_Axis, _Axis]] = {}
    for step in steps.values():
        if not step.is_map:
            continue
        if not step.inputs:
            axes[step.name] = start, start
        else:
            ways = [axes[name] for name in step.inputs]
            axes[step.name] = (
                _through(step, steps, [way[0] for way in ways], 0),
                _through(step, steps, [way[1] for way in ways], 1),
            )
    return {name: _describe(*pair) for name, pair in axes.items()}


def _through(step: Step, steps: Steps, ways: list[_Axis], side: int) -> _Axis:
    """The fields after a step; ``side`` is 0 for the height, 1 for the width."""
    if step.kind == "Add":
        return _unite(*ways)
    way, count = ways[0], step.shape[side]
    if step.kind in CONVOLUTIONS | POOLINGS:
        window = window_of(step, steps[step.inputs[0]].shape)
        move = window.strides[side], window.dilation[side], window.padding[side][0]
        return _slide(way, count, window.size[side], *move)
    if isinstance(step.layer, ZeroPadding2D):
        return _slide(way, count, 1, 1, 1, step.layer.padding[side][0])
    if step.kind in _MIXING:
        return _mix(way, count)
    return way


def _slide(
    way: _Axis, count: int, size: int, stride: int, dilation: int, before: int
) -> _Axis:
    """After a window of ``size`` cells, over ``before`` cells of padding."""
    import numpy as np

    spans = np.empty((count, 2), np.int64)
    for cell in range(count):
        seen = cell * stride - before + dilation * np.arange(size)
        seen = seen[(seen >= 0) & (seen < len(way.spans))]
        spans[cell, 0] = way.spans[seen, 0].min(initial=SIDE)
        spans[cell, 1] = way.spans[seen, 1].max(initial=0)
    if way.line is None:
        return _Axis(spans, None)
    field, step, offset = way.line
    field += (size - 1) * dilation * step
    return _Axis(spans, (field, step * stride, offset - before * step))


def _unite(main: _Axis, short: _Axis) -> _Axis:
    """After two ways have been added."""
    import numpy as np

    spans = np.stack(
        [
            np.minimum(main.spans[:, 0], short.spans[:, 0]),
            np.maximum(main.spans[:, 1], short.spans[:, 1]),
        ],
        axis=1,
    )
    if main.line is None or short.line is None or main.line[1] != short.line[1]:
        return _Axis(spans, None)
    offset = min(main.line[2], short.line[2])
    end = max(size + first for size, _, first in (main.line, short.line))
    return _Axis(spans, (end - offset, main.line[1], offset))


def _mix(way: _Axis, count: int) -> _Axis:
    """After every cell has seen all cells."""
    import numpy as np

    whole = [way.spans[:, 0].min(), way.spans[:, 1].max()]
    return _Axis(np.array([whole] * count), None)


def _describe(height: _Axis, width: _Axis) -> ReceptiveField:
    rows, columns = _tidy(height.spans), _tidy(width.spans)
    if height.line is None or width.line is None:
        size = _largest(rows), _largest(columns)
        return ReceptiveField(rows, columns, size, None, None)
    return ReceptiveField(
        rows,
        columns,
        size=(height.line[0], width.line[0]),
        stride=(height.line[1], width.line[1]),
        offset=(height.line[2], width.line[2]),
    )


def _tidy(spans: Array) -> Array:
    """The same with ``(0, 0)`` for what is empty."""
    import numpy as np

    return np.where(spans[:, :1] < spans[:, 1:], spans, 0)


def _largest(spans: Array) -> int:
    return int((spans[:, 1] - spans[:, 0]).max())
