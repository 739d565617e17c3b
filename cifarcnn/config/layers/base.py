"""What every layer has in common: a name, and the arithmetic of its shapes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field

from cifarcnn.config.named_choice import Choice, expect_pair, problem

# The shape of one example without the batch: (height, width, channels) or (units,).
Shape: TypeAlias = tuple[int, ...]

Activation: TypeAlias = Literal[
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "swish",
    "mish",
    "softplus",
    "softsign",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "exponential",
    "softmax",
]
Padding: TypeAlias = Literal["valid", "same"]
_Side: TypeAlias = Annotated[int, Field(ge=1, le=1024)]


# A whole number for height and width, or one for each.
PositivePair: TypeAlias = Annotated[
    tuple[_Side, _Side],
    expect_pair(
        _Side | tuple[_Side, _Side], "a whole number, or two of them (height, width)"
    ),
]
Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
Fraction: TypeAlias = Annotated[float, Field(ge=0, lt=1)]

# Names that the built model itself uses.
RESERVED_NAMES = frozenset(
    {"images", "images_0_to_255", "normalization", "probabilities"}
)


def _refuse_reserved(name: str) -> str:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,59}", name):
        raise problem(
            f"'{name}' is no name for a layer",
            "use at most 60 letters, digits and underscores, not beginning with a "
            "digit",
        )
    if name in RESERVED_NAMES:
        message = f"the name '{name}' is taken by the model itself"
        raise problem(message, "choose another")
    return name


LayerName: TypeAlias = Annotated[str, AfterValidator(_refuse_reserved)]


class ShapeError(Exception):
    """A layer cannot take the shape that reaches it.

    Attributes:
        message: What was found and expected.
        hint: The way out.
        assumed: The shape to go on with when looking for further problems.
    """

    def __init__(self, message: str, hint: str, assumed: Shape) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.assumed = assumed


Pair: TypeAlias = tuple[int, int]
Kept: TypeAlias = Literal["always", "if_needed", "unknown"]


@dataclass(frozen=True)
class Window:
    """The cells of its input that an output cell sees; pairs are height, then width.

    Attributes:
        size: How many cells it looks at, such as ``(3, 3)``.
        strides: How far it moves from one output cell to the next.
        dilation: Distance between the cells that it looks at; 1 for neighbours.
        padding: ``((top, bottom), (left, right))``: rows and columns of padding.
        enlarged: How many times as high and as wide the maps are made before it
            slides, every cell repeated; padding is counted in cells after that.
    """

    size: Pair
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    enlarged: Pair = (1, 1)

    @classmethod
    def over(
        cls,
        shape: Shape,
        size: Pair,
        strides: Pair,
        padding: Padding,
        dilation: Pair = (1, 1),
    ) -> Window:
        """The window as it slides over maps of ``shape``.

        ``same`` padding is what TensorFlow's documentation of ``tf.nn.convolution``
        says: as much as the last of ceil(n / s) windows needs, the odd row and column
        at the end.
        """
        borders = (0, 0), (0, 0)
        if padding == "same":
            borders = (
                _same_border(shape[0], size[0], strides[0], dilation[0]),
                _same_border(shape[1], size[1], strides[1], dilation[1]),
            )
        return cls(size, strides, dilation, borders)

    @property
    def spans(self) -> Pair:
        """How many rows and columns it reaches over, gaps included."""
        down, across = (
            dilation * (size - 1) + 1
            for dilation, size in zip(self.dilation, self.size, strict=True)
        )
        return down, across

    def output_shape(self, shape: Shape, channels: int, hint: str = "") -> Shape:
        """The shape of ``channels`` maps after it has slid over those of ``shape``.

        With n cells, padding included, floor((n - d (k - 1) - 1) / s) + 1, as
        TensorFlow's documentation of ``tf.nn.convolution`` has it.

        Raises:
            ShapeError: The window does not fit; its hint is ``hint``.
        """
        height, width = (
            (length * times + sum(border) - span) // stride + 1
            for length, times, border, span, stride in zip(
                shape[:2],
                self.enlarged,
                self.padding,
                self.spans,
                self.strides,
                strict=True,
            )
        )
        if height < 1 or width < 1:
            raise ShapeError(
                f"a window of {show(self.spans)} does not fit into maps of "
                f"{show(shape[:2])}",
                hint,
                (*shape[:2], channels),
            )
        return height, width, channels


def _same_border(length: int, size: int, stride: int, dilation: int) -> Pair:
    last = (-(-length // stride) - 1) * stride
    total = max(last + (size - 1) * dilation + 1 - length, 0)
    return total // 2, total - total // 2


class Layer(Choice):
    """One layer of the network, with Keras's name and arguments.

    What a kind of layer must say of itself raises ``NotImplementedError`` or
    ``AttributeError`` where it does not, so that nothing is assumed silently.
    """

    name: LayerName = ""
    """Unique name; left out, it is the type and a number, such as conv2d_1."""

    # Whether the gradient certainly needs what went into the layer.
    keeps_input: ClassVar[bool]
    # Whether the output is certainly kept from the forward to the backward pass:
    # always, if the next layer keeps its input, or not for certain.
    keeps_output: ClassVar[Kept]

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of one example after the layer.

        Raises:
            ShapeError: The layer cannot take ``shape``.
        """
        raise NotImplementedError(f"{self.type} has no output_shape")

    def window(self, shape: Shape) -> Window | None:
        """Through which window an output cell sees its input: maps of ``shape``.

        None where every output cell sees the whole input.
        """
        raise NotImplementedError(f"{self.type} has no window")

    def parameters(self, shape: Shape) -> int:
        """The number of weights, trained or not, for an input of ``shape``."""
        return 0

    def macs(self, shape: Shape) -> int:
        """Multiply-accumulates of one example; biases and activations not counted."""
        return 0

    def kept_within(self, shape: Shape) -> int:
        """Values of one example within the layer that gradients certainly need."""
        return 0

    def weight_names(self) -> tuple[str, ...]:
        """What Keras calls the weights that gradients change."""
        return ()

    def as_image(self, shape: Shape) -> tuple[int, int, int]:
        """``shape`` as height, width and channels.

        Raises:
            ShapeError: It is flat.
        """
        if len(shape) != 3:
            raise ShapeError(
                f"{self.type} needs maps (height, width, channels), but what reaches "
                f"it is flat: {show(shape)}",
                "move it before the Flatten or global pooling",
                shape,
            )
        return shape[0], shape[1], shape[2]


class Pointwise(Layer):
    """A layer whose output cells each see the same cell of its input."""

    keeps_input = False
    keeps_output: ClassVar[Kept] = "unknown"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def window(self, shape: Shape) -> Window | None:
        return Window((1, 1))


def show(shape: Shape) -> str:
    """A shape as people write it: ``30x30x32`` or ``(64)``."""
    return "x".join(map(str, shape)) if len(shape) > 1 else f"({prod(shape)})"
