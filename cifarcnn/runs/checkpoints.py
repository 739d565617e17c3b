"""Checkpoints: all that a training needs to go on, whole in one file each.

A file's name says how far the training had come, and the SHA-256 of its content, so
that nothing has to be kept in step with it and no damage goes unseen. The arrays lie in
it as in any safetensors file, and all else as JSON in the metadata of its header.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open

from cifarcnn.errors import RunError
from cifarcnn.files import remove_leftovers, write_atomically
from cifarcnn.runs.folder import CHECKPOINTS
from cifarcnn.runs.history import EpochRecord
from cifarcnn.runs.safe_io import (
    describe_os_error,
    describe_write_error,
    require_folder,
    require_regular_file,
)
from cifarcnn.runs.weights import (
    Array,
    ArraySpec,
    check_finite,
    first_difference,
    pack_arrays,
)

FORMAT: Final = 1
# One may be damaged by what ended the process, so there is always another.
KEPT = 2
_NAME = re.compile(r"epoch-([0-9]{4,6})-step-([0-9]{6,9})-([0-9a-f]{64})\.safetensors")
_STATE = "cifarcnn"
# A hundred thousand epochs need about a third of this.
_STATE_LIMIT = 64 * 1024 * 1024
_DTYPES = {
    "BOOL": "bool", "I8": "int8", "U8": "uint8", "I16": "int16", "U16": "uint16",
    "I32": "int32", "U32": "uint32", "I64": "int64", "U64": "uint64",
    "F16": "float16", "F32": "float32", "F64": "float64",
}  # fmt: skip
# What the backends count steps and random draws in.
_COUNTERS = frozenset({"int32", "uint32", "int64"})

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class CheckpointState(BaseModel):
    """How far a training has come, and with what.

    Attributes:
        format: The version of this layout.
        config: The resolved config, as in ``config.yaml``.
        data_checksum: SHA-256 over the content of both splits of the data set.
        smoke: Whether it is only a trial on few images.
        epoch: Finished epochs.
        step: Steps of the epoch after them that are done.
        records: The figures of each finished epoch.
        best_epoch: The number of the best one, from 1 on; ``None`` before the first.
        metrics: The values of Keras's metric variables in the middle of an epoch, in
            the order of the model.
        logs: The figures of an epoch whose steps are all done and that waits for its
            validation.
        epoch_seconds: Spent in the unfinished epoch.
        training_seconds: Spent in all.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )

    format: Literal[1] = FORMAT
    config: dict[str, Any]
    data_checksum: str
    smoke: bool
    epoch: Count
    step: Count
    records: tuple[EpochRecord, ...]
    best_epoch: Annotated[int, Field(ge=1)] | None
    metrics: tuple[float, ...]
    logs: dict[Literal["loss", "accuracy"], float] | None
    epoch_seconds: Seconds
    training_seconds: Seconds

    @model_validator(mode="after")
    def _check_records(self) -> Self:
        numbers = [record.epoch for record in self.records]
        if numbers != list(range(1, self.epoch + 1)):
            raise ValueError("the records are not those of the finished epochs")
        if self.best_epoch is not None and self.best_epoch > self.epoch:
            raise ValueError("the best epoch is not among the finished ones")
        return self


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose file is the one that was written.

    Attributes:
        path: The file.
        state: How far the training had come.
    """

    path: Path
    state: CheckpointState

    def load(
        self, expected: Mapping[str, ArraySpec], *, others: bool = False
    ) -> dict[str, Array]:
        """The arrays, in the order of ``expected``.

        Args:
            expected: Shape and element type of each array, by name. Whole numbers are
                taken from any type of them: each backend counts in another one.
            others: Whether the file may hold other arrays too.

        Raises:
            RunError: The file does not hold exactly what is expected, or a value in it
                is not finite.
        """
        with safe_open(self.path, "numpy") as file:
            found: dict[str, ArraySpec] = {}
            for name in file.keys():  # noqa: SIM118 - no mapping
                if others and name not in expected:
                    continue
                part = file.get_slice(name)
                dtype = _DTYPES.get(part.get_dtype(), part.get_dtype())
                _, wanted = expected.get(name, ((), ""))
                if {dtype, wanted} <= _COUNTERS:
                    dtype = wanted
                found[name] = (tuple(part.get_shape()), dtype)
            # Before anything of the size that the file claims is made.
            difference = first_difference(found, expected)
            if difference:
                raise RunError(
                    f"{self.path} does not fit the training of config.yaml: "
                    f"{difference}."
                )
            arrays = {
                name: file.get_tensor(name).astype(dtype, copy=False)
                for name, (_, dtype) in expected.items()
            }
        check_finite(self.path, arrays)
        return arrays


def save_checkpoint(
    run: Path, state: CheckpointState, arrays: Mapping[str, Array]
) -> Path:
    """Write a checkpoint, and remove all but the two newest.

    Args:
        run: The folder of the run.
        state: How far the training has come.
        arrays: By name.

    Returns:
        The file.

    Raises:
        RunError: A value is not finite, or the file cannot be written. The
            checkpoints of before are unharmed, unless the folder is gone.
    """
    folder = run / CHECKPOINTS
    data = pack_arrays(folder, arrays, {_STATE: state.model_dump_json()})
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"epoch-{state.epoch:04}-step-{state.step:06}-{digest}.safetensors"
    try:
        try:
            _write(path, data)
        except FileNotFoundError:
            # Somebody removed the folder meanwhile: it is made again.
            _write(path, data)
    except OSError as error:
        require_folder(run)
        raise RunError(
            f"No checkpoint can be written in {folder}: "
            f"{describe_write_error(error, path, len(data))}. "
            "Those of before are unharmed."
        ) from error
    return path


def _write(path: Path, data: bytes) -> None:
    folder = path.parent
    folder.mkdir(exist_ok=True)
    _refuse_link(folder)
    write_atomically(path, data)
    for old in _list(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def find_checkpoint(run: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that is not damaged.

    Damaged ones are set aside under another name, so that those to come do not have
    to stand back behind them. To be called by the process that holds the run.

    Args:
        run: The folder of the run.

    Returns:
        The checkpoint, ``None`` when there is none; and a sentence on each damaged one.

    Raises:
        RunError: There are checkpoints, but all are damaged; the newest that is not
            is of another version; or the folder cannot be read.
    """
    folder = run / CHECKPOINTS
    damages: list[str] = []
    try:
        if not folder.exists():
            return None, []
        _refuse_link(folder)
        remove_leftovers(folder)
        for path in _list(folder):
            try:
                _require_whole(path)
            except RunError as error:
                aside = path.with_name(f"{path.name}.damaged")
                path.rename(aside)
                damages.append(f"{error} It is set aside as {aside.name}.")
            else:
                return Checkpoint(path, _read_state(path)), damages
    except OSError as error:
        raise RunError(
            f"{folder} cannot be read: {describe_os_error(error)}."
        ) from error
    if damages:
        config = shlex.quote(str(run / "config.yaml"))
        raise RunError(
            f"{' '.join(damages)} {run} has no other checkpoint to go on from. Begin "
            f"anew with: cifarcnn train --config {config}"
        )
    return None, []


def _list(folder: Path) -> list[Path]:
    """The checkpoints of a folder by their names, the newest first."""
    found = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            found.append((int(match[1]), int(match[2]), path))
    return [path for _, _, path in sorted(found, reverse=True)]


def _require_whole(path: Path) -> None:
    """See that the content of a checkpoint is the one in its name.

    Raises:
        RunError: It is damaged.
        OSError: It cannot be read.
    """
    require_regular_file(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not path.name.endswith(f"-{digest}.safetensors"):
        raise RunError(f"{path} is damaged: its content is not the one in its name.")


def _read_state(path: Path) -> CheckpointState:
    """What a whole checkpoint says of itself.

    Raises:
        RunError: It is of another version.
        OSError: It cannot be read.
    """
    try:
        with safe_open(path, "numpy") as opened:
            text = (opened.metadata() or {}).get(_STATE, "")
        if len(text) > _STATE_LIMIT:
            raise ValueError("too long")
        state = CheckpointState.model_validate_json(text)
    except (SafetensorError, ValidationError, ValueError) as error:
        raise RunError(
            f"{path} is not a checkpoint that this version of cifarcnn wrote. Go on "
            "with the version that wrote it."
        ) from error
    return state


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        raise RunError(
            f"{folder} is not a plain folder, but a link or a file. Checkpoints are "
            "neither read nor written there; put the folder itself there."
        )
