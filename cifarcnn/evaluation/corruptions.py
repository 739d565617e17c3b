"""Images made harder to recognise, in five ways and five strengths.

The kinds and their strengths are those of CIFAR-10-C (Hendrycks and Dietterich,
"Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", 2019,
https://arxiv.org/abs/1903.12261, whose program make_cifar_c.py has the numbers). The
drawing is not theirs, so that accuracies are near those on its files, but not the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

Array = np.ndarray[Any, Any]

STRENGTHS = (1, 2, 3, 4, 5)
# The length of the side that the deviations of the blur are meant for.
_SIDE_PIXELS = 32


def corrupt(images: Array, kind: str, strength: int, first: int = 0) -> Array:
    """Images under a corruption; the same ones always come out the same.

    Args:
        images: uint8 ``(n, height, width, 3)``.
        kind: One of ``CORRUPTIONS``.
        strength: 1 to 5.
        first: The place of the first image in its split, by which noise is drawn.

    Returns:
        uint8, of the same shape.
    """
    draw, amounts = CORRUPTIONS[kind]
    return draw(images, amounts[strength - 1], first)


def _add_noise(images: Array, deviation: float, first: int) -> Array:
    """Normally distributed, with a deviation in shares of the range of values."""
    noise = np.empty(images.shape, np.float32)
    for number in range(len(noise)):
        draw = np.random.default_rng(first + number)
        noise[number] = draw.standard_normal(noise.shape[1:], np.float32)
    return _to_uint8(images + noise * (deviation * 255))


def _blur(images: Array, deviation: float, first: int) -> Array:
    """By a Gaussian, whose deviation in pixels grows with the shorter side.

    That of a smaller image is not smaller, since a tenth of a pixel changes nothing.
    """
    radius = deviation * max(min(images.shape[1:3]) / _SIDE_PIXELS, 1)
    blur = ImageFilter.GaussianBlur(radius)
    return _each(images, lambda image: image.filter(blur))


def _brighten(images: Array, amount: float, first: int) -> Array:
    """Add to the value of HSV, which is the largest channel; the hue stays."""
    value = images.max(axis=-1, keepdims=True).astype(np.float32)
    brighter = np.minimum(value + amount * 255, 255)
    # Black has no hue, and becomes grey.
    scaled = images * (brighter / np.maximum(value, 1))
    return _to_uint8(np.where(value > 0, scaled, brighter))


def _reduce_contrast(images: Array, share: float, first: int) -> Array:
    """Bring all values nearer to the mean of their channel in the image."""
    means = images.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    return _to_uint8((images - means) * np.float32(share) + means)


def _compress(images: Array, quality: float, first: int) -> Array:
    """Through a JPEG file of this quality."""

    def compressed(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(quality))
        return Image.open(file)

    return _each(images, compressed)


def _each(images: Array, change: Callable[[Image.Image], Image.Image]) -> Array:
    changed = np.empty_like(images)
    for number, image in enumerate(images):
        changed[number] = np.asarray(change(Image.fromarray(image)))
    return changed


def _to_uint8(values: Array) -> Array:
    rounded: Array = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


_Draw = Callable[[Array, float, int], Array]
# How each is drawn, and by how much at each strength.
CORRUPTIONS: dict[str, tuple[_Draw, tuple[float, float, float, float, float]]] = {
    "gaussian_noise": (_add_noise, (0.04, 0.06, 0.08, 0.09, 0.10)),
    "gaussian_blur": (_blur, (0.4, 0.6, 0.7, 0.8, 1.0)),
    "brightness": (_brighten, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": (_reduce_contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "jpeg_compression": (_compress, (80, 65, 58, 50, 40)),
}
