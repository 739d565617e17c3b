"""Where a network looked: the results of Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.explanation.fields import SIDE, ReceptiveField

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class ClassMap:
    """Where the image speaks for one class.

    Attributes:
        class_index: Which class.
        weights: float32 ``(channels,)``: mean over all cells of the gradient of the
            class's logit with respect to the channel.
        signed: float32 ``(height, width)``: the channels times their weights, added
            up. Negative where the image speaks against the class.
        heat: float32 ``(height, width)``: ``signed`` with its negative values set to 0,
            which is the map of the paper.
    """

    class_index: int
    weights: Array
    signed: Array
    heat: Array


@dataclass(frozen=True, eq=False)
class SanityCheck:
    """Whether the map depends on what the network has learnt (arXiv 1810.03292).

    Attributes:
        correlations: Spearman's rank correlation of the winner's ``signed`` map with
            that of the same network after its weights were shuffled within each array,
            once for each shuffle; near 0 when the map depends on the weights. None
            where it is not defined because a map has the same value everywhere.
        mean: Mean of those that are defined; None when none is.
    """

    correlations: tuple[float | None, ...]
    mean: float | None


@dataclass(frozen=True, eq=False)
class GradCam:
    """Grad-CAM (Selvaraju et al., arXiv 1610.02391).

    Attributes:
        layer: Name of the layer whose result is weighted: the last maps of more than
            one cell that a convolution takes part in, after their activation; after
            the addition when that convolution lies within a residual, since only then
            everything that reaches the logits goes through them.
        shape: ``(height, width, channels)`` of those maps.
        receptive_field: What each cell sees of the input.
        maps: Of the winner, the runner-up, and the class that was asked for when it is
            a third one.
        difference: float32 ``(height, width)``: ``signed`` of the winner minus that of
            the runner-up, which is the signed map of the difference of the two logits.
        sanity: What becomes of the map when the weights are random.
    """

    layer: str
    shape: tuple[int, int, int]
    receptive_field: ReceptiveField
    maps: tuple[ClassMap, ...]
    difference: Array
    sanity: SanityCheck

    def on_input(self, cells: Array) -> Array:
        """A map laid over the 32x32 input.

        Each cell's value stands at the middle of its receptive field (where these do
        not lie at regular distances: of its share of the image); between them it is
        interpolated bilinearly, beyond the outermost it stays the same.

        Args:
            cells: ``(height, width)``, such as ``maps[0].heat`` or ``difference``.

        Returns:
            float32 ``(32, 32)``.
        """
        import numpy as np

        pixels = np.arange(SIDE) + 0.5
        rows, columns = (
            self._middles(axis, count) for axis, count in enumerate(cells.shape)
        )
        down = np.stack([np.interp(pixels, rows, column) for column in cells.T], axis=1)
        across = np.stack([np.interp(pixels, columns, row) for row in down])
        return across.astype(np.float32)

    def _middles(self, axis: int, count: int) -> Array:
        """The middle of each row (axis 0) or column (1) of cells, in pixels."""
        import numpy as np

        field = self.receptive_field
        if field.stride is None or field.offset is None:
            return (np.arange(count) + 0.5) * SIDE / count
        first = field.offset[axis] + field.size[axis] / 2
        return first + np.arange(count) * float(field.stride[axis])
