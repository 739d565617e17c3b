"""The fastest way to the predictions of a run: LiteRT where it can be, else Keras."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.ensemble import mean_probabilities, require_same_classes
from cifarcnn.errors import RunError, UsageError
from cifarcnn.literals import UNSURE
from cifarcnn.litert.runtime import LiteRTModel, has_runtime
from cifarcnn.loaded_run import LoadedRun, load_run
from cifarcnn.runs import Run, WeightsChoice
from cifarcnn.runs.litert_file import LITERT, load_litert, save_litert
from cifarcnn.runs.manifest import (
    WEIGHTS_FILES,
    Manifest,
    read_manifest,
    weights_kind,
)
from cifarcnn.trained_run import TrainedRun, read_kept, require_best

if TYPE_CHECKING:
    # Would load the schema of configs, which takes longer than all the rest.
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.literals import BackendChoice

Array = np.ndarray[Any, Any]


@dataclass(eq=False, repr=False)
class Predictor(TrainedRun):
    """A trained run that can be asked, whatever its network runs on.

    Attributes:
        target: The size of the images that it takes, and how they are brought to it.
        predict: uint8 ``(n, height, width, 3)`` to float32 probabilities
            ``(n, classes)``, the columns being ``class_names``.
        note: Why Keras answers although nobody asked for it; None when LiteRT does,
            or when Keras was asked for.
        loaded: The run as Keras has it; None when LiteRT answers.
    """

    target: TargetSize
    predict: Callable[[Array], Array]
    note: str | None = None
    loaded: LoadedRun | None = None


def open_predictor(
    path: str | Path | None = None,
    *,
    weights: WeightsChoice | None = None,
    device: DeviceChoice = "auto",
    backend: BackendChoice | None = None,
    keras: bool = False,
    data_path: Path | None = None,
    temperature: bool = False,
    unsure: bool = False,
) -> Predictor:
    """The network of a run, ready to answer.

    ``model.tflite`` is taken on the CPU when it is the file that was written for these
    weights; neither TensorFlow nor Keras is imported then, nor the config read. In all
    other cases Keras rebuilds the network, as in ``api.load_run``.

    Args:
        path: The folder; None takes the newest under ``./runs``.
        weights: Of the ``best`` or of the ``last`` epoch; None takes those that the
            run settled on.
        device: What the network shall run on; LiteRT knows only the CPU.
        backend: What Keras shall run on. Where one is named, Keras answers.
        keras: Whether Keras shall answer in any case.
        data_path: Where the data set lies on this machine.
        temperature: Whether to answer at the temperature that is kept with the run.
        unsure: Whether it shall say which answers are unsure (``is_unsure``).

    Raises:
        RunError: There is no run, or a file of it is missing, damaged or foreign.
        ConfigError: Its config is not valid.
        DeviceError: The device or the backend cannot be used.
        UsageError: The best weights are asked for, and were not kept.
    """
    run = Run.open(path)
    if weights == "best":
        require_best(run)
    manifest = read_manifest(run.path)
    note = None
    if device != "gpu" and backend in (None, "auto") and not keras:
        try:
            model = LiteRTModel(
                str(run.path / LITERT),
                load_litert(run.path, manifest, weights_kind(weights)),
                len(manifest.origin.class_names),
            )
        except RunError as error:
            note = str(error)
        else:
            kept = read_kept(
                run.path, manifest, weights_kind(weights), temperature, unsure
            )
            return _answer_by_litert(run, manifest, model, kept, data_path)
    loaded = load_run(
        run.path,
        weights=weights,
        device=device,
        backend=backend,
        data_path=data_path,
        temperature=temperature,
        unsure=unsure,
    )
    return Predictor(
        run,
        manifest,
        TargetSize.of(loaded.config.data),
        loaded.predict,
        note,
        loaded,
        data_path=data_path,
        temperature=loaded.temperature,
        unsure_below=loaded.unsure_below,
    )


def _answer_by_litert(
    run: Run,
    manifest: Manifest,
    model: LiteRTModel,
    kept: tuple[float | None, float | None],
    data_path: Path | None,
) -> Predictor:
    """The predictor of a LiteRT model.

    Args:
        run: Of the model, and so is ``manifest``.
        model: Of the images themselves, without other views.
        kept: Its temperature and threshold, as ``read_kept`` gives them.
        data_path: As for ``open_predictor``.
    """
    predict: Callable[[Array], Array] = model.predict
    if manifest.litert and manifest.litert.views != "none":
        from cifarcnn.network.test_time_augmentation import average_views

        predict = partial(average_views, predict, views=manifest.litert.views)
    temperature, unsure_below = kept
    if temperature is not None:
        predict = _at_temperature(predict, temperature)
    height, width, _ = model.image_shape
    resize = manifest.litert.resize if manifest.litert else "crop"
    target = TargetSize(height, width, resize)
    return Predictor(
        run,
        manifest,
        target,
        predict,
        data_path=data_path,
        temperature=temperature,
        unsure_below=unsure_below,
    )


def _at_temperature(
    predict: Callable[[Array], Array], temperature: float
) -> Callable[[Array], Array]:
    """The same answers at a temperature."""
    from cifarcnn.temperature import apply_temperature

    return lambda images: apply_temperature(predict(images), temperature)


def average_predictors(predictors: Sequence[Predictor]) -> Predictor:
    """One that gives the mean of the probabilities of all.

    Raises:
        UsageError: They have other classes, take images of other sizes, or shall say
            when they are unsure.
    """
    first, *others = predictors
    if not others:
        return first
    require_same_classes(predictors)
    if first.unsure_below is not None:
        raise UsageError(
            "When it is unsure is known of each network alone, and not of the mean of "
            f"{len(predictors)}. Name one run, or leave --unsure out."
        )
    for other in others:
        if other.target != first.target:
            raise UsageError(
                f"{first.path} takes pictures of {first.target.describe_size()}, "
                f"{other.path} of {other.target.describe_size()}. Only networks that "
                "see the same can be asked together."
            )

    def predict(images: Array) -> Array:
        return mean_probabilities([each.predict(images) for each in predictors])

    return replace(first, predict=predict)


def require_free_label(predictor: Predictor) -> None:
    """See that no class has the name that unsure answers get.

    Raises:
        UsageError: One has.
    """
    if UNSURE in predictor.class_names:
        raise UsageError(
            f"A class of {predictor.path} is itself called {UNSURE}, so that nobody "
            "could tell one from the other. Leave --unsure out."
        )


def write_missing_litert(predictor: Predictor) -> str | None:
    """Write the ``model.tflite`` that a finished run lacks, so that LiteRT can answer.

    It is written where TensorFlow is installed; whatever lies there is left.

    Args:
        predictor: From :func:`open_predictor`.

    Returns:
        What came of it, as a sentence; None where it is not for this process to do, as
        in a run that cannot be written.
    """
    run, manifest, loaded = predictor.run, predictor.manifest, predictor.loaded
    file = run.path / LITERT
    if predictor.note is None or loaded is None or os.path.lexists(file):
        return None
    names = (WEIGHTS_FILES["selected"], WEIGHTS_FILES[weights_kind(loaded.weights)])
    selected, answering = (manifest.weights.get(name) for name in names)
    if selected != answering or not run.finished or not has_runtime():
        return None
    # Known before seconds are spent on what cannot be kept.
    if not os.access(run.path, os.W_OK):
        return None
    from cifarcnn.litert.conversion import convert_run
    from cifarcnn.runs.file_lock import lock_run

    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock_run(run.path))
            # Another process may have been faster, or have trained further.
            if os.path.lexists(file) or read_manifest(run.path) != manifest:
                return None
        except RunError:
            return None
        try:
            content = convert_run(run.path, loaded.model, predictor.class_names)
            resize = loaded.config.data.resize
            save_litert(run.path, content, loaded.views, resize)
        except RunError as error:
            return f"{file} is not written: {error}"
    return f"{file} was missing and is written now; the next answer comes sooner."
