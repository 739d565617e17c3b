"""An image in memory, and how it gets the size that a network takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.Image import Resampling, Transpose

from cifarcnn.data.image.exif_orientation import SIDEWAYS
from cifarcnn.data.image.target_size import TargetSize


@dataclass(frozen=True)
class DecodedImage:
    """An image that was decoded, as it lies in its file.

    Attributes:
        image: In sRGB; RGB, or RGBA where parts are clear: Pillow weights colours with
            the transparency while it shrinks them.
        orientation: How it must be turned to be seen upright.
        full_size: Height and width when it is upright, before a JPEG was shrunk.
    """

    image: Image.Image
    orientation: Transpose | None
    full_size: tuple[int, int]

    def fit(self, target: TargetSize) -> np.ndarray:
        """As ``target`` says, uint8 ``(height, width, 3)``.

        Where nothing but borders is needed, every pixel is kept.
        """
        # Turned after shrinking: the middle keeps its place under every rotation.
        lying = target.transposed() if self.orientation in SIDEWAYS else target
        image = self.image
        height, width = lying.size_within_borders(image.height, image.width)
        if image.size != (width, height):
            top, left, bottom, right = lying.used_part(image.height, image.width)
            image = image.resize(
                (width, height), Resampling.LANCZOS, box=(left, top, right, bottom)
            )
        return _put_into_borders(self._upright(image), target)

    def shrink(self, longest_side: int) -> np.ndarray:
        """The whole, uint8 ``(height, width, 3)``, no side being longer than that."""
        image = self.image.copy()
        image.thumbnail((longest_side, longest_side))
        return self._upright(image)

    def _upright(self, image: Image.Image) -> np.ndarray:
        if image.mode == "RGBA":
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image).convert("RGB")
        if self.orientation is not None:
            image = image.transpose(self.orientation)
        return np.array(image, dtype=np.uint8)


def _put_into_borders(pixels: np.ndarray, target: TargetSize) -> np.ndarray:
    """In the middle of black, an odd row or column at the end."""
    height, width = pixels.shape[:2]
    if (height, width) == (target.height, target.width):
        return pixels
    top, left = (target.height - height) // 2, (target.width - width) // 2
    result = np.zeros((target.height, target.width, 3), np.uint8)
    result[top : top + height, left : left + width] = pixels
    return result
