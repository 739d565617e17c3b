"""A training, and the page about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras

from cifarcnn.config import Config
from cifarcnn.engine import Device
from cifarcnn.errors import DivergedError
from cifarcnn.runs import Run
from cifarcnn.training.callbacks.tracking import Tracking
from cifarcnn.training.observer import Observer, Outcome
from cifarcnn.training.resume import ResumePlan
from cifarcnn.training.stop_request import StopRequest
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import TrainingData


def train_and_report(
    config: Config,
    data: TrainingData,
    run: Run,
    device: Device,
    observer: Observer,
    callbacks: Sequence[keras.callbacks.Callback],
    resume: ResumePlan | None = None,
    request: StopRequest | None = None,
    trained: Callable[[], None] = lambda: None,
) -> None:
    """Train as ``trainer.train`` does, and write ``report.html``, also of a divergence.

    What keeps the page from being written is told, and costs nothing else.

    Raises:
        CifarcnnError: As ``trainer.train``.
        Stopped: Likewise; there is no page then.
    """

    def report(outcome: Outcome | None, problem: str | None = None) -> None:
        try:
            # Here, so that what it cannot load costs no training either.
            from cifarcnn.page.report_file import write_report

            path = write_report(run, config, data, outcome, problem)
        # The training is done, and is worth more than a page about it.
        except Exception as error:
            observer.noted(
                f"report.html is not written: {error or type(error).__name__} The run "
                "is complete without it."
            )
        else:
            observer.report_written(path)

    with Tracking(config, run, observer) as tracking:
        try:
            outcome = train(
                config,
                data,
                run,
                device,
                resume=resume,
                observer=observer,
                callbacks=callbacks,
                request=request,
                tracking=tracking,
                trained=trained,
            )
        except DivergedError as error:
            report(None, str(error))
            raise
        if outcome is not None:
            report(outcome)
