"""The whole story, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cifarcnn.config.named_choice import suggest
from cifarcnn.config.summary import summarize
from cifarcnn.config.yaml_tree import quote
from cifarcnn.errors import UsageError
from cifarcnn.explanation.contributions import show_dense
from cifarcnn.explanation.convolution_step import (
    read_filters,
    show_activation,
    show_convolution,
    show_pooling,
)
from cifarcnn.explanation.explanation import (
    Explanation,
    ModelExplanation,
    NetworkTable,
    Prediction,
    Softmax,
)
from cifarcnn.explanation.feature_maps import find_exciting, show_feature_maps
from cifarcnn.explanation.grad_cam import show_grad_cam
from cifarcnn.explanation.layer_outputs import OpenedNetwork
from cifarcnn.explanation.network_input import open_photo, show_sight
from cifarcnn.explanation.receptive_field import receptive_fields
from cifarcnn.explanation.references import choose_references
from cifarcnn.network.builder import NORMALIZATION, PROBABILITIES
from cifarcnn.network.predict import predict_probabilities

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cifarcnn.config import Config
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.image.photo import Photo

    Array = np.ndarray[Any, Any]

_VIEWS = (
    "This answer is the mean over several views of the picture (mirrored, or shifted "
    "by a pixel), as evaluation.test_time_augmentation says. Everything else here is "
    "about the picture as it is, by itself."
)


@dataclass(frozen=True)
class Subject:
    """The network to be explained.

    Attributes:
        model: uint8 ``(n, 32, 32, 3)`` to probabilities ``(n, classes)``.
        config: What it was built from, the normalization measured.
        class_names: In the order of the outputs.
        open_data: Opens the data set that the config names; may raise ``DataError``,
            which is told in place of what needs it.
    """

    model: keras.Model
    config: Config
    class_names: tuple[str, ...]
    open_data: Callable[[], Dataset]


def explain_image(
    subject: Subject,
    image: Path | BinaryIO | Array | Photo,
    *,
    name: str = "",
    wanted_class: str | None = None,
) -> Explanation:
    """What happens in a network when it looks at an image.

    Args:
        subject: The network.
        image: A file, a stream of its bytes, one that was read before, or uint8
            ``(32, 32, 3)``.
        name: What the user calls the image; the name of a file when left out.
        wanted_class: A class to explain besides the two most probable ones.

    Raises:
        ImageError: As ``image_file.read_image`` has it.
        UsageError: There is no such class, or an array has another shape or element
            type.
    """
    wanted = find_class(subject.class_names, wanted_class)
    if not name and isinstance(image, Path):
        name = str(image)
    photo = open_photo(image, name)
    prediction = _predict(subject, photo.seen, wanted)
    classes = list(
        dict.fromkeys(
            number
            for number in (prediction.winner, prediction.runner_up, wanted)
            if number is not None
        )
    )
    network = OpenedNetwork(subject.model, subject.config)
    steps = network.steps
    results = network.run(photo.seen[None], [*steps, PROBABILITIES])
    values = {step: result[0] for step, result in results.items()}
    fields = receptive_fields(steps)
    table = list_layers(subject.config)
    maps = show_feature_maps(steps, fields, values)
    references = choose_references(subject.open_data, subject.config, table.macs)
    return Explanation(
        name=subject.config.name,
        class_names=subject.class_names,
        prediction=prediction,
        sight=show_sight(photo, name, values[NORMALIZATION], subject.config),
        convolution=show_convolution(
            steps, read_filters(steps, network.weights), values
        ),
        activation=show_activation(steps, values),
        feature_maps=maps,
        pooling=show_pooling(steps, values),
        deeper=find_exciting(
            network, fields, references, maps if isinstance(maps, tuple) else ()
        ),
        dense=show_dense(steps, network.weights, values, classes),
        softmax=Softmax(values[network.logits.name], values[PROBABILITIES]),
        grad_cam=show_grad_cam(network, fields, photo.seen, classes),
        network=table,
    )


def explain_model(subject: Subject) -> ModelExplanation:
    """What there is to say about a network without an image."""
    network = OpenedNetwork(subject.model, subject.config)
    table = list_layers(subject.config)
    references = choose_references(subject.open_data, subject.config, table.macs)
    return ModelExplanation(
        name=subject.config.name,
        class_names=subject.class_names,
        filters=read_filters(network.steps, network.weights),
        deeper=find_exciting(network, receptive_fields(network.steps), references),
        network=table,
    )


def list_layers(config: Config) -> NetworkTable:
    """Every layer, as ``check`` counts it."""
    summary = summarize(config, data_known=False)
    return NetworkTable(
        config.image_shape, tuple(summary.rows), summary.parameters, summary.macs
    )


def find_class(names: Sequence[str], wanted: str | None) -> int | None:
    """The number of a class; None when none is wanted.

    Raises:
        UsageError: There is no such class.
    """
    if wanted is None:
        return None
    if wanted in names:
        return list(names).index(wanted)
    hint = suggest(wanted, names)
    raise UsageError(
        f"There is no class {quote(wanted)}: {hint}{'' if hint[-1:] == '?' else '.'}"
    )


def _predict(subject: Subject, pixels: Array, wanted: int | None) -> Prediction:
    views = subject.config.evaluation.test_time_augmentation
    [row] = predict_probabilities(subject.model, pixels[None], views=views)
    order = (-row).argsort(kind="stable")
    return Prediction(
        probabilities=row,
        winner=int(order[0]),
        runner_up=int(order[1]),
        wanted=wanted,
        views=views,
        note=None if views == "none" else _VIEWS,
    )
