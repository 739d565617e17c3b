"""Images turned, zoomed, sheared: each pixel from a place of its own."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from keras import ops

from cifarcnn.training.augmentation.operation import take_pixels

Interpolation: TypeAlias = Literal["bilinear", "nearest"]

# Transforms are counted in 2^-16, so that every engine comes to the same pixels, and
# places in half as much, because the middle of an image may lie between two pixels.
# Both fit into 32 bits for images of up to 8,000 pixels a side.
_ONE = 1 << 16
_BITS = 17
_PIXEL = 1 << _BITS
# Shares of a pixel in a blend are counted in 2^-10: 255 times the square of that fits.
_SHARE_BITS = 10


def to_fixed_point(*numbers: np.ndarray | float) -> np.ndarray:
    """Where the pixels of each image come from, as :func:`affine_transform` takes it.

    Args:
        numbers: ``a`` to ``f``, each ``(...)``, or one number for all images. ``c`` and
            ``f`` are in pixels.

    Returns:
        int32 ``(..., 6)``.
    """
    transforms = np.stack(np.broadcast_arrays(*numbers), axis=-1)
    return np.round(_ONE * transforms).astype(np.int32)


def affine_transform(
    images: Any,
    transforms: Any,
    interpolation: Interpolation,
    fill: Literal["reflect", "nearest"] | int,
) -> Any:
    """Take each pixel from another place.

    With ``y`` down and ``x`` to the right, both counted from the middle of the image,
    the pixel comes from ``(a y + b x + c, d y + e x + f)``.

    Args:
        images: uint8 ``(b, height, width, 3)``, as is the result.
        transforms: int32 ``(b, 6)``, from :func:`to_fixed_point`.
        interpolation: Between the four pixels around that place, or the nearest one.
        fill: What lies outside: the image mirrored at its edge, again and again; its
            edge pixels; or a grey of 0 to 255.
    """
    height, width = images.shape[1:3]
    if isinstance(fill, int):
        # What comes from further away then comes from this border.
        border = ((0, 0), (1, 1), (1, 1), (0, 0))
        images = ops.pad(images, border, constant_values=fill)
    y = (2 * ops.arange(height, dtype="int32") - (height - 1))[None, :, None]
    x = (2 * ops.arange(width, dtype="int32") - (width - 1))[None, None, :]
    a, b, c, d, e, f = (transforms[:, place, None, None] for place in range(6))
    rows = _from_edge(a * y + b * x + 2 * c, images.shape[1], fill == "reflect")
    columns = _from_edge(d * y + e * x + 2 * f, images.shape[2], fill == "reflect")
    if interpolation == "nearest":
        return take_pixels(images, _whole(rows + _ONE), _whole(columns + _ONE))
    return _blend(images, rows, columns)


def _from_edge(offsets: Any, side: int, mirrored: bool) -> Any:
    """Offsets from the middle as places from the first pixel, none beyond the last."""
    places = offsets + (side - 1) * _ONE
    if mirrored:
        # At the outer edges of the first and the last pixel, half a pixel from both.
        end = side * _PIXEL
        places = end - ops.abs(ops.mod(places + _ONE, 2 * end) - end) - _ONE
    return ops.minimum(ops.maximum(places, 0), (side - 1) * _PIXEL)


def _whole(places: Any) -> Any:
    """The pixel that begins at a place or before it."""
    return ops.right_shift(places, _BITS)


def _share(places: Any) -> Any:
    """How far behind that pixel the place lies."""
    rest = ops.bitwise_and(places, _PIXEL - 1)
    return ops.right_shift(rest, _BITS - _SHARE_BITS)[..., None]


def _blend(images: Any, rows: Any, columns: Any) -> Any:
    """The four pixels around each place, the nearer ones more, rounded."""
    top, left = _whole(rows), _whole(columns)
    bottom = ops.minimum(top + 1, images.shape[1] - 1)
    right = ops.minimum(left + 1, images.shape[2] - 1)
    down, aside = _share(rows), _share(columns)

    def along(row: Any) -> Any:
        first = ops.cast(take_pixels(images, row, left), "int32")
        second = ops.cast(take_pixels(images, row, right), "int32")
        return ops.left_shift(first, _SHARE_BITS) + (second - first) * aside

    upper = along(top)
    exact = ops.left_shift(upper, _SHARE_BITS) + (along(bottom) - upper) * down
    half = 1 << (2 * _SHARE_BITS - 1)
    return ops.cast(ops.right_shift(exact + half, 2 * _SHARE_BITS), "uint8")
