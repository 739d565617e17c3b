"""A trained run with its network, ready to be asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cifarcnn.errors import RunError, UsageError
from cifarcnn.literals import BackendChoice, ExportFormat, ExportPrecision, Views
from cifarcnn.runs import WeightsChoice
from cifarcnn.runs.manifest import weights_kind
from cifarcnn.trained_run import (
    SplitChoice,
    TrainedRun,
    open_trained,
    read_kept,
    require_best,
    require_classes,
)

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cifarcnn.config.datasets import ImageShape
    from cifarcnn.data.image.photo import Photo
    from cifarcnn.engine import Device, DeviceChoice
    from cifarcnn.evaluation import Evaluation
    from cifarcnn.explanation.explain import (
        Explanation,
        ModelExplanation,
        TrainedNetwork,
    )
    from cifarcnn.export.exported import Exported
    from cifarcnn.runs.temperature_file import TemperatureRecord

    Array = np.ndarray[Any, Any]


@dataclass(eq=False, repr=False)
class LoadedRun(TrainedRun):
    """A trained run with its network.

    Attributes:
        model: The network: uint8 ``(n, height, width, 3)`` to probabilities
            ``(n, classes)``.
        epoch: How many epochs the weights were trained.
        weights: ``best`` or ``last``: which ones they are.
        weights_sha256: Of the file that they come from.
        device: What the network runs on.
    """

    model: keras.Model
    epoch: int
    weights: WeightsChoice
    weights_sha256: str
    device: Device

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of the images that the network takes."""
        height, width, channels = self.model.input_shape[1:]
        return height, width, channels

    def evaluate(
        self, split: SplitChoice = "test", *, views: Views | None = None
    ) -> Evaluation:
        """Judge the network on every image of a split.

        Args:
            split: ``test``, or the ``validation`` or ``train`` images of the training.
            views: Test-time augmentation; None takes what the config says.

        Raises:
            DataError: The data set is not here, or has no such split.
            RunError: There is not enough memory.
            UsageError: The run was trained without validation images, or the images
                are the user's own and have no such split.
        """
        from cifarcnn.evaluation import evaluate

        with _memory_explained(self.device):
            return evaluate(
                self.model,
                self.split(split),
                self.class_names,
                views=views or self.views,
                temperature=self.temperature,
            )

    def fit_temperature(self) -> TemperatureRecord:
        """Fit a temperature on the validation images, keep it in the run, and use it.

        With it is kept the score below which an answer is unsure (``is_unsure``). The
        answers are those with the config's test-time augmentation.

        Raises:
            DataError: The data set is not here, or no temperature is the best.
            RunError: There is not enough memory, or the file cannot be written.
            UsageError: The run was trained without validation images.
        """
        from cifarcnn.evaluation.fitted_temperature import fit_on_answers
        from cifarcnn.runs.temperature_file import write_temperature

        split = self.split_for_temperature()
        self.temperature = None
        answers = self.predict(split.images)
        record = fit_on_answers(answers, split.labels, self.weights_sha256)
        write_temperature(self.path, record)
        self.temperature = record.temperature
        self.unsure_below = record.unsure_below
        return record

    def predict(self, images: Array, *, views: Views | None = None) -> Array:
        """The probabilities of images.

        Args:
            images: uint8 ``(n, height, width, 3)``, red, green, blue, 0 to 255.
            views: Test-time augmentation; None takes what the config says.

        Returns:
            float32 ``(n, classes)``; the columns are ``class_names``.

        Raises:
            RunError: There is not enough memory.
            UsageError: The array has another shape or element type.
        """
        from cifarcnn.network.predict import predict_probabilities

        if images.shape[1:] != self.image_shape or images.dtype.name != "uint8":
            raise UsageError(
                f"The pictures are {images.dtype.name} {images.shape}, but the network "
                f"takes uint8 (n, {', '.join(map(str, self.image_shape))}): red, green "
                "and blue from 0 to 255."
            )
        with _memory_explained(self.device):
            answers = predict_probabilities(
                self.model, images, views=views or self.views
            )
        if self.temperature is None:
            return answers
        from cifarcnn.temperature import apply_temperature

        return apply_temperature(answers, self.temperature)

    def explain(
        self,
        image: Path | BinaryIO | Array | Photo,
        *,
        name: str = "",
        wanted_class: str | None = None,
    ) -> Explanation:
        """What happens in the network when it looks at an image.

        Args:
            image: A file, a stream of its bytes, one that was read before, or uint8
                ``(height, width, 3)``.
            name: What the image is called; the name of a file when left out.
            wanted_class: A class to explain besides the two most probable ones.

        Raises:
            ImageError: The image cannot be read.
            RunError: There is not enough memory.
            UsageError: There is no such class, or an array has another shape or
                element type.
        """
        from cifarcnn.explanation.explain import explain_image

        with _memory_explained(self.device):
            return explain_image(
                _as_network(self), image, name=name, wanted_class=wanted_class
            )

    def explain_model(self) -> ModelExplanation:
        """What there is to say about the network without an image.

        Raises:
            RunError: There is not enough memory.
        """
        from cifarcnn.explanation.explain import explain_model

        with _memory_explained(self.device):
            return explain_model(_as_network(self))

    def export(
        self,
        file_format: ExportFormat,
        out: str | Path | None = None,
        *,
        precision: ExportPrecision = "float32",
    ) -> Exported:
        """Write the network as a file for other programs, compared with itself.

        Arguments and exceptions are those of
        :func:`cifarcnn.export.run_export.export_run`.
        """
        from cifarcnn.export.run_export import export_run

        with _memory_explained(self.device):
            return export_run(
                self, self.model, self.weights, file_format, out, precision
            )


@contextlib.contextmanager
def _memory_explained(device: Device) -> Iterator[None]:
    """Where TensorFlow or JAX finds too little memory, raise a RunError that helps."""
    from cifarcnn import engine

    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or not engine.is_out_of_memory(error):
            raise
        on_gpu = device.kind == "gpu"
        found = engine.describe_out_of_memory(error, "for the network", on_gpu=on_gpu)
        way_out = "Use the device cpu, or free" if on_gpu else "Free"
        raise RunError(f"{found} {way_out} some of it, and try again.") from error


def _as_network(loaded: LoadedRun) -> TrainedNetwork:
    from cifarcnn.explanation.explain import TrainedNetwork

    return TrainedNetwork(
        loaded.model, loaded.config, loaded.class_names, lambda: loaded.dataset
    )


def load_run(
    path: str | Path | TrainedRun | None = None,
    *,
    weights: WeightsChoice | None = None,
    device: DeviceChoice = "auto",
    backend: BackendChoice | None = None,
    data_path: str | Path | None = None,
    temperature: bool = False,
    unsure: bool = False,
) -> LoadedRun:
    """A trained run from its folder, every file checked.

    Args:
        path: The folder; None takes the newest under ``./runs``. Or what was opened
            with a ``data_path``, which holds here too, and whose images stay open.
        weights: Of the ``best`` or of the ``last`` epoch; None takes what the config
            says (``training.weights``).
        device: What the network shall run on.
        backend: ``tensorflow``, ``jax`` or ``auto``; None leaves it to the environment
            variable ``KERAS_BACKEND``. Where Keras was imported before, it stays on
            what it runs on.
        data_path: Where the data set lies, when not where the config says; or your own
            images to judge on, with a folder for each class.
        temperature: Whether to answer at the one that ``fit_temperature`` kept.
        unsure: Whether it shall say which answers are unsure (``is_unsure``).

    Raises:
        RunError: There is no run, or a file of it is missing, damaged or foreign.
        ConfigError: Its config is not valid.
        DeviceError: The device or the backend cannot be used.
        UsageError: The best weights are asked for, and were not kept.
    """
    from cifarcnn import engine
    from cifarcnn.runs.weights import describe_arrays, load_weights

    data_path = None if data_path is None else Path(data_path)
    opened = path if isinstance(path, TrainedRun) else open_trained(path, data_path)
    run, manifest, config = opened.run, opened.manifest, opened.config
    names = manifest.origin.class_names
    require_classes(run, len(names))
    if weights == "best":
        require_best(run)
    choice = weights or config.training.weights
    kind = weights_kind(choice, config.training.weights)
    kept, threshold = read_kept(run.path, manifest, kind, temperature, unsure)
    # Everything that can be refused is, before the framework is started.
    started = engine.start(device, backend)
    from cifarcnn.network.builder import build_model as build
    from cifarcnn.network.weights import read_weights, write_weights

    with _memory_explained(started):
        model = build(config, len(names))
        expected = describe_arrays(read_weights(model))
        stored = load_weights(run.path, kind, expected)
        write_weights(model, stored.arrays)
    return LoadedRun(
        run,
        manifest,
        model,
        epoch=stored.epoch,
        weights=choice,
        weights_sha256=stored.sha256,
        device=started,
        temperature=kept,
        unsure_below=threshold,
        data_path=opened.data_path,
        opened=opened,
    )
