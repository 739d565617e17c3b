"""The arithmetic of layers that were trained in a run, for pictures of any size."""

from __future__ import annotations

from collections.abc import Sequence

from cifarcnn.config.layers.base import Layer, Shape, ShapeError, show
from cifarcnn.config.layers.merging import Merging


def walk_shapes(
    layers: Sequence[Layer], shape: Shape
) -> tuple[Shape, list[tuple[Layer, Shape]]]:
    """Follow a shape through layers and their branches.

    Returns:
        The shape at the end; and each layer with the shape that reaches it.

    Raises:
        ShapeError: A layer cannot take what reaches it; the message names it.
    """
    start, found = shape, []
    for layer in layers:
        found.append((layer, shape))
        try:
            if isinstance(layer, Merging):
                shape, inside = _walk_branches(layer, shape)
                found += inside
            else:
                shape = layer.output_shape(shape)
        except ShapeError as error:
            message = f"in its layer {layer.name}: {error.message}"
            raise ShapeError(message, error.hint, start) from error
    return shape, found


def _walk_branches(
    layer: Merging, shape: Shape
) -> tuple[Shape, list[tuple[Layer, Shape]]]:
    ends, found = [], []
    for _, branch in layer.walk_branches():
        end, inside = walk_shapes(branch, shape)
        ends.append(end)
        found += inside
    for _, message, _ in layer.find_misfits(shape, ends):
        raise ShapeError(message, "put Resizing before it", shape)
    return layer.merged_shape(ends), found


def require_same_weights(
    layers: Sequence[Layer], trained: Shape, shape: Shape
) -> Shape:
    """The shape at the end, once it is sure that the trained weights fit.

    Args:
        layers: Of a run.
        trained: Height, width and channels of its pictures.
        shape: What reaches them now.

    Raises:
        ShapeError: A layer cannot take what reaches it, or has other weights for it
            than it was trained with, as a Dense behind a Flatten at another size.
    """
    if len(shape) != 3 or shape[2] != trained[2]:
        raise ShapeError(
            f"the run was trained on pictures of {trained[2]} channels, but "
            f"{show(shape)} reaches it",
            "put it first, or behind a Resizing alone",
            shape,
        )
    end, found = walk_shapes(layers, shape)
    _, known = walk_shapes(layers, trained)
    for (layer, here), (_, before) in zip(found, known, strict=True):
        if layer.parameters(here) != layer.parameters(before):
            raise ShapeError(
                f"its layer {layer.name} was trained on {show(before)}, but for "
                f"{show(shape)} gets {show(here)}: the weights do not fit",
                f"put Resizing: {{height: {trained[0]}, width: {trained[1]}}} before "
                "it, or end before that layer with up_to",
                end,
            )
    return end
