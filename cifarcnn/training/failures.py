"""What is said of a training that failed."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator

from cifarcnn.errors import DataError, DivergedError, RunError
from cifarcnn.runs import Run
from cifarcnn.training.callbacks.training_callbacks import TrainingCallbacks
from cifarcnn.training.run_files import note_divergence


@contextlib.contextmanager
def failures_explained(
    run: Run, ours: TrainingCallbacks, writes: bool
) -> Iterator[None]:
    """Say of a failure what is saved, and how to go on."""
    saved = ours.backup.describe_saved
    try:
        yield
    except DivergedError as error:
        explained = ours.terminate_on_nan.explain(error, ours.checkpoint, saved())
        if writes:
            note_divergence(run, str(explained))
        raise explained from error
    except (DataError, RunError) as error:
        if not run.path.is_dir():
            raise
        way_on = (
            f" {saved()} Once this is mended, go on with: cifarcnn train --resume "
            f"{shlex.quote(str(run.path))}"
        )
        raise type(error)(f"{error}{way_on if saved() else ''}") from error
