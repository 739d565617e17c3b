"""Whether and how a training that was cut short, or is to become longer, goes on."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cifarcnn.config import Config
from cifarcnn.config.diff import Difference, find_differences
from cifarcnn.config.named_choice import external
from cifarcnn.engine.backend_choice import BACKENDS
from cifarcnn.errors import RunError, UsageError
from cifarcnn.runs import Run
from cifarcnn.runs.checkpoints import Checkpoint, find_checkpoint
from cifarcnn.runs.folder import DIVERGED
from cifarcnn.runs.manifest import MANIFEST, read_manifest

if TYPE_CHECKING:
    from cifarcnn.data.dataset import Dataset

# They decide nothing about the steps that are done.
CHANGEABLE = (
    "training.epochs",
    "training.early_stopping",
    "training.checkpoint_minutes",
    "training.max_minutes",
    "training.steps_per_execution",
    "training.backend",
    "training.devices",
    "training.tracking",
    "data.path",
    "data.fetch",
    "data.sources",
    "evaluation",
)


@dataclass(frozen=True)
class ResumePlan:
    """How a training goes on.

    Attributes:
        config: With what was changed.
        checkpoint: From where; ``None`` from the beginning.
        smoke: Whether it is only a trial on few images.
        extended: Whether the training was finished, and is now to go further.
        replanned: Whether it has another number of epochs now.
        notes: What the user should know of it.
        backend: Keras's name of what it ran on last; ``None``: not known.
    """

    config: Config
    checkpoint: Checkpoint | None
    smoke: bool
    extended: bool
    replanned: bool
    notes: tuple[str, ...]
    backend: str | None = None


def plan_resume(run: Run, config: Config) -> ResumePlan | None:
    """How the training of a run can go on.

    Args:
        run: Held by this process.
        config: Of the run, with what the user wants changed.

    Returns:
        ``None`` when the run is finished, and nothing is left to do.

    Raises:
        UsageError: A setting cannot change in the middle, or the epochs are over, or a
            finished trial on few images is to become longer.
        RunError: There is no checkpoint although something was trained, or all are
            damaged; or the manifest is.
    """
    if (run.path / MANIFEST).exists():
        # Before anything is trained that could not be saved beside it.
        read_manifest(run.path)
    checkpoint, damages = find_checkpoint(run.path)
    if checkpoint is None:
        return _plan_beginning(run, config)
    state = checkpoint.state
    try:
        before = Config.model_validate(state.config)
    except ValidationError as error:
        raise RunError(
            f"{checkpoint.path} was written with settings that this version of "
            "cifarcnn does not know. Go on with the version that wrote it."
        ) from error
    changes = find_changes(run.path, run.config_path, before, config)
    epochs, wanted = before.training.epochs, config.training.epochs
    if state.smoke:
        if run.finished and wanted != epochs:
            raise UsageError(describe_finished(run))
        if run.finished:
            return None
    elif wanted != epochs and wanted <= state.epoch - (state.step == 0):
        steps = f" and {state.step} steps" if state.step else ""
        raise UsageError(
            f"{run.path} cannot end after {wanted} epochs: {state.epoch} epochs{steps} "
            "are done already."
        )
    if run.finished and not any(
        change.path.startswith(("training.epochs", "training.early_stopping"))
        for change in changes
    ):
        return None
    environment = run.read_environment() if run.has_environment else {}
    return ResumePlan(
        config=config,
        checkpoint=checkpoint,
        smoke=state.smoke,
        extended=run.finished,
        replanned=wanted != epochs,
        notes=(*damages, *_describe_divergence(run), *_describe(changes)),
        backend=_find_backend(newest_environment(environment)),
    )


def describe_finished(run: Run) -> str:
    """That a run is finished, and what can be done to train more.

    Raises:
        RunError: ``metrics.json`` is damaged.
    """
    if run.is_smoke():
        return (
            f"{run.path} is finished: a trial on few pictures (--smoke) stays one. To "
            f"train on all: cifarcnn train --config {shlex.quote(str(run.config_path))}"
        )
    return (
        f"{run.path} is finished. To train it further: cifarcnn train --resume "
        f"{shlex.quote(str(run.path))} --set training.epochs=NUMBER"
    )


def _plan_beginning(run: Run, config: Config) -> ResumePlan:
    diverged = _describe_divergence(run)
    if run.finished or (run.has_weights and not diverged):
        raise RunError(
            f"{run.path} has trained weights, but no checkpoint to go on from: none "
            "could be written, or it was removed. The weights can be used as they are; "
            "to train anew: cifarcnn train --config "
            f"{shlex.quote(str(run.config_path))}"
        )
    changes = find_changes(run.path, run.config_path, run.config, config)
    return ResumePlan(
        config=config,
        checkpoint=None,
        smoke=run.has_environment and run.is_smoke(),
        extended=False,
        replanned=False,
        notes=(
            f"{run.path} has no checkpoint yet: its training begins anew",
            *diverged,
            *_describe(changes),
        ),
    )


def newest_environment(environment: Mapping[str, object]) -> Mapping[str, object]:
    """The part of ``environment.json`` on where the training went on last, or began."""
    resumed = environment.get("resumed")
    last = resumed[-1] if isinstance(resumed, list) and resumed else environment
    return last if isinstance(last, dict) else environment


def _find_backend(environment: Mapping[str, object]) -> str | None:
    """Keras's name of the backend in a part of ``environment.json``."""
    versions = environment.get("versions")
    names = versions if isinstance(versions, dict) else {}
    return next((name for name in BACKENDS if name in names), None)


def _describe_divergence(run: Run) -> tuple[str, ...]:
    sentence = run.read_environment().get(DIVERGED) if run.has_environment else None
    if sentence is None:
        return ()
    return (
        f"{run.path} diverged before, and comes to the same again where nothing is "
        f"different: {sentence}",
    )


def _describe(changes: Iterable[Difference]) -> list[str]:
    return [f"{item.path} was {item.before}, is {item.after} now" for item in changes]


def find_changes(
    path: Path, config_path: Path, before: Config, after: Config
) -> list[Difference]:
    """What changed and may.

    Args:
        path: The folder whose training goes on.
        config_path: Its config, to train anew from.
        before: What it was trained with.
        after: What it shall go on with.

    Raises:
        UsageError: Something changed that must not.
    """
    found = list(find_differences(to_plain(before), to_plain(after)))
    refused = [item for item in found if not _may_change(item.path)]
    if refused:
        config = shlex.quote(str(config_path))
        listed = "; ".join(
            f"{item.path} was {item.before} and would be {item.after}"
            for item in refused
        )
        raise UsageError(
            f"{path} cannot go on with other settings: {listed}. Only "
            f"{', '.join(CHANGEABLE)} can change in the middle of a training. To train "
            f"anew: cifarcnn train --config {config} --set ..."
        )
    return found


def _may_change(path: str) -> bool:
    return any(
        path == key or path.startswith((f"{key}.", f"{key}[")) for key in CHANGEABLE
    )


def to_plain(config: Config) -> dict[str, Any]:
    """A config as JSON would give it back."""
    plain: dict[str, Any] = json.loads(json.dumps(external(config)))
    return plain


def describe_environment_change(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> str | None:
    """Why the numbers may differ from those of an uninterrupted training.

    Args:
        before: The content of ``environment.json``, as far as it can be understood.
        now: What it would be now.

    Returns:
        A sentence; ``None`` when nothing that matters is different.
    """
    old, new = _find_backend(before), _find_backend(now)
    found, further, skipped = [], "", ["device.note"]
    if old and new and old != new:
        skipped += [f"versions.{old}", f"versions.{new}"]
        found.append(f"the backend was {old}, is {new} now")
        further = ", and further where layers such as Dropout draw random numbers"
    for key in ("versions", "device", "precision"):
        earlier, later = map(_without_versions, (before.get(key), now.get(key)))
        for item in find_differences(earlier, later, key):
            if item.path not in skipped:
                found.append(f"{item.path} was {item.before}, is {item.after} now")
    if not found:
        return None
    return (
        f"{'; '.join(found)}: the results may differ in their last digits from those "
        f"of a training without interruption{further}"
    )


def _without_versions(part: Any) -> Any:
    """A part of ``environment.json``; of a device without what stands there twice."""
    if not isinstance(part, dict) or not isinstance(part.get("description"), str):
        return part
    # As in "cpu (AMD EPYC, 2 cores), JAX 0.10.2, Keras 3.15.1".
    description = part["description"].rsplit(", ", 2)[0].rpartition(", each ")[2]
    # Those of before know of one device only.
    return {"count": 1, "hosts": 1, **part, "description": description}


def require_same_images(run: Run, plan: ResumePlan, dataset: Dataset) -> None:
    """See that a training goes on with the images that it began with.

    Raises:
        RunError: They are others.
    """
    checkpoint = plan.checkpoint
    if checkpoint is None or dataset.has_checksum(checkpoint.state.data_checksum):
        return
    if dataset.name == "synthetic":
        raise RunError(
            f"{run.path} was trained on other pictures than those that this version of "
            "cifarcnn draws: their checksums differ. Go on with the version that began "
            "it, or train anew."
        )
    raise RunError(
        f"{run.path} was trained on other pictures than those in {dataset.origin}: "
        "their checksums differ. Say where the right ones are with --set "
        "data.path=PATH."
    )
