"""``cifarcnn check --estimate``: the time and the memory that a training will take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cifarcnn.cli import console
from cifarcnn.cli.check import describe_as_json, print_checked
from cifarcnn.cli.durations import describe_seconds
from cifarcnn.cli.estimate_text import describe_estimate
from cifarcnn.cli.seeds_option import parse_seeds
from cifarcnn.config.loading import Checked
from cifarcnn.errors import ConfigError

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.literals import BackendChoice
    from cifarcnn.training.estimate import Duration
    from cifarcnn.training.trial import Trial


def check_and_estimate(
    checked: Checked,
    seeds: str | None,
    device: DeviceChoice,
    backend: BackendChoice | None,
    as_json: bool,
) -> int:
    """Say what is wrong with a config, or what its training will take.

    Args:
        checked: The config.
        seeds: ``--seeds``.
        device: Where to compute.
        backend: What Keras runs on.
        as_json: Whether to print one JSON document.

    Returns:
        The exit code.

    Raises:
        CifarcnnError: As ``estimation.estimate_training``.
        click.UsageError: ``seeds`` means none.
    """
    config = checked.config
    if config is None:
        if as_json:
            console.print_raw(json.dumps(describe_as_json(checked), indent=2))
        else:
            print_checked(checked)
        return ConfigError.exit_code
    count = 1 if seeds is None else len(parse_seeds(seeds, config.training.seed))
    if not as_json:
        print_checked(checked)
    from cifarcnn.estimation import estimate_training

    with console.native_output():
        trial = estimate_training(config, device=device, backend=backend)
    if as_json:
        document = {**describe_as_json(checked), "estimate": _document(trial, count)}
        console.print_raw(json.dumps(document, indent=2))
        return 0
    for note in _notes(trial):
        console.print_message(f"note: {note}")
    line = f"estimate: {describe_estimate(trial.estimate, count)}"
    if trial.features_seconds:
        once = describe_seconds(trial.features_seconds)
        line += f"; of it {once} for the features of frozen layers, computed once"
    console.print_result(f"{line}; on {trial.device.description}")
    return 0


def _notes(trial: Trial) -> list[str]:
    device = trial.device.note
    return [*([device] if device else []), *trial.notes]


def _document(trial: Trial, seeds: int) -> dict[str, Any]:
    estimate, device = trial.estimate, trial.device
    tuned = estimate.fine_tuned_epoch
    return {
        **_range("seconds_per_epoch", estimate.epoch),
        **({} if tuned is None else _range("seconds_per_fine_tuning_epoch", tuned)),
        **_range("seconds", estimate.whole.times(seeds)),
        "memory_bytes": estimate.memory_bytes,
        "compile_seconds": trial.compile_seconds,
        "features_seconds": trial.features_seconds,
        "epochs": estimate.epochs,
        "fine_tuned_from": estimate.fine_tuned_from,
        "stops_early": estimate.stops_early,
        "max_minutes": estimate.max_minutes,
        "seeds": seeds,
        "training_pictures": trial.training_images,
        "validation_pictures": trial.validation_images,
        "steps_tried": {
            "training": trial.training_steps,
            "validation": trial.validation_steps,
        },
        "device": {"kind": device.kind, "description": device.description},
        "backend": device.backend,
        "notes": _notes(trial),
    }


def _range(name: str, duration: Duration) -> dict[str, float]:
    return {
        name: duration.seconds,
        f"{name}_low": duration.low,
        f"{name}_high": duration.high,
    }
