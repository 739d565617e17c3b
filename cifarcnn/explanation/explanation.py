"""What there is to tell about one image, or about the model alone.

Everything is measured in the network as it ran. Maps are ``(height, width, channels)``
of the one image, in the layer's own order of channels. A part that does not apply to
a network is :class:`Missing` and says why. ``parts`` holds the longer ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.explanation.exciting_patches import Deeper, ExcitedUnit, Patch
from cifarcnn.explanation.fields import Box, ReceptiveField
from cifarcnn.explanation.looking import ClassMap, GradCam, SanityCheck
from cifarcnn.explanation.terms import Contribution, Dense, LogitParts, Softmax
from cifarcnn.explanation.tiles import (
    Convolution,
    ConvolutionTile,
    FilterBank,
    Pooling,
    PoolingTile,
    Window,
)

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.config.summary import Row
    from cifarcnn.literals import Views

    Array = np.ndarray[Any, Any]

__all__ = [
    "ActivationStep",
    "Box",
    "ClassMap",
    "Contribution",
    "Convolution",
    "ConvolutionTile",
    "Deeper",
    "Dense",
    "ExcitedUnit",
    "Explanation",
    "FeatureMaps",
    "FilterBank",
    "GradCam",
    "LogitParts",
    "Missing",
    "ModelExplanation",
    "NetworkTable",
    "Patch",
    "Pooling",
    "PoolingTile",
    "Prediction",
    "ReceptiveField",
    "SanityCheck",
    "Sight",
    "Softmax",
    "Window",
]


@dataclass(frozen=True)
class Missing:
    """A part that does not apply.

    Attributes:
        reason: Why, in a whole sentence.
    """

    reason: str


@dataclass(frozen=True, eq=False)
class Sight:
    """What the network sees of an image.

    Attributes:
        name: What the user calls the image.
        photo: uint8 ``(height, width, 3)``, red, green, blue, turned as its EXIF says,
            the longer side at most 1024 pixels.
        crop: The centred square of ``photo`` that the network sees, in its pixels;
            sides may lie between two pixels.
        pixels: uint8 ``(32, 32, 3)``: the input of the network.
        normalized: float32 ``(32, 32, 3)``: what its first layer gets,
            ``(pixels / 255 - mean) / deviation``.
        normalization: ``unit`` (0 to 1), ``standard`` (by mean and deviation) or
            ``none`` (0 to 255).
        mean: Of red, green and blue, on pixels divided by 255.
        deviation: Likewise; for ``none`` 1/255.
    """

    name: str
    photo: Array
    crop: Box
    pixels: Array
    normalized: Array
    normalization: str
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What ``predict`` says of the image.

    Attributes:
        probabilities: float32 ``(classes,)``.
        winner: Number of the most probable class.
        runner_up: Number of the second.
        wanted: Number of the class that the user asked about; None when none.
        views: ``none``, or the views that the answer is averaged over
            (``evaluation.test_time_augmentation``).
        note: What must be said when there are several views: everything else here is
            about the image as it is, alone. None otherwise.
    """

    probabilities: Array
    winner: int
    runner_up: int
    wanted: int | None
    views: Views
    note: str | None


@dataclass(frozen=True, eq=False)
class ActivationStep:
    """The first activation after the first convolution.

    Attributes:
        layer: The layer that it belongs to: the convolution itself, or one of its own.
        activation: Keras's name, such as ``relu``.
        between: Names of the layers between the convolution and it, such as a batch
            normalization.
        before: float32 ``(height, width, channels)``.
        after: float32, of the same shape.
        order: int ``(channels,)``, from the strongest map of ``after`` on (mean of the
            absolute values).
        zeroed_share: Of all values, the share that is 0 after but was not before, 0 to
            1; None for a function that does not cut values off.
        note: What the function does, in a sentence or two.
        curve: float32 ``(2, points)``: inputs from -4 to 4, and what the function makes
            of them.
    """

    layer: str
    activation: str
    between: tuple[str, ...]
    before: Array
    after: Array
    order: Array
    zeroed_share: float | None
    note: str
    curve: Array


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The maps of one convolution, after its activation.

    Attributes:
        layer: Name of the convolution.
        type: Its kind.
        activation: Of the layer itself or of one that follows; None when none follows
            before the maps are added to others or convolved again: then they are the
            bare sums.
        taken_after: Name of the layer whose result this is: the convolution or a later
            one, such as ``activation_1``.
        maps: float32 ``(height, width, channels)``.
        strength: float32 ``(channels,)``: mean of the absolute values of each map.
        order: int ``(channels,)``: channels by falling strength.
        low: The smallest value of all maps: together with ``high`` the scale of colours
            that they share.
        high: The largest.
        receptive_field: What each cell sees of the input.
    """

    layer: str
    type: str
    activation: str | None
    taken_after: str
    maps: Array
    strength: Array
    order: Array
    low: float
    high: float
    receptive_field: ReceptiveField


@dataclass(frozen=True)
class NetworkTable:
    """Every layer, as ``check`` counts it.

    Attributes:
        input_shape: ``(32, 32, 3)``.
        rows: Name, type, output shape, parameters, multiply-accumulates, depth within
            residuals; in the order of the config.
        parameters: Of all layers.
        macs: Of all layers, for one image.
    """

    input_shape: tuple[int, ...]
    rows: tuple[Row, ...]
    parameters: int
    macs: int


@dataclass(frozen=True, eq=False)
class ModelExplanation:
    """A network without an image.

    Attributes:
        name: Of the config.
        class_names: In the order of the outputs.
        filters: Of the first convolution.
        deeper: What its units look for.
        network: Every layer.
    """

    name: str
    class_names: tuple[str, ...]
    filters: FilterBank | Missing
    deeper: Deeper | Missing
    network: NetworkTable


@dataclass(frozen=True, eq=False)
class Explanation:
    """A network and an image, in the order in which the story is told.

    Attributes:
        name: Of the config.
        class_names: In the order of the outputs.
        prediction: What ``predict`` says.
        sight: Photo, crop, input, normalization.
        convolution: The first one.
        activation: The first one after it.
        feature_maps: Of every convolution, in the order of the config.
        pooling: The first one.
        deeper: What units look for.
        dense: What made the logits.
        softmax: Logits and probabilities.
        grad_cam: Where it looked.
        network: Every layer.
    """

    name: str
    class_names: tuple[str, ...]
    prediction: Prediction
    sight: Sight
    convolution: Convolution | Missing
    activation: ActivationStep | Missing
    feature_maps: tuple[FeatureMaps, ...] | Missing
    pooling: Pooling | Missing
    deeper: Deeper | Missing
    dense: Dense | Missing
    softmax: Softmax
    grad_cam: GradCam | Missing
    network: NetworkTable
