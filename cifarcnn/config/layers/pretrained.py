"""A trained network as a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from cifarcnn.config.datasets import Normalization
from cifarcnn.config.layers.base import Kept, Layer, Shape, ShapeError, Window
from cifarcnn.config.layers.run_layers import require_same_weights, walk_shapes

if TYPE_CHECKING:
    from cifarcnn.config.layers import AnyLayer


class Pretrained(Layer):
    """A network that was trained before, without its classifier."""

    keeps_input = False
    keeps_output: ClassVar[Kept] = "unknown"

    run: str | None = None
    """Folder of a finished run of your own."""
    up_to: str | None = None
    """Last layer of the run to take; null: the last that gives maps."""
    layers: list[AnyLayer] | None = None
    """The layers of the run; written by the program, for when the run is gone."""
    normalization: Normalization | None = None
    """What the run did to its pictures; written by the program."""
    input_shape: Annotated[list[int], Field(min_length=3, max_length=3)] | None = None
    """Height, width and channels of its pictures; written by the program."""
    trainable: bool = False
    """Whether its weights are trained; else it is frozen, statistics and all."""
    pooling: Literal["avg", "max"] | None = None
    """What its maps are pooled by; null: maps."""

    def output_shape(self, shape: Shape) -> Shape:
        end = self._end(shape)
        if self.pooling is None:
            return end
        return (self._maps(end)[2],)

    def _maps(self, end: Shape) -> Shape:
        if len(end) != 3:
            raise ShapeError("pooling needs maps", "remove pooling", end)
        return end

    def _end(self, shape: Shape) -> Shape:
        if self.layers is None or self.input_shape is None:
            raise ShapeError("its layers are missing", "", shape)
        return require_same_weights(self.layers, tuple(self.input_shape), shape)

    def window(self, shape: Shape) -> Window | None:
        return None

    def parameters(self, shape: Shape) -> int:
        _, found = walk_shapes(self.layers or [], shape)
        return sum(layer.parameters(before) for layer, before in found)

    def macs(self, shape: Shape) -> int:
        _, found = walk_shapes(self.layers or [], shape)
        return sum(layer.macs(before) for layer, before in found)
