"""The size that every image is brought to, and how one of other proportions is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from cifarcnn.literals import Resize

if TYPE_CHECKING:
    # Takes longer to load than a prediction by LiteRT.
    from cifarcnn.config.datasets import Data

# Top, left, bottom and right, in pixels.
Sides: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True)
class TargetSize:
    """What a network takes.

    Attributes:
        height: In pixels.
        width: In pixels.
        resize: ``crop`` takes the largest middle part of these proportions, ``pad`` the
            whole image between black borders, ``stretch`` the whole image, its
            proportions changed.
    """

    height: int
    width: int
    resize: Resize

    @classmethod
    def of(cls, data: Data) -> TargetSize:
        """What the part ``data`` of a config says."""
        height, width, _ = data.image_shape
        return cls(height, width, data.resize)

    def describe_size(self) -> str:
        """Height, width and what happens to other proportions, for a sentence."""
        return f"{self.height}x{self.width} (data.resize: {self.resize})"

    def transposed(self) -> TargetSize:
        """The same for an image that lies on its side."""
        return replace(self, height=self.width, width=self.height)

    def used_part(self, height: int, width: int) -> Sides:
        """The part of an image of ``height`` x ``width`` pixels that is kept."""
        if self.resize != "crop":
            return 0.0, 0.0, height, width
        scale = min(height / self.height, width / self.width)
        # Never below 0, where rounding leaves of nothing a little less.
        top = max(height - scale * self.height, 0) / 2
        left = max(width - scale * self.width, 0) / 2
        return top, left, height - top, width - left

    def size_within_borders(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that such an image is brought to, without borders."""
        if self.resize != "pad":
            return self.height, self.width
        scale = min(self.height / height, self.width / width)
        return max(round(height * scale), 1), max(round(width * scale), 1)

    def mismatch(self, height: int, width: int) -> float:
        """How far the proportions of such an image are from these, 0 to 1.

        It is the share of the image that ``crop`` cuts off, the share of the result
        that are borders with ``pad`` (but for rounding), and by how much ``stretch``
        shrinks one side more than the other.
        """
        down, across = height * self.width, width * self.height
        return 1 - min(down, across) / max(down, across)

    def describe(self, mismatch: float) -> str:
        """What is done with images of other proportions: the rest of a sentence.

        Args:
            mismatch: The largest of them.
        """
        share = f"{max(mismatch, 0.01):.0%}"
        return {
            "crop": f"the middle is used, {share} cropped at most",
            "pad": f"they get black borders, {share} of the input at most",
            "stretch": f"they are stretched, one side by {share} at most",
        }[self.resize]
