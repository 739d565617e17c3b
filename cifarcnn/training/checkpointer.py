"""Puts together what a training needs to go on, and says when it is time to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cifarcnn.config.schema import Config
from cifarcnn.runs.checkpoints import Checkpoint, CheckpointState, save_checkpoint
from cifarcnn.runs.weights import ArraySpec, describe_arrays
from cifarcnn.training.resume import to_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cifarcnn.runs import Run
    from cifarcnn.training.keeper import Arrays, Keeper
    from cifarcnn.training.pupil import Pupil
    from cifarcnn.training.training_data import Material

_BEST = "best/"


class Checkpointer:
    """Saves checkpoints of one training, and brings it back to one.

    Attributes:
        saved: Finished epochs, and steps of the next one, in the newest checkpoint;
            ``None`` when there is none.
    """

    def __init__(
        self, run: Run, config: Config, material: Material, pupil: Pupil, keeper: Keeper
    ) -> None:
        """Connect the parts.

        Args:
            run: Where the checkpoints go.
            config: With ``data.normalization`` resolved.
            material: What is learnt from.
            pupil: What learns.
            keeper: Knows what the epochs came to.
        """
        self.run = run
        self.config = config
        self.material = material
        self.pupil = pupil
        self.keeper = keeper
        self.saved: tuple[int, int] | None = None
        self._seconds_before = 0.0
        self._start = self._last = time.perf_counter()

    def resume(self, checkpoint: Checkpoint) -> None:
        """Bring the pupil, the keeper and the files of the run back to a checkpoint.

        Raises:
            RunError: It does not fit the training, or holds values that are not finite.
        """
        state = checkpoint.state
        weights = describe_arrays(self.pupil.read_kept())
        expected: dict[str, ArraySpec] = dict(self.pupil.state.specs())
        if state.best_epoch is not None:
            expected |= {f"{_BEST}{name}": spec for name, spec in weights.items()}
        arrays = checkpoint.load(expected)
        self.pupil.state.write(arrays)
        best = {name: arrays[f"{_BEST}{name}"] for name in weights if state.best_epoch}
        self.keeper.resume(state.records, state.best_epoch, best)
        self.saved = (state.epoch, state.step)
        self._seconds_before = state.training_seconds

    @property
    def seconds(self) -> float:
        """How long the training took so far, without the time between its parts."""
        return self._seconds_before + time.perf_counter() - self._start

    def due(self) -> bool:
        """Whether the last checkpoint, or attempt at one, is long enough ago."""
        minutes = (time.perf_counter() - self._last) / 60
        return minutes >= self.config.training.checkpoint_minutes

    def save(
        self,
        epoch: int,
        step: int,
        epoch_seconds: float,
        logs: Mapping[str, float] | None = None,
    ) -> None:
        """Write a checkpoint, unless the newest one is of this very moment.

        Args:
            epoch: Finished epochs.
            step: Steps of the next one that are done.
            epoch_seconds: Spent in it.
            logs: The figures of an epoch whose steps are all done, but which is not
                validated yet.

        Raises:
            DivergedError: A value is not finite.
            RunError: It cannot be written; those of before are unharmed.
        """
        if self.saved == (epoch, step):
            return
        self.pupil.settle()
        best = self.keeper.best
        arrays: Arrays = self.pupil.state.read()
        if best is not None:
            named = self.keeper.best_arrays.items()
            arrays = {**arrays, **{f"{_BEST}{name}": value for name, value in named}}
        state = CheckpointState(
            config=to_plain(self.config),
            data_checksum=self.material.dataset.checksum,
            smoke=self.material.smoke,
            epoch=epoch,
            step=step,
            records=tuple(self.keeper.records),
            best_epoch=best.epoch if best else None,
            metrics=self.pupil.state.read_metrics() if step and logs is None else (),
            logs=_plain_logs(logs),
            epoch_seconds=epoch_seconds,
            training_seconds=self.seconds,
        )
        # Also of an attempt that fails: on a full disk the next step would try again.
        self._last = time.perf_counter()
        save_checkpoint(self.run.path, state, arrays)
        self.saved = (epoch, step)

    def describe_saved(self) -> str:
        """What the newest checkpoint is of, as a sentence; empty without one."""
        if self.saved is None:
            return ""
        epoch, step = self.saved
        where = (
            f"epoch {epoch + 1}, step {step}" if step else f"the end of epoch {epoch}"
        )
        return f"The last checkpoint is of {where}."


def _plain_logs(logs: Mapping[str, float] | None) -> Any:
    if logs is None:
        return None
    return {name: float(logs[name]) for name in ("loss", "accuracy")}
