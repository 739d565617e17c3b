"""What every layer has in common: a name, and the arithmetic of its shapes."""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from cifarcnn.config.named_choice import AS_PAIR, Choice, mistake

# The shape of one example without the batch: (height, width, channels) or (units,).
Shape: TypeAlias = tuple[int, ...]

# More weights than this do not fit into 4 GB with float32.
MOST_PARAMETERS = 1_000_000_000

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
PositivePair: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=1, le=1024)], Annotated[int, Field(ge=1, le=1024)]],
    AS_PAIR,
]
Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
Fraction: TypeAlias = Annotated[float, Field(ge=0, lt=1)]

# Names that the built model itself uses.
RESERVED_NAMES = frozenset({"images", "normalization", "probabilities"})


def _refuse_reserved(name: str) -> str:
    if not name.isidentifier() or not name.isascii() or len(name) > 60:
        raise mistake(
            f"'{name}' is no name for a layer",
            "use at most 60 letters, digits and underscores, not beginning with a "
            "digit",
        )
    if name in RESERVED_NAMES:
        raise mistake(
            f"the name '{name}' is taken by the model itself", "choose another"
        )
    return name


LayerName: TypeAlias = Annotated[str, AfterValidator(_refuse_reserved)]


class Misfit(Exception):
    """A layer cannot take the shape that reaches it.

    Attributes:
        message: What was found and expected.
        hint: The way out.
        assumed: The shape to go on with when looking for further misfits.
    """

    def __init__(self, message: str, hint: str, assumed: Shape) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.assumed = assumed


class Layer(Choice):
    """One layer of the network, with Keras's name and arguments."""

    name: LayerName = ""
    """Unique name; left out, it is the type and a number, such as conv2d_1."""

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of one example after the layer.

        Raises:
            Misfit: The layer cannot take ``shape``.
        """
        return shape

    def parameters(self, shape: Shape) -> int:
        """The number of weights, trained or not, for an input of ``shape``."""
        return 0

    def macs(self, shape: Shape) -> int:
        """Multiply-accumulates of one example; biases and activations not counted."""
        return 0

    def weight_names(self) -> tuple[str, ...]:
        """What Keras calls the weights that gradients change."""
        return ()

    def as_image(self, shape: Shape) -> tuple[int, int, int]:
        """``shape`` as height, width and channels.

        Raises:
            Misfit: It is flat.
        """
        if len(shape) != 3:
            raise Misfit(
                f"{self.type} needs maps (height, width, channels), but what reaches "
                f"it is flat: {show(shape)}",
                "move it before the Flatten or global pooling",
                shape,
            )
        return shape[0], shape[1], shape[2]


def window(
    shape: Shape,
    size: tuple[int, int],
    strides: tuple[int, int],
    padding: Padding,
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int]:
    """Height and width after a window has slid over the maps.

    With ``same`` padding ceil(n / s), with ``valid`` floor((n - d (k - 1) - 1) / s)
    + 1, as TensorFlow's documentation of ``tf.nn.convolution`` has it.

    Raises:
        ValueError: The window does not fit; the message gives the two sizes.
    """
    sides = []
    for length, kernel, stride, step in zip(
        shape, size, strides, dilation, strict=False
    ):
        if padding == "same":
            sides.append(-(-length // stride))
            continue
        reach = step * (kernel - 1) + 1
        if reach > length:
            high, wide = (d * (k - 1) + 1 for d, k in zip(dilation, size, strict=True))
            raise ValueError(
                f"a window of {high}x{wide} does not fit into maps of "
                f"{shape[0]}x{shape[1]}"
            )
        sides.append((length - reach) // stride + 1)
    return sides[0], sides[1]


def show(shape: Shape) -> str:
    """A shape as people write it: ``30x30x32`` or ``(64)``."""
    return "x".join(map(str, shape)) if len(shape) > 1 else f"({prod(shape)})"
