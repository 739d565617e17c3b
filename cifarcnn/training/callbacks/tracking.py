"""Other programs hear of each epoch: ``training.tracking``."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

import keras

from cifarcnn.config import Config
from cifarcnn.config.tracking import Tracker as TrackerName
from cifarcnn.errors import RunError, Stopped
from cifarcnn.runs import Run
from cifarcnn.runs.seeds_folder import is_seeds_folder
from cifarcnn.runs.tracking_file import TrackingFile
from cifarcnn.training.callbacks.background_writer import BackgroundWriter
from cifarcnn.training.callbacks.progress import Progress
from cifarcnn.training.observer import Observer
from cifarcnn.training.resume import to_plain
from cifarcnn.training.trackers.background import BackgroundTracker
from cifarcnn.training.trackers.mlflow import MlflowTracker
from cifarcnn.training.trackers.tensorboard import TensorBoardTracker
from cifarcnn.training.trackers.tracker import Ending, TrackedRun, Tracker
from cifarcnn.training.trackers.wandb import WandbTracker

TRACKERS: Mapping[TrackerName, type[Tracker]] = {
    "tensorboard": TensorBoardTracker,
    "mlflow": MlflowTracker,
    "wandb": WandbTracker,
}


class Tracking(keras.callbacks.Callback):  # type: ignore[misc]
    """Has the trackers of a config told of each epoch once its files are written.

    To be used in a ``with`` around all of a training, the page about it included, whose
    end tells them how it ended.
    """

    def __init__(self, config: Config, run: Run, observer: Observer) -> None:
        super().__init__()
        self.config = config
        self.run = run
        self.observer = observer
        self._trackers: list[BackgroundTracker] | None = None
        self._notes: deque[str] = deque()
        self._progress: Progress | None = None

    def follow(self, progress: Progress, writer: BackgroundWriter) -> Self:
        """Take note of whose epochs they are, and of who says when to tell of them."""
        self._progress, self._writer = progress, writer
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ending: Ending = "finished" if error is None else "failed"
        if isinstance(error, Stopped | KeyboardInterrupt):
            ending = "stopped"
        if self._trackers is None and error is None:
            # A crash came behind the last epoch, and none was left to train.
            self._trackers = self._begin()
        for tracker in self._trackers or ():
            tracker.close(self._records(), ending)
        self._report()

    def on_train_begin(self, logs: Any = None) -> None:
        if self._trackers is None:
            self._trackers = self._begin()
            # A kill may have come before they heard of the newest epochs.
            self._tell(self._records())

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._report()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # Behind the checkpoint, so that they are not ahead of what can go on.
        self._writer.put(partial(self._tell, self._records()))

    def _begin(self) -> list[BackgroundTracker]:
        names = self.config.training.tracking
        if not names or self._progress is None:
            return []
        try:
            file = TrackingFile(self.run.path)
        except RunError as error:
            self._notes.append(f"{error} The training goes on, and is not tracked.")
            return []
        tracked = _describe(self.run, file.id, self.config, self._progress.plan.smoke)
        return [
            BackgroundTracker(name, TRACKERS[name](tracked), file, self._notes.append)
            for name in names
        ]

    def _tell(self, records: tuple[Any, ...]) -> None:
        for tracker in self._trackers or ():
            tracker.log(records)

    def _records(self) -> tuple[Any, ...]:
        return tuple(self._progress.records) if self._progress else ()

    def _report(self) -> None:
        while self._notes:
            self.observer.noted(self._notes.popleft())


def _describe(run: Run, name: str, config: Config, smoke: bool) -> TrackedRun:
    folder = run.path.resolve()
    group = folder.parent.name if is_seeds_folder(folder.parent) else None
    return TrackedRun(
        path=run.path,
        id=name,
        name=f"{group}/{folder.name}" if group else folder.name,
        group=group,
        experiment=config.name,
        config=to_plain(config),
        smoke=smoke,
    )
