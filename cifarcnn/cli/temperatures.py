"""The temperatures that ``evaluate --temperature`` fits before it judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.activity import activity
from cifarcnn.errors import DataError, UsageError
from cifarcnn.literals import Views
from cifarcnn.runs.folder import TEMPERATURE
from cifarcnn.runs.shipped_runs import require_own

if TYPE_CHECKING:
    from cifarcnn.loaded_run import LoadedRun
    from cifarcnn.runs.temperature_file import TemperatureRecord
    from cifarcnn.trained_run import SplitChoice, TrainedRun


def require_fittable(run: TrainedRun, views: Views | None) -> None:
    """See that a run may get one, as far as that is known before its answers.

    Args:
        run: The run.
        views: Test-time augmentation that was asked for.

    Raises:
        ConfigError: Its config is not valid.
        DataError: Its data set is not here.
        UsageError: It is the shipped one, has no validation images, or answers with
            other views.
    """
    require_own(run.path)
    if views not in (None, run.views):
        raise UsageError(
            f"A temperature is fitted to the answers of predict, and {run.path} has "
            f"the test-time augmentation {run.views} there, not {views}. Leave --tta "
            "out."
        )
    run.split_for_temperature()


def fit_temperatures(
    runs: Sequence[LoadedRun],
    split: SplitChoice,
    unfitted: list[str],
    shown: bool = True,
) -> list[TemperatureRecord | None]:
    """Fit one for each run, which answers with it from now on.

    Args:
        runs: Those that are judged.
        split: What they are judged on.
        unfitted: Where none fits, the reason is added.
        shown: Whether it is shown on a terminal.

    Returns:
        Of each run; None where none fits.

    Raises:
        RunError: There is not enough memory, or the file cannot be written.
    """
    fitted: list[TemperatureRecord | None] = []
    for run in runs:
        try:
            with activity(f"fitting a temperature for {run.path}", shown=shown):
                record = run.fit_temperature()
            fitted.append(record)
            console.print_message(f"written: {run.path / TEMPERATURE}")
        except DataError as error:
            fitted.append(None)
            unfitted.append(
                f"{run.path} gets no temperature and is judged without one. {error}"
            )
    if split == "validation" and any(fitted):
        console.print_message(
            "note: the temperature was fitted on the pictures that are judged here. "
            "How well it does shows on the test split."
        )
    return fitted
