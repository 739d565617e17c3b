"""Checkpoints: saved when it is time and at the end of each epoch, and gone back to."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import keras

from cifarcnn.config import Config
from cifarcnn.errors import DivergedError
from cifarcnn.runs import Run
from cifarcnn.runs.checkpoints import Checkpoint, CheckpointState, save_checkpoint
from cifarcnn.runs.weights import describe_arrays, first_non_finite
from cifarcnn.training.callbacks.background_writer import BackgroundWriter
from cifarcnn.training.callbacks.progress import Arrays, Progress
from cifarcnn.training.callbacks.terminate_on_nan import NOT_FINITE
from cifarcnn.training.resume import to_plain

_BEST = "best/"


class BackupAndRestore(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves all that a training needs to go on, bit for bit, at any step.

    Keras's own saves neither random generators nor the middle of an epoch. At the end
    of an epoch only the numbers are copied, and written beside the next one. A full
    disk is only noted.

    Attributes:
        saved: Finished epochs, and steps of the next one, in the newest checkpoint;
            ``None`` when there is none.

    Raises:
        DivergedError: A number is not finite; the message says where.
        RunError: A checkpoint cannot be written, for good.
    """

    def __init__(
        self,
        run: Run,
        config: Config,
        data_checksum: str,
        progress: Progress,
        writer: BackgroundWriter,
    ) -> None:
        super().__init__()
        self.run = run
        self.config = config
        self.data_checksum = data_checksum
        self.progress = progress
        self.writer = writer
        self.saved: tuple[int, int] | None = None
        self._plain_config = to_plain(config)
        self._restored: CheckpointState | None = None
        self._last_try = time.perf_counter()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Bring the model and the progress back to where a checkpoint was saved.

        Raises:
            RunError: It does not fit the training, or holds values that are not finite.
        """
        state = self._restored = checkpoint.state
        weights = describe_arrays(self.model.read_weights())
        best = {f"{_BEST}{name}": weights[name] for name in weights if state.best_epoch}
        arrays = checkpoint.load({**self.model.state.specs(), **best})
        self.model.state.write(arrays)
        self.progress.restore(
            state, {name.removeprefix(_BEST): arrays[name] for name in best}
        )
        self.saved = (state.epoch, state.step)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        state = self._restored
        if state is not None and state.metrics and epoch == state.epoch:
            # Here, because Keras has just set them to nothing.
            self.model.state.write_metrics(state.metrics)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.due():
            self.writer.write_now(self.save_now)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        arrays, self.progress.state = self.progress.state, {}
        self.writer.put(self._prepare(epoch + 1, 0, arrays))

    def due(self) -> bool:
        """Whether the last checkpoint, or attempt at one, is long enough ago."""
        minutes = (time.perf_counter() - self._last_try) / 60
        return minutes >= self.config.training.checkpoint_minutes

    def save_now(self) -> None:
        """Write a checkpoint of this moment, in the middle of an epoch."""
        self.save(self.progress.epoch, self.progress.steps_done)

    def save(self, epoch: int, step: int = 0) -> None:
        """Write a checkpoint, unless the newest one is of this very moment.

        Waits until those of before are written.

        Args:
            epoch: Finished epochs.
            step: Steps of the next one that are done.

        Raises:
            DivergedError: A number is not finite.
            RunError: It cannot be written; those of before are unharmed.
        """
        self.writer.wait()
        if self.saved != (epoch, step):
            self._prepare(epoch, step)()

    def describe_saved(self) -> str:
        """What the newest checkpoint is of, as a sentence; empty without one."""
        if self.saved is None:
            return ""
        epoch, step = self.saved
        where = (
            f"epoch {epoch + 1}, step {step}" if step else f"the end of epoch {epoch}"
        )
        return f"The last checkpoint is of {where}."

    def _prepare(
        self, epoch: int, step: int, arrays: Arrays | None = None
    ) -> partial[None]:
        """What writes a checkpoint of this moment, whenever it is called.

        Args:
            epoch: Finished epochs.
            step: Steps of the next one that are done.
            arrays: All numbers of the model, where they are known.

        Raises:
            DivergedError: A number is not finite.
        """
        progress, variables = self.progress, self.model.state
        arrays = arrays or variables.read()
        if first_non_finite(arrays) is not None:
            raise DivergedError(f"{progress.place('after')} {NOT_FINITE}")
        best = {f"{_BEST}{name}": a for name, a in progress.best_weights.items()}
        in_steps = step and progress.logs is None
        state = CheckpointState(
            config=self._plain_config,
            data_checksum=self.data_checksum,
            epoch=epoch,
            step=step,
            metrics=variables.read_metrics() if in_steps else (),
            **_describe(progress, step),
        )
        # Also of an attempt that fails: on a full disk the next step would try again.
        self._last_try = time.perf_counter()
        return partial(self._write, state, {**arrays, **best})

    def _write(self, state: CheckpointState, arrays: Arrays) -> None:
        save_checkpoint(self.run.path, state, arrays)
        self.saved = (state.epoch, state.step)


def _describe(progress: Progress, step: int) -> dict[str, Any]:
    """The figures of a checkpoint, after so many steps of an epoch."""
    logs = progress.logs if step else None
    return {
        "smoke": progress.plan.smoke,
        "records": tuple(progress.records),
        "best_epoch": progress.best.epoch if progress.best else None,
        "logs": logs and {name: float(logs[name]) for name in ("loss", "accuracy")},
        "epoch_seconds": progress.epoch_seconds if step else 0.0,
        "training_seconds": progress.training_seconds,
    }
