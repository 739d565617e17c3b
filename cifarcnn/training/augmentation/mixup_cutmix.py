"""Images and labels mixed with those of another image of the batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from cifarcnn.training.augmentation.color import ONE, as_numbers, per_image
from cifarcnn.training.augmentation.operation import Draws, Mixing
from cifarcnn.training.augmentation.random_erasing import draw_boxes, inside_boxes

# Points of the tabulated integral; more change no share by as much as 1/1024.
_POINTS = 4097


@dataclass(frozen=True)
class MixUp(Mixing):
    """Blends each image with another, in a share drawn for it.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2017); as Keras's layer
    does, with a share for each image and not one for the batch.
    """

    alpha: float

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.random.draw(epoch, index, 2)
        share = np.round(ONE * quantile_of_beta(draws[..., 1], self.alpha))
        return {
            "partner": draw_partners(draws[..., 0]),
            "share": share.astype(np.int32),
        }

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        own = as_numbers(images)
        other = ops.take(own, draws["partner"], axis=0)
        share = per_image(draws["share"])
        mixed = own * share + other * (ONE - share) + ONE // 2
        return ops.cast(ops.right_shift(mixed, 10), "uint8")

    def mix_labels(self, labels: Any, draws: Mapping[str, Any]) -> Any:
        share = ops.cast(draws["share"], "float32") / ONE
        return _mix(labels, draws["partner"], share)


@dataclass(frozen=True)
class CutMix(Mixing):
    """Pastes a rectangle of another image, at the same place of this one.

    Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with
    Localizable Features" (2019). The rectangle has the proportions of the image and
    lies inside it, as in Keras's layer.
    """

    alpha: float

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.random.draw(epoch, index, 4)
        pasted = 1 - quantile_of_beta(draws[..., 1], self.alpha)
        height, width = (
            np.round(side * np.sqrt(pasted)).astype(np.int32)
            for side in self.image_size
        )
        return {
            "partner": draw_partners(draws[..., 0]),
            "box": draw_boxes(self.image_size, height, width, draws[..., 2:]),
        }

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        other = ops.take(images, draws["partner"], axis=0)
        return ops.where(inside_boxes(draws["box"], self.image_size), other, images)

    def mix_labels(self, labels: Any, draws: Mapping[str, Any]) -> Any:
        height, width = self.image_size
        pasted = draws["box"][:, 2] * draws["box"][:, 3]
        share = 1 - ops.cast(pasted, "float32") / (height * width)
        return _mix(labels, draws["partner"], share)


def draw_partners(draws: np.ndarray) -> np.ndarray:
    """For each image of a batch another one; each is somebody's partner once.

    Args:
        draws: ``(..., b)``, each row of a batch; their order decides.

    Returns:
        int32 ``(..., b)``, places in the batch. Alone, an image is its own partner.
    """
    order = np.argsort(draws, axis=-1, kind="stable").astype(np.int32)
    partners = np.empty_like(order)
    # In a ring through the whole batch nobody meets itself.
    np.put_along_axis(partners, order, np.roll(order, 1, axis=-1), axis=-1)
    return partners


def quantile_of_beta(draws: np.ndarray, alpha: float) -> np.ndarray:
    """Uniform draws as draws of the beta distribution with both parameters ``alpha``.

    The density is ``(x (1 - x))^(alpha - 1)`` up to a constant. For the lower half,
    ``t = (2 x)^p`` with ``p = min(alpha, 1)`` takes its pole away, and trapezoids
    integrate it; the upper half is its mirror image. Unlike NumPy's own distribution
    this one stays the same in later versions of NumPy.

    Args:
        draws: float64, 0 or more and less than 1.
        alpha: 0.01 to 100; beyond, the table would be too coarse.

    Returns:
        float64 of the same shape, 0 to 1.
    """
    p = min(alpha, 1.0)
    t = np.linspace(0, 1, _POINTS)
    x = t ** (1 / p) / 2
    density = x ** (alpha - p) * (1 - x) ** (alpha - 1)
    areas = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    lower = np.minimum(draws, 1 - draws)
    x = np.interp(2 * lower * areas[-1], areas, t) ** (1 / p) / 2
    numbers: np.ndarray = np.where(draws < 0.5, x, 1 - x)
    return numbers


def _mix(labels: Any, partner: Any, share: Any) -> Any:
    own = share[:, None]
    return own * labels + (1 - own) * ops.take(labels, partner, axis=0)
