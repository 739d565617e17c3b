"""The layers that slide filters over maps."""

from __future__ import annotations

from math import prod

from cifarcnn.config.constraints import FilterConstraint, RowConstraint
from cifarcnn.config.initializers import (
    ConvInitializer,
    GlorotUniform,
    Initializer,
    Regularizer,
    RowInitializer,
    Zeros,
)
from cifarcnn.config.layers.base import (
    Activation,
    Count,
    Layer,
    Padding,
    PositivePair,
    Shape,
    ShapeError,
    Window,
    show,
)


class _Convolution(Layer):
    """What the three convolutions share: a window, how it moves, and biases."""

    keeps_input = True
    keeps_output = "if_needed"

    kernel_size: PositivePair
    """Height and width of the filters."""
    strides: PositivePair = (1, 1)
    """How far the filters move at a time."""
    padding: Padding = "valid"
    """`same` keeps the size of the maps by a border of zeros; `valid` has none."""
    dilation_rate: PositivePair = (1, 1)
    """Distance between the values that a filter looks at."""
    activation: Activation = "linear"
    """Function applied to every value of the result."""
    use_bias: bool = True
    """Whether a number is added to every map."""
    bias_initializer: RowInitializer = Zeros()
    """What the biases start from."""
    bias_regularizer: Regularizer | None = None
    """Penalty on the biases."""
    activity_regularizer: Regularizer | None = None
    """Penalty on the output."""
    bias_constraint: RowConstraint | None = None
    """What the biases are held to."""

    def channels_after(self, channels: int) -> int:
        """How many maps ``channels`` of them become."""
        raise NotImplementedError

    def weights(self, channels: int) -> int:
        """The number of weights but for the biases."""
        raise NotImplementedError

    def weight_names(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.use_bias else ("kernel",)

    def window(self, shape: Shape) -> Window:
        return Window.over(
            shape, self.kernel_size, self.strides, self.padding, self.dilation_rate
        )

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = self.as_image(shape)
        after = self.channels_after(channels)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ShapeError(
                f"strides of {show(self.strides)} and a dilation_rate of "
                f"{show(self.dilation_rate)} cannot be used together",
                "leave one of them at 1",
                (height, width, after),
            )
        hint = "use padding: same, a smaller kernel_size, or fewer poolings before it"
        return self.window(shape).output_shape(shape, after, hint)

    def parameters(self, shape: Shape) -> int:
        biases = self.channels_after(shape[2]) * self.use_bias
        return self.weights(shape[2]) + biases

    def macs(self, shape: Shape) -> int:
        return prod(self.output_shape(shape)[:2]) * self.weights(shape[2])


class Conv2D(_Convolution):
    """Filters that each look at all channels of a small window."""

    filters: Count
    """Number of filters, which is the number of channels after the layer."""
    groups: Count = 1
    """Number of groups of channels that are convolved apart from each other."""
    kernel_initializer: ConvInitializer = GlorotUniform()
    """What the filters start from."""
    kernel_regularizer: Regularizer | None = None
    """Penalty on the filters."""
    kernel_constraint: FilterConstraint | None = None
    """What the filters are held to."""

    def channels_after(self, channels: int) -> int:
        return self.filters

    def weights(self, channels: int) -> int:
        return prod(self.kernel_size) * channels // self.groups * self.filters

    def output_shape(self, shape: Shape) -> Shape:
        after = super().output_shape(shape)
        for count, what in ((shape[2], "channels"), (self.filters, "filters")):
            if count % self.groups:
                raise ShapeError(
                    f"{count} {what} cannot be divided into {self.groups} groups",
                    "choose groups that divide both the channels and the filters",
                    after,
                )
        return after


class _Depthwise(_Convolution):
    """A filter for each channel by itself."""

    depth_multiplier: Count = 1
    """Number of filters for each channel."""

    def channels_after(self, channels: int) -> int:
        return channels * self.depth_multiplier

    def weights(self, channels: int) -> int:
        return prod(self.kernel_size) * channels * self.depth_multiplier


class DepthwiseConv2D(_Depthwise):
    """Filters that each look at one channel."""

    depthwise_initializer: Initializer = GlorotUniform()
    """What the filters start from."""
    depthwise_regularizer: Regularizer | None = None
    """Penalty on the filters."""
    depthwise_constraint: FilterConstraint | None = None
    """What the filters are held to."""


class SeparableConv2D(_Depthwise):
    """A filter for each channel, then a mixture of the channels."""

    filters: Count
    """Number of mixtures, which is the number of channels after the layer."""
    depthwise_initializer: Initializer = GlorotUniform()
    """What the filters of the channels start from."""
    pointwise_initializer: Initializer = GlorotUniform()
    """What the mixtures start from."""
    depthwise_regularizer: Regularizer | None = None
    """Penalty on the filters of the channels."""
    pointwise_regularizer: Regularizer | None = None
    """Penalty on the mixtures."""
    depthwise_constraint: FilterConstraint | None = None
    """What the filters of the channels are held to."""
    pointwise_constraint: FilterConstraint | None = None
    """What the mixtures are held to."""

    def channels_after(self, channels: int) -> int:
        return self.filters

    def weights(self, channels: int) -> int:
        pointwise = super().channels_after(channels) * self.filters
        return super().weights(channels) + pointwise

    def weight_names(self) -> tuple[str, ...]:
        kernels = ("depthwise_kernel", "pointwise_kernel")
        return (*kernels, "bias") if self.use_bias else kernels


CONVOLUTIONS = (Conv2D, SeparableConv2D, DepthwiseConv2D)
