"""``temperature.json``: what makes the answers of a run as sure as they are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cifarcnn.errors import RunError
from cifarcnn.runs.folder import TEMPERATURE
from cifarcnn.runs.manifest import WEIGHTS_FILES, Manifest, Sha256, WeightsKind
from cifarcnn.runs.safe_io import read_json, write_file
from cifarcnn.runs.shipped_runs import require_own
from cifarcnn.temperature import HIGHEST, LOWEST

_SIZE_LIMIT = 64 * 1024

Figure = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TemperatureRecord(BaseModel):
    """What was fitted, and what it did on the images that it was fitted on.

    Attributes:
        temperature: What the logits are divided by.
        weights_sha256: Of the weights file whose answers it is for.
        validation_pictures: How many images it was fitted on.
        loss_before: Mean cross-entropy of these without it.
        loss: The same with it.
        calibration_error_before: Expected calibration error of these without it.
        calibration_error: The same with it.
        unsure_below: The score of an answer below which it is ``unsure``
            (``cifarcnn.unsure``); None where it was fitted before there was one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    temperature: Annotated[float, Field(ge=LOWEST, le=HIGHEST)]
    weights_sha256: Sha256
    validation_pictures: Annotated[int, Field(ge=1)]
    loss_before: Figure
    loss: Figure
    calibration_error_before: Figure
    calibration_error: Figure
    unsure_below: Figure | None = None


def write_temperature(folder: Path, record: TemperatureRecord) -> Path:
    """Keep it with the run, also in the place of an earlier one.

    Raises:
        RunError: The file cannot be written, or the run belongs to the package.
    """
    require_own(folder)
    path = folder / TEMPERATURE
    write_file(path, (record.model_dump_json(indent=2) + "\n").encode())
    return path


def read_temperature(
    folder: Path, manifest: Manifest, kind: WeightsKind
) -> TemperatureRecord:
    """The temperature that was fitted for the weights of a run.

    Args:
        folder: The folder of the run.
        manifest: Of the run.
        kind: The weights that answer.

    Raises:
        RunError: There is none, it is damaged, or was fitted for other weights.
    """
    path = folder / TEMPERATURE
    way_out = _way_out(folder, kind)
    if not path.exists() and not path.is_symlink():
        raise RunError(
            f"{folder} has no temperature yet. Fit one on its validation pictures: "
            f"{way_out}"
        )
    content = read_json(path, _SIZE_LIMIT)
    try:
        record = TemperatureRecord.model_validate_json(json.dumps(content))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise RunError(
            f"{path} is damaged: `{place}` is missing, unknown or not what belongs "
            f"there. Fit it anew: {way_out}"
        ) from error
    states = manifest.weights.get(WEIGHTS_FILES[kind], ())
    if record.weights_sha256 not in {state.sha256 for state in states}:
        raise RunError(
            f"{path} was fitted for other weights than those in {WEIGHTS_FILES[kind]}. "
            f"Fit it anew: {way_out}"
        )
    return record


def read_threshold(folder: Path, manifest: Manifest, kind: WeightsKind) -> float:
    """The score of an answer below which it is unsure.

    Args:
        folder: As for :func:`read_temperature`, and so are all the others.

    Raises:
        RunError: There is none, or ``temperature.json`` is damaged, or was fitted for
            other weights.
    """
    path = folder / TEMPERATURE
    if path.exists() or path.is_symlink():
        threshold = read_temperature(folder, manifest, kind).unsure_below
        if threshold is not None:
            return threshold
    raise RunError(
        f"{folder} does not know yet when it is unsure. Fit that on its validation "
        f"pictures: {_way_out(folder, kind)}"
    )


def _way_out(folder: Path, kind: WeightsKind) -> str:
    command = f"cifarcnn evaluate --run {folder} --split validation --temperature"
    return command + (" --weights last" if kind == "last" else "")
