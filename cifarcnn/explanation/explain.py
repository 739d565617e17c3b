"""A network explained: what happens in it over an image, or the model alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np

from cifarcnn.config import Config
from cifarcnn.config.summary import Summary, summarize
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.image.photo import Photo
from cifarcnn.explanation.contributions import (
    DenseContributions,
    Softmax,
    explain_dense,
)
from cifarcnn.explanation.convolution_step import (
    ActivationStep,
    ConvolutionStep,
    PoolingStep,
    explain_activation,
    explain_convolution,
    explain_pooling,
)
from cifarcnn.explanation.exciting_patches import (
    ExcitingPatches,
    choose_reference_images,
    find_exciting_patches,
)
from cifarcnn.explanation.feature_maps import FeatureMaps, collect_feature_maps
from cifarcnn.explanation.filters import FilterBank, read_filters
from cifarcnn.explanation.grad_cam import GradCam, compute_grad_cam
from cifarcnn.explanation.layer_outputs import LayerOutputModel
from cifarcnn.explanation.network_input import (
    NetworkInput,
    describe_input,
    find_class,
    open_photo,
)
from cifarcnn.explanation.pooling_apart import with_pooling_apart
from cifarcnn.explanation.receptive_field import receptive_fields
from cifarcnn.explanation.steps import Missing
from cifarcnn.literals import Views
from cifarcnn.network.builder import NORMALIZATION, PROBABILITIES
from cifarcnn.network.predict import predict_probabilities

Array = np.ndarray[Any, Any]
_VIEWS = (
    "This answer is the mean over several views of the picture (mirrored, or shifted "
    "by a pixel), as evaluation.test_time_augmentation says. Everything else here is "
    "about the picture as it is, by itself."
)


@dataclass(frozen=True)
class TrainedNetwork:
    """A network to be explained.

    Attributes:
        model: uint8 ``(n, height, width, 3)`` to probabilities ``(n, classes)``.
        config: What it was built from, the normalization measured.
        class_names: In the order of the outputs.
        open_data: Opens the data set that the config names; may raise ``DataError``,
            which is told in place of what needs it.
    """

    model: keras.Model
    config: Config
    class_names: tuple[str, ...]
    open_data: Callable[[], Dataset]


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
class ModelExplanation:
    """A network without an image.

    Attributes:
        name: Of the config.
        class_names: In the order of the outputs.
        filters: Of the first convolution.
        exciting_patches: What its units look for.
        network: Every layer, as ``check`` counts it.
    """

    name: str
    class_names: tuple[str, ...]
    filters: FilterBank | Missing
    exciting_patches: ExcitingPatches | Missing
    network: Summary


@dataclass(frozen=True, eq=False)
class Explanation:
    """A network and an image, part by part.

    Attributes:
        name: Of the config.
        class_names: In the order of the outputs.
        prediction: What ``predict`` says.
        network_input: Photo, crop, input, normalization.
        convolution: The first one.
        activation: The first one after it.
        feature_maps: Of every convolution, in the order of the config.
        pooling: The first one.
        exciting_patches: What units look for.
        dense: What made the logits.
        softmax: Logits and probabilities.
        grad_cam: Where it looked.
        network: Every layer, as ``check`` counts it.
    """

    name: str
    class_names: tuple[str, ...]
    prediction: Prediction
    network_input: NetworkInput
    convolution: ConvolutionStep | Missing
    activation: ActivationStep | Missing
    feature_maps: tuple[FeatureMaps, ...] | Missing
    pooling: PoolingStep | Missing
    exciting_patches: ExcitingPatches | Missing
    dense: DenseContributions | Missing
    softmax: Softmax
    grad_cam: GradCam | Missing
    network: Summary


def explain_image(
    network: TrainedNetwork,
    image: Path | BinaryIO | Array | Photo,
    *,
    name: str = "",
    wanted_class: str | None = None,
) -> Explanation:
    """What happens in a network when it looks at an image.

    Args:
        network: The network.
        image: A file, a stream of its bytes, one that was read before, or uint8
            ``(height, width, 3)`` of the network's own size.
        name: What the user calls the image; the name of a file when left out.
        wanted_class: A class to explain besides the two most probable ones.

    Raises:
        ImageError: As ``image_file.read_image`` has it.
        UsageError: There is no such class, or an array has another shape or element
            type.
    """
    config = with_pooling_apart(network.config)
    wanted = find_class(network.class_names, wanted_class)
    if not name and isinstance(image, Path):
        name = str(image)
    photo = open_photo(image, name, config.data)
    prediction = _predict(network, photo.seen, wanted)
    asked = (prediction.winner, prediction.runner_up, wanted)
    classes = list(dict.fromkeys(index for index in asked if index is not None))
    outputs = LayerOutputModel(network.model, config)
    steps, weights = outputs.steps, outputs.weights
    results = outputs.run(photo.seen[None], [*steps, PROBABILITIES])
    values = {step: result[0] for step, result in results.items()}
    fields = receptive_fields(steps)
    table = summarize(config)
    maps = collect_feature_maps(steps, fields, values)
    references = choose_reference_images(network.open_data, config, table.macs)
    return Explanation(
        name=config.name,
        class_names=network.class_names,
        prediction=prediction,
        network_input=describe_input(photo, name, values[NORMALIZATION], config),
        convolution=explain_convolution(steps, read_filters(steps, weights), values),
        activation=explain_activation(steps, weights, values),
        feature_maps=maps,
        pooling=explain_pooling(steps, values),
        exciting_patches=find_exciting_patches(
            outputs, fields, references, maps if isinstance(maps, tuple) else ()
        ),
        dense=explain_dense(steps, weights, values, classes),
        softmax=Softmax(values[outputs.logits.name], values[PROBABILITIES]),
        grad_cam=compute_grad_cam(outputs, fields, photo.seen, classes),
        network=table,
    )


def explain_model(network: TrainedNetwork) -> ModelExplanation:
    """What there is to say about a network without an image."""
    config = with_pooling_apart(network.config)
    outputs = LayerOutputModel(network.model, config)
    fields = receptive_fields(outputs.steps)
    table = summarize(config)
    references = choose_reference_images(network.open_data, config, table.macs)
    return ModelExplanation(
        name=config.name,
        class_names=network.class_names,
        filters=read_filters(outputs.steps, outputs.weights),
        exciting_patches=find_exciting_patches(outputs, fields, references),
        network=table,
    )


def _predict(network: TrainedNetwork, pixels: Array, wanted: int | None) -> Prediction:
    views = network.config.evaluation.test_time_augmentation
    [row] = predict_probabilities(network.model, pixels[None], views=views)
    order = (-row).argsort(kind="stable")
    return Prediction(
        probabilities=row,
        winner=int(order[0]),
        runner_up=int(order[1]),
        wanted=wanted,
        views=views,
        note=None if views == "none" else _VIEWS,
    )
