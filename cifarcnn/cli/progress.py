"""What the user sees of a training: a live display, or one line per epoch."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cifarcnn.cli import console
from cifarcnn.cli.decoding_display import DecodingDisplay
from cifarcnn.cli.durations import describe_seconds
from cifarcnn.cli.estimate_text import describe_estimate
from cifarcnn.cli.progress_bars import CompilationClock, make_bars
from cifarcnn.training.observer import EpochRecord, Observer, Outcome, Plan

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cifarcnn.data.dataset import Dataset
    from cifarcnn.engine import Device
    from cifarcnn.runs import Run
    from cifarcnn.training.estimate import Estimate

# A terminal shows no more than this, and drawing takes time from the training.
_SECONDS_BETWEEN_UPDATES = 0.1
# Of a compilation: before a line says that it goes on, and how long it took.
_SECONDS_BEFORE_LINE = 5.0
_SECONDS_WORTH_SAYING = 2.0
# While features are computed.
_SECONDS_BETWEEN_LINES = 10.0


class LineDisplay(Observer):
    """Plain lines: what is used, one line per epoch, and what to do next.

    Attributes:
        seeds_left: How many trainings of the same config there are, this one included.
    """

    def __init__(
        self, log: Callable[[str], object], log_moved: Callable[[Path], object]
    ) -> None:
        """Prepare the display.

        Args:
            log: Takes each line for the log of the run as well.
            log_moved: Is called with the path of the log once the run has a folder.
        """
        self.log = log
        self.log_moved = log_moved
        self.plan: Plan | None = None
        self.seeds_left = 1
        self._announcement: threading.Timer | None = None
        self._last_line = time.monotonic()
        self._decoding = DecodingDisplay(self.write)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._decoding.close()
        self._end_announcement()

    def write(self, text: str) -> None:
        """One line for the user and for the log."""
        self._last_line = time.monotonic()
        self.log(console.printable_lines(text))
        self.show(text)

    def show(self, text: str) -> None:
        """One line for the user."""
        console.print_message(text)

    def images_decoded(self, done: int, total: int, seconds: float) -> None:
        self._decoding.images_decoded(done, total, seconds)

    def device_started(self, device: Device) -> None:
        self.write(f"device: {device.description}")
        if device.note:
            self.write(f"note: {device.note}")

    def data_opened(self, dataset: Dataset) -> None:
        self.write(f"data: {dataset.name}, {dataset.origin}")
        if dataset.notice:
            self.write(f"note: these are {dataset.notice}")

    def run_created(self, run: Run) -> None:
        self.log_moved(run.log_path)
        self.write(f"run: {run.path}")

    def training_started(self, plan: Plan) -> None:
        self.plan = plan
        self.write(
            f"network: {plan.parameters:,} parameters, {plan.class_count} classes; "
            f"{plan.training_images:,} pictures to learn from, "
            f"{plan.validation_images:,} for validation"
        )
        if plan.epochs_done or plan.steps_done:
            self.write(f"resumed: {describe_done(plan)}")
        if plan.smoke:
            self.write(
                "note: a trial on few pictures (--smoke); its figures say little"
            )

    def features_computed(
        self, done: int, count: int, pictures_per_second: float
    ) -> None:
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_BETWEEN_LINES or done == count:
            speed = f"{pictures_per_second:,.0f} pictures/s"
            self.write(f"computing features: {done:,} of {count:,}, {speed}")

    def compilation_started(self) -> None:
        # The thread that trains is inside of XLA by then.
        self._announcement = threading.Timer(
            _SECONDS_BEFORE_LINE, self.write, ["compiling the training ..."]
        )
        self._announcement.daemon = True
        self._announcement.start()

    def compilation_ended(self, seconds: float) -> None:
        self._end_announcement()
        if seconds >= _SECONDS_WORTH_SAYING:
            self.write(f"compiled in {describe_seconds(seconds)}")

    def _end_announcement(self) -> None:
        if self._announcement is not None:
            self._announcement.cancel()
            self._announcement.join()
            self._announcement = None

    def estimated(self, estimate: Estimate) -> None:
        self.write(f"estimate: {describe_estimate(estimate, self.seeds_left)}")

    def epoch_ended(self, record: EpochRecord) -> None:
        self.write(describe_epoch(record, self.plan))

    def report_written(self, path: Path) -> None:
        self.write(f"report: {path}")

    def noted(self, sentence: str) -> None:
        self.write(f"note: {sentence}")

    def training_ended(self, outcome: Outcome) -> None:
        for line in describe_outcome(outcome):
            self.write(line)


class LiveDisplay(LineDisplay):
    """The same lines above two bars: of the epoch, and of the whole training."""

    def __init__(
        self, log: Callable[[str], object], log_moved: Callable[[Path], object]
    ) -> None:
        super().__init__(log, log_moved)
        self._progress: Progress = make_bars()
        self._epoch_bar: TaskID | None = None
        self._whole_bar: TaskID | None = None
        self._epoch = 0
        # Of the first look at an epoch: when it was, and how many steps were done.
        self._first_look = (0.0, 0)
        self._last_update = 0.0

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self._progress.stop()

    def show(self, text: str) -> None:
        self._progress.console.print(console.printable_lines(text))

    def training_started(self, plan: Plan) -> None:
        super().training_started(plan)
        steps = plan.steps_per_epoch
        self._epoch_bar = self._progress.add_task(
            f"epoch {plan.epochs_done + 1}/{plan.epochs}", total=steps, figures=""
        )
        self._whole_bar = self._progress.add_task(
            "whole training",
            total=plan.epochs * steps,
            completed=plan.epochs_done * steps + plan.steps_done,
            figures="",
        )
        self._progress.start()

    def compilation_started(self) -> None:
        if self._epoch_bar is not None:
            self._progress.update(self._epoch_bar, figures=CompilationClock())

    def compilation_ended(self, seconds: float) -> None:
        if self._epoch_bar is not None:
            self._progress.update(self._epoch_bar, figures="")
        super().compilation_ended(seconds)

    def batch_ended(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        if self.plan is None or self._epoch_bar is None or self._whole_bar is None:
            return
        now = time.monotonic()
        if epoch != self._epoch:
            self._epoch, self._first_look = epoch, (now, step)
            self._progress.reset(
                self._epoch_bar, description=f"epoch {epoch}/{self.plan.epochs}"
            )
        done = step == self.plan.steps_per_epoch
        if now - self._last_update < _SECONDS_BETWEEN_UPDATES and not done:
            return
        self._last_update = now
        # The clock starts when the first steps are done, which build the graph.
        start, before = self._first_look
        speed = (step - before) * self.plan.batch_size / max(now - start, 1e-9)
        figures = f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.2%}"
        self._progress.update(self._epoch_bar, completed=step, figures=figures)
        whole = (epoch - 1) * self.plan.steps_per_epoch + step
        figures = f"{speed:,.0f} pictures/s" if step > before else ""
        self._progress.update(self._whole_bar, completed=whole, figures=figures)

    def training_ended(self, outcome: Outcome) -> None:
        self._progress.stop()
        super().training_ended(outcome)


def open_display(
    log: Callable[[str], object], log_moved: Callable[[Path], object]
) -> LineDisplay:
    """The display that suits standard error: live on a terminal, else lines."""
    return (LiveDisplay if console.stderr_is_live() else LineDisplay)(log, log_moved)


def describe_done(plan: Plan) -> str:
    """What of a training was done before it went on."""
    epochs = f"{plan.epochs_done} of {plan.epochs} epochs"
    if not plan.steps_done:
        return f"{epochs} are done"
    steps = f"{plan.steps_done} of {plan.steps_per_epoch} steps"
    return f"{epochs} and {steps} of the next one are done"


def describe_epoch(record: EpochRecord, plan: Plan | None) -> str:
    """The line of a finished epoch."""
    number = f"{record.epoch}/{plan.epochs}" if plan else str(record.epoch)
    parts = [f"loss {record.loss:.4f}", f"accuracy {record.accuracy:.2%}"]
    if record.val_loss is not None and record.val_accuracy is not None:
        parts.append(f"validation loss {record.val_loss:.4f}")
        parts.append(f"validation accuracy {record.val_accuracy:.2%}")
    parts.append(f"{record.pictures_per_second:,.0f} pictures/s")
    parts.append(describe_seconds(record.duration_seconds))
    return f"epoch {number}: {', '.join(parts)}"


def describe_outcome(outcome: Outcome) -> list[str]:
    """The lines at the end: the figures, what they suggest, and what to type next."""
    kept = outcome.kept
    count = len(outcome.records)
    epochs = "1 epoch" if count == 1 else f"{count} epochs"
    early = ", stopped early" if outcome.stopped_early else ""
    which = f"epoch {kept.epoch}, the {outcome.weights} of {count}"
    if kept.val_accuracy is None or kept.val_loss is None:
        figures = (
            f"training accuracy {kept.accuracy:.2%}, loss {kept.loss:.4f} ({which}); "
            "no pictures were kept for validation"
        )
    else:
        figures = (
            f"validation accuracy {kept.val_accuracy:.2%}, loss {kept.val_loss:.4f} "
            f"({which})"
        )
    run = shlex.quote(str(outcome.run))
    return [
        f"trained: {epochs} in {describe_seconds(outcome.duration_seconds)}{early}",
        figures,
        *(f"note: {sentence}" for sentence in outcome.diagnosis),
        "next:",
        f"  cifarcnn evaluate --run {run}",
        f"  cifarcnn predict photo.png --run {run}",
    ]
