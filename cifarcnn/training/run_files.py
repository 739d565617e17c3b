"""The files of a run that are written once: at the start and at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args

import keras

from cifarcnn.config import Config
from cifarcnn.data.dataset import Dataset
from cifarcnn.engine import Device
from cifarcnn.errors import RunError
from cifarcnn.literals import Policy, Views
from cifarcnn.litert.conversion import convert_run
from cifarcnn.network.keras_file import keras_file
from cifarcnn.runs import Origin, Run
from cifarcnn.runs.folder import DIVERGED
from cifarcnn.runs.litert_file import save_litert
from cifarcnn.runs.manifest import DataRecord
from cifarcnn.runs.safe_io import write_file
from cifarcnn.training.observer import Outcome, Plan
from cifarcnn.training.resume import newest_environment
from cifarcnn.training.training_data import TrainingData

MODEL = "model.keras"


def describe_origin(dataset: Dataset, device: Device) -> Origin:
    """Where the weights come from, for the manifest."""
    return Origin(
        class_names=dataset.class_names,
        data=DataRecord(
            name=dataset.name,
            checksum=dataset.checksum,
            official=dataset.official,
            notice=dataset.notice,
        ),
        versions=dict(device.versions),
    )


def describe_environment(
    config: Config, data: TrainingData, device: Device, precision: str
) -> dict[str, object]:
    """The content of ``environment.json``: where and with what this was trained."""
    return {
        "command_line": sys.argv,
        "versions": dict(device.versions),
        "device": {
            "kind": device.kind,
            "description": device.description,
            "threads": device.threads,
            "count": device.count,
            "hosts": device.host_count,
            "note": device.note,
        },
        "seed": config.training.seed,
        "smoke": data.smoke,
        "precision": precision,
        "deterministic": config.training.deterministic,
        "data": _describe_data(data.dataset),
    }


def write_environment(
    run: Run, environment: dict[str, object]
) -> Mapping[str, object] | None:
    """Write ``environment.json``, or what it is now behind what it was before.

    Returns:
        Where and with what the training went on last; ``None`` for a new one.

    Raises:
        RunError: The file is damaged, or cannot be written.
    """
    if not run.has_environment:
        run.write_environment(environment)
        return None
    first = run.read_environment()
    first.pop(DIVERGED, None)
    later = first.get("resumed")
    resumed = later if isinstance(later, list) else []
    run.write_environment({**first, "resumed": [*resumed, environment]})
    return newest_environment(first)


def read_precision(run: Run) -> Policy | None:
    """What a run was trained in last; ``None`` where ``environment.json`` says nothing.

    Raises:
        RunError: The file is damaged.
    """
    if not run.has_environment:
        return None
    first = run.read_environment()
    found = newest_environment(first).get("precision")
    return next((policy for policy in get_args(Policy) if policy == found), None)


def note_divergence(run: Run, sentence: str) -> None:
    """Add to ``environment.json`` how the training diverged."""
    # Where it cannot be written, the user has the sentence all the same.
    with contextlib.suppress(RunError):
        run.write_environment({**run.read_environment(), DIVERGED: sentence})


def describe_metrics(
    outcome: Outcome, plan: Plan, dataset: Dataset
) -> dict[str, object]:
    """The content of ``metrics.json``: what a finished training came to."""
    seconds = outcome.duration_seconds
    speeds = [record.pictures_per_second for record in outcome.records]
    return {
        "smoke": plan.smoke,
        "epochs": len(outcome.records),
        "stopped_early": outcome.stopped_early,
        "weights": outcome.weights,
        "kept": asdict(outcome.kept),
        "best": asdict(outcome.best),
        "last": asdict(outcome.last),
        "duration_seconds": seconds,
        "epoch_duration_seconds": [r.duration_seconds for r in outcome.records],
        "pictures_per_second": sum(speeds) / len(speeds),
        "training_pictures": plan.training_images,
        "validation_pictures": plan.validation_images,
        "parameters": plan.parameters,
        "data": _describe_data(dataset),
        "diagnosis": [str(finding) for finding in outcome.diagnosis],
    }


def write_keras_model(
    run: Run, network: keras.Model, class_names: Sequence[str]
) -> None:
    """Write ``model.keras``, with the class names in its ``metadata.json``.

    Raises:
        RunError: The file, or a temporary one, cannot be written.
    """
    try:
        content = keras_file(network, {"class_names": list(class_names)})
    except OSError as error:
        raise RunError(
            f"{MODEL} cannot be made in the temporary folder: {error.strerror}. Make "
            "room there, or name another one in the environment variable TMPDIR."
        ) from error
    write_file(run.path / MODEL, content)


def write_litert_model(
    run: Run,
    network: keras.Model,
    class_names: Sequence[str],
    views: Views,
    stopped: Callable[[], bool],
) -> str | None:
    """Write ``model.tflite`` from what ``model.keras`` holds.

    Args:
        run: With the weights of ``network``.
        network: Of stock layers.
        class_names: In the order of its outputs.
        views: What an answer rests on.
        stopped: Whether to do without it, where it takes a process of its own.

    Returns:
        Why there is none, as a sentence; None when it was written.

    Raises:
        RunError: The file cannot be written.
    """
    try:
        content = convert_run(run.path, network, class_names, stopped)
    except RunError as error:
        return (
            f"model.tflite is not written: {error} `predict` answers with Keras, which "
            "takes longer to start."
        )
    save_litert(run.path, content, views, run.config.data.resize)
    return None


def _describe_data(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "origin": dataset.origin,
        "checksum": dataset.checksum,
        "official": dataset.official,
        "notice": dataset.notice,
        "damaged_left_out": dataset.damaged,
    }
