"""How a window moves over maps of a certain size."""

from __future__ import annotations

from typing import Any, cast

from cifarcnn.config.layers import Shape
from cifarcnn.explanation.steps import CONVOLUTIONS, Step
from cifarcnn.explanation.tiles import Pair, Window


def window_of(step: Step, input_shape: Shape) -> Window:
    """The window of a convolution or pooling.

    ``same`` padding is what TensorFlow's documentation of ``tf.nn.convolution`` says:
    as much as the last window needs, the odd row and column at the end.

    Args:
        step: A convolution, ``MaxPooling2D`` or ``AveragePooling2D``.
        input_shape: ``(height, width, channels)`` of what goes in.
    """
    layer: Any = step.layer
    size: Pair = layer.kernel_size if step.kind in CONVOLUTIONS else layer.pool_size
    strides: Pair = layer.strides or size
    dilation: Pair = getattr(layer, "dilation_rate", (1, 1))
    padding = (0, 0), (0, 0)
    if layer.padding == "same":
        padding = cast(
            tuple[Pair, Pair],
            tuple(
                _pad(*sides)
                for sides in zip(
                    input_shape[:2], step.shape[:2], size, strides, dilation,
                    strict=True,
                )
            ),
        )  # fmt: skip
    return Window(size, strides, dilation, padding)


def _pad(length: int, after: int, size: int, stride: int, dilation: int) -> Pair:
    reach = (after - 1) * stride + (size - 1) * dilation + 1
    total = max(reach - length, 0)
    return total // 2, total - total // 2
