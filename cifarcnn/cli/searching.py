"""A search while it goes on: a live table, or a line for each trial that is over."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from cifarcnn.cli import console
from cifarcnn.cli.trial_text import (
    describe_best,
    describe_trial,
    name_settings,
    trial_row,
)
from cifarcnn.config.search_space import SearchSpace
from cifarcnn.search.folder import StudyFolder
from cifarcnn.search.observer import SearchObserver
from cifarcnn.search.trials import SearchTrial, list_trials
from cifarcnn.signals import ending_signals_handled
from cifarcnn.training.stop_request import StopRequest

if TYPE_CHECKING:
    import optuna
    from rich.live import Live
    from rich.table import Table

# Of a table that is drawn over and over; the others are in the summary.
_ROWS = 12


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        folder: Of it.
        space: What varied.
        study: In the database.
        trials: All of the study.
        limit: How many were asked for.
        over: Whether nothing is left to do.
        request: What ends it: signals that came, and the time.
    """

    folder: StudyFolder
    space: SearchSpace
    study: optuna.Study
    trials: Sequence[SearchTrial]
    limit: int
    over: bool
    request: StopRequest


def search(
    folder: StudyFolder,
    space: SearchSpace,
    storage: str | None,
    trials: int | None,
    jobs: int,
    max_minutes: float | None,
    given: Mapping[str, Any],
) -> Found:
    """Search, and show how far it is.

    Args:
        folder: Of the study.
        space: What varies.
        storage: URL of the database; ``None``: a file in the folder.
        trials: How many in all; ``None``: as many as are usual.
        jobs: How many at once.
        max_minutes: When it ends; ``None``: when it is done.
        given: Further arguments of ``api.train``.

    Raises:
        CifarcnnError: No trial can be trained here, or the database does not answer.
    """
    # Optuna, which takes a while to load.
    from cifarcnn.search.search import search as run_search
    from cifarcnn.search.study import is_over, read_limit

    request = StopRequest(max_minutes, "--max-minutes")
    with folder.lock(), ending_signals_handled(request.signals.append):
        console.print_message(f"search: {folder.path}")
        with open_display(space) as display:
            study = run_search(folder, storage, trials, jobs, request, given, display)
    limit, over = read_limit(study), is_over(study, folder, space)
    found = list_trials(study)
    return Found(folder, space, study, found, limit, over, request)


class SearchLines(SearchObserver):
    """A line for each trial that begins, goes on, or ends."""

    def __init__(self, space: SearchSpace) -> None:
        self.names = name_settings(space)
        self.limit = 0
        self._known: dict[int, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def show(self, text: str) -> None:
        """One line for the user."""
        console.print_message(text)

    def looked(self, trials: Sequence[SearchTrial], limit: int) -> None:
        self.limit = limit
        states = {trial.number: trial.state for trial in trials}
        if self._known is None and any(trial.ended for trial in trials):
            ended = sum(trial.ended and trial.counts for trial in trials)
            self.show(f"goes on: {ended} of {limit} trials are done")
        before = states if self._known is None else self._known
        self._known = {**states}
        for trial in trials:
            if trial.ended and before.get(trial.number) != trial.state:
                self.show(describe_trial(trial, trials, self.names))

    def stopping(self) -> None:
        self.show("stopping: what is trained is saved first, which takes some seconds")

    def worker_ended(self, why: str, number: int | None) -> None:
        if number is None:
            self.show(f"note: {why}; another one begins")
        else:
            self.show(f"note: trial {number}: {why}; it goes on from where it is saved")


class SearchTable(SearchLines):
    """The newest trials as a table that changes, below the lines."""

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        from rich.live import Live

        # Drawn when something changed, not by a thread beside the signals.
        self._live = Live(
            console=console.stderr_console(), transient=True, auto_refresh=False
        )
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self._live_now().stop()

    def show(self, text: str) -> None:
        self._live_now().console.print(console.printable_lines(text))

    def looked(self, trials: Sequence[SearchTrial], limit: int) -> None:
        super().looked(trials, limit)
        self._live_now().update(self._draw(trials), refresh=True)

    def _live_now(self) -> Live:
        if self._live is None:
            raise RuntimeError("the table is not open")
        return self._live

    def _draw(self, trials: Sequence[SearchTrial]) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        ended = sum(trial.ended and trial.counts for trial in trials)
        caption = f"{ended} of {self.limit} trials are done"
        if best := describe_best(trials, self.names):
            caption += f"; best: {best}"
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=Text(caption))
        for heading in (
            "trial",
            *self.names.keys.values(),
            "epoch",
            "accuracy",
            "state",
        ):
            table.add_column(heading, no_wrap=True)
        shown = [trial for trial in trials if trial.state != "surplus"]
        active = [trial for trial in shown if not trial.ended]
        others = [trial for trial in shown if trial.ended]
        room = max(0, _ROWS - len(active))
        for trial in [*others[len(others) - room :], *active]:
            table.add_row(*map(Text, trial_row(trial, self.names)))
        return table


def open_display(space: SearchSpace) -> SearchLines:
    """The display that suits standard error: live on a terminal, else lines."""
    return (SearchTable if console.stderr_is_live() else SearchLines)(space)
