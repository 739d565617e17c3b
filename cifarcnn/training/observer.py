"""What training tells while it runs, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.data.decoding.observer import DecodingObserver
from cifarcnn.runs.history import EpochRecord

if TYPE_CHECKING:
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.engine import Device
    from cifarcnn.padded_batches import Array
    from cifarcnn.runs import Run
    from cifarcnn.training.diagnosis import Finding
    from cifarcnn.training.estimate import Estimate

__all__ = ["EpochRecord", "Observer", "Outcome", "Plan"]


@dataclass(frozen=True)
class Plan:
    """What is about to be done.

    Attributes:
        epochs: How often every training image is to be seen.
        steps_per_epoch: Batches in an epoch, the partial last one included.
        batch_size: Images in one step.
        training_images: Images learnt from.
        validation_images: Images judged after each epoch; 0 for none.
        parameters: Numbers in the network, trained or not.
        class_count: Number of classes.
        smoke: Whether this is only a trial on few images.
        epochs_done: Epochs that were finished before.
        steps_done: Steps of the next epoch that were done before.
    """

    epochs: int
    steps_per_epoch: int
    batch_size: int
    training_images: int
    validation_images: int
    parameters: int
    class_count: int
    smoke: bool = False
    epochs_done: int = 0
    steps_done: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a finished training came to.

    Attributes:
        run: The folder of the run.
        records: One for each epoch, in order.
        best: The record of the best epoch; the last one without validation.
        weights: ``best`` or ``last``: which ones ``weights.safetensors`` holds.
        stopped_early: Whether early stopping ended the training.
        duration_seconds: Of all epochs together.
        diagnosis: What the figures suggest, as text each; often nothing.
        validation_probabilities: float32 ``(n, classes)``, of the weights that were
            kept; ``None`` without validation images.
    """

    run: Path
    records: tuple[EpochRecord, ...]
    best: EpochRecord
    weights: str
    stopped_early: bool
    duration_seconds: float
    diagnosis: tuple[Finding, ...]
    validation_probabilities: Array | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def last(self) -> EpochRecord:
        """The record of the last epoch."""
        return self.records[-1]

    @property
    def kept(self) -> EpochRecord:
        """The record of the epoch whose weights ``evaluate`` and ``predict`` use."""
        return self.best if self.weights == "best" else self.last


class Observer(DecodingObserver):
    """Hears of each event and does nothing; subclass it to show or to record.

    The methods are called in this order, in the thread that trains; before them
    ``images_decoded``, where many images have to be.
    """

    def device_started(self, device: Device) -> None:
        """Keras runs on ``device``."""

    def data_opened(self, dataset: Dataset) -> None:
        """The data set was found and read."""

    def run_created(self, run: Run) -> None:
        """The folder of the run exists: a new one, or that of a run that goes on."""

    def training_started(self, plan: Plan) -> None:
        """The network is built; the first step comes next."""

    def features_computed(
        self, done: int, count: int, pictures_per_second: float
    ) -> None:
        """Features of frozen layers are computed, before the training starts.

        Args:
            done: Pictures that are done, each mirrored one by itself.
            count: How many there are.
            pictures_per_second: So far.
        """

    def compilation_started(self) -> None:
        """XLA compiles the training now, or reads what it compiled before."""

    def compilation_ended(self, seconds: float) -> None:
        """The training is compiled.

        Args:
            seconds: How long that took.
        """

    def batch_ended(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        """A step is done; of small networks, a few that ran in one go.

        Args:
            epoch: The current epoch, counted from 1.
            step: Steps of this epoch that are done, counted from 1.
            logs: ``loss`` and ``accuracy``, as means over the epoch so far.
        """

    def estimated(self, estimate: Estimate) -> None:
        """A few steps of a fit are done, and tell how long it takes."""

    def epoch_ended(self, record: EpochRecord) -> None:
        """An epoch is done, validated and saved: some steps of the next may be too."""

    def report_written(self, path: Path) -> None:
        """The page about the training is there."""

    def noted(self, sentence: str) -> None:
        """Something is not as usual, and the log should say so."""

    def training_ended(self, outcome: Outcome) -> None:
        """All files of the run are written."""
