"""Receptive fields: which pixels of the image a cell of a map sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarcnn.config.layers.base import Pair, Shape, Window
from cifarcnn.explanation.network_input import Box
from cifarcnn.explanation.steps import Step, Steps

Array = np.ndarray[Any, Any]
# Where the field of a cell that sees only padding begins: unions leave it out.
_NOWHERE = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """The pixels of the network's input that the cells of a map depend on.

    A cell's field is a rectangle; where windows are dilated, pixels within it may not
    matter. ``rows`` and ``columns`` are exact in every case, cut off at the border of
    the image; the other numbers describe a cell far from every border.

    Attributes:
        rows: int ``(height, 2)``: for each row of cells the first row of pixels and one
            after the last. Both are 0 for cells that see nothing but padding.
        columns: int ``(width, 2)``: likewise.
        size: Height and width of the field, also beyond the image's border; those of
            the largest field within the image when ``stride`` is None.
        stride: How many pixels lie between the fields of neighbours; None when the
            distances differ (ways of different strides are joined, or maps were made
            larger), or when every cell sees the whole (a group normalization or a
            global pooling lies before it).
        offset: Row and column where the field of the first cell begins, negative when
            beyond the border; None when ``stride`` is.
    """

    rows: Array
    columns: Array
    size: Pair
    stride: Pair | None
    offset: Pair | None

    def box(self, row: int, column: int) -> Box:
        """What the cell at ``(row, column)`` sees, within the image."""
        top, bottom = self.rows[row].tolist()
        left, right = self.columns[column].tolist()
        return Box(top, left, bottom, right)


def window_of(step: Step, input_shape: Shape) -> Window | None:
    """Through which window a cell of the result sees what goes into a step.

    Args:
        step: One that gives maps, of one input.
        input_shape: ``(height, width, channels)`` of what goes in.

    Returns:
        None where every cell sees the whole input.

    Raises:
        NotImplementedError: The kind of layer does not say.
    """
    if step.kind == "Activation" or step.layer is None:
        # Also that of a convolution, which is a step of its own.
        return Window((1, 1))
    return step.layer.window(input_shape)


@dataclass(frozen=True, eq=False)
class _Axis:
    """Fields along the height or the width.

    Attributes:
        spans: int ``(cells, 2)``: first pixel and one after the last;
            ``(_NOWHERE, 0)`` for a cell that sees padding only.
        line: Size, stride and offset of the fields when there were no borders; None
            when they do not lie at regular distances.
    """

    spans: Array
    line: tuple[int, int, int] | None


def receptive_fields(steps: Steps) -> dict[str, ReceptiveField]:
    """The receptive fields of the result of every step that gives maps.

    Raises:
        NotImplementedError: As :func:`window_of`.
    """
    axes: dict[str, list[_Axis]] = {}
    for step in steps.values():
        inputs = [axes[name] for name in step.inputs]
        if not inputs:
            # Every pixel sees itself.
            axes[step.name] = [
                _Axis(np.arange(count)[:, None] + [0, 1], (1, 1, 0))
                for count in step.shape[:2]
            ]
        elif len(inputs) > 1:
            axes[step.name] = [_unite(ways) for ways in zip(*inputs, strict=True)]
        else:
            shape = steps[step.inputs[0]].shape
            window = window_of(step, shape)
            axes[step.name] = [
                _slide(way, step, window, axis) for axis, way in enumerate(inputs[0])
            ]
    return {
        step.name: _describe(*axes[step.name]) for step in steps.values() if step.is_map
    }


def _slide(way: _Axis, step: Step, window: Window | None, axis: int) -> _Axis:
    """After a step, along the height (axis 0) or the width (1); None sees all.

    A row of numbers is like maps of a single cell.
    """
    count = step.shape[axis] if step.is_map else 1
    if window is None:
        whole = [way.spans[:, 0].min(), way.spans[:, 1].max()]
        return _Axis(np.array([whole] * count), None)
    size, stride, dilation, times = (
        pair[axis]
        for pair in (window.size, window.strides, window.dilation, window.enlarged)
    )
    before = window.padding[axis][0]
    spans = np.empty((count, 2), np.int64)
    for cell in range(count):
        seen = (cell * stride - before + dilation * np.arange(size)) // times
        seen = seen[(seen >= 0) & (seen < len(way.spans))]
        spans[cell, 0] = way.spans[seen, 0].min(initial=_NOWHERE)
        spans[cell, 1] = way.spans[seen, 1].max(initial=0)
    if way.line is None or times > 1:
        return _Axis(spans, None)
    field, distance, offset = way.line
    field += (size - 1) * dilation * distance
    return _Axis(spans, (field, distance * stride, offset - before * distance))


def _unite(ways: Sequence[_Axis]) -> _Axis:
    """After several ways have been joined; what has one cell is joined with all."""
    cells = max(len(way.spans) for way in ways)
    spans = np.stack([np.broadcast_to(way.spans, (cells, 2)) for way in ways])
    united = np.stack([spans[..., 0].min(axis=0), spans[..., 1].max(axis=0)], axis=1)
    lines = [way.line for way in ways if way.line is not None]
    whole = len(lines) < len(ways) or any(len(way.spans) < cells for way in ways)
    if whole or len({stride for _, stride, _ in lines}) > 1:
        return _Axis(united, None)
    offset = min(offset for _, _, offset in lines)
    end = max(size + begin for size, _, begin in lines)
    return _Axis(united, (end - offset, lines[0][1], offset))


def _describe(height: _Axis, width: _Axis) -> ReceptiveField:
    # (0, 0) for what is empty.
    rows, columns = (
        np.where(axis.spans[:, :1] < axis.spans[:, 1:], axis.spans, 0)
        for axis in (height, width)
    )
    if height.line is None or width.line is None:
        size = int(np.ptp(rows, axis=1).max()), int(np.ptp(columns, axis=1).max())
        return ReceptiveField(rows, columns, size, None, None)
    size, stride, offset = zip(height.line, width.line, strict=True)
    return ReceptiveField(rows, columns, size, stride, offset)
