"""One trial: from the settings that Optuna chooses to the accuracy they come to."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import OptunaError, TrialPruned, UpdateFinishedTrialError
from sqlalchemy.exc import SQLAlchemyError

from cifarcnn import api
from cifarcnn.config import Config
from cifarcnn.config.search_space import SearchSpace
from cifarcnn.errors import (
    CifarcnnError,
    ConfigError,
    DataError,
    DeviceError,
    DivergedError,
    UsageError,
    first_line,
)
from cifarcnn.runs import Run
from cifarcnn.runs.file_lock import is_locked
from cifarcnn.runs.removal import remove_run
from cifarcnn.runs.seeds_folder import read_val_accuracy
from cifarcnn.search import trials
from cifarcnn.search.folder import StudyFolder
from cifarcnn.search.retries import ended_too_often
from cifarcnn.search.samplers import make_sampler, suggest
from cifarcnn.search.study import DATA, read_limit
from cifarcnn.search.trial_runs import find_run
from cifarcnn.training.observer import EpochRecord, Observer
from cifarcnn.training.stop_request import StopRequest

_LOOK_SECONDS = 1.0


class TrialFailed(Exception):
    """A trial came to nothing; what is said of it lies in its attributes."""


class TakenAway(Exception):
    """Another process trains the trial now, since this one was not heard of."""


@dataclass
class Objective:
    """Trains a trial, or goes on with it.

    Attributes:
        folder: Of the study on this machine.
        study: In the database.
        space: What varies.
        worker: Who trains.
        given: Further arguments of ``api.train``: device, backend and fetch.
        request: What ends the training.
        own_process: Whether all that the process says belongs to the trial in work.
        trial: The one in work.
        failures: The sentences of those that failed one after the other, diverged ones
            left out.
    """

    folder: StudyFolder
    study: optuna.Study
    space: SearchSpace
    worker: str
    given: Mapping[str, Any]
    request: StopRequest
    own_process: bool = False
    trial: optuna.Trial | None = None
    failures: list[str] = field(default_factory=list)

    def __call__(self, trial: optuna.Trial) -> float:
        """The validation accuracy of the weights that were kept, 0 to 1.

        Raises:
            TrialFailed: There is none, or nothing is to be trained.
            TrialPruned: The pruner ended it.
            CifarcnnError: No trial can be trained here.
            Stopped: A signal came, or the time is up; what was trained is saved.
        """
        self.trial = trial
        number = trials.first_number(self._read())
        home = self.folder.settings.home
        before = dict(trial.user_attrs)
        for name, value in (
            (trials.WORKER, f"{home}/{self.worker}"),
            (trials.HOST, socket.gethostname()),
        ):
            trial.set_user_attr(name, value)
        # Of its number, so that equal draws do not depend on who draws, nor on when.
        seed = self.space.base.training.seed + trial.number
        self.study.sampler = make_sampler(
            self.folder.settings.sampler, self.space, seed
        )
        values = suggest(trial, self.space)
        self._refuse_untrained(number)
        try:
            config = self.space.apply(values)
        except ConfigError as error:
            problems = (f"{each.path}: {each.message}" for each in error.problems)
            raise self._end("impossible", "; ".join(problems)) from None
        path, attributes, notes = find_run(self.folder, number, config, before)
        if notes:
            attributes[trials.NOTES] = [*before.get(trials.NOTES, []), *notes]
        for name in attributes:
            trial.set_user_attr(name, attributes[name])
        self._train(config, path)
        return self._judge(Run(path))

    def _refuse_untrained(self, number: int) -> None:
        """See that the trial is one more, with settings of its own."""
        own = self._read()
        if reason := ended_too_often(own):
            raise self._end("failed", reason)
        found = trials.list_trials(self.study)
        mine = next(each for each in found if each.number == number)
        if mine.newest.number != own.number:
            raise self._end("surplus", f"trial {number} goes on elsewhere")
        earlier = [each for each in found if each.number < number and each.counts]
        for each in earlier:
            if each.newest.params == own.params:
                raise self._end("repeated", f"as trial {each.number}")
        if len(earlier) >= read_limit(self.study):
            raise self._end("surplus", "as many as were asked for are begun")

    def _train(self, config: Config, path: Path) -> None:
        assured = self.trial
        if assured is None:
            raise RuntimeError("no trial is in work")
        while is_locked(path):
            # Of a process that was taken for gone, and ends when it hears of that.
            time.sleep(_LOOK_SECONDS)
        run = Run(path)
        from cifarcnn.search.pruning import ReportToStudy

        told = ReportToStudy(assured)
        displays = {
            "observer": _RunLog(self._check_data, self.own_process),
            "callbacks": [told],
            "request": self.request,
            **self.given,
        }
        try:
            if run.can_go_on:
                told.report_history(run)
                api.continue_training(run, run.config, **displays)
            else:
                if path.exists():
                    remove_run(path)
                api.train(config, path, **displays)
            # A kill may have left a checkpoint ahead of the history.
            told.report_history(run)
        except DivergedError as error:
            raise self._end("diverged", first_line(error)) from None
        except UpdateFinishedTrialError:
            raise TakenAway from None
        except (DataError, DeviceError, OptunaError, SQLAlchemyError):
            # As it would be with every other trial.
            raise
        except UsageError as error:
            raise self._end("impossible", first_line(error)) from None
        except CifarcnnError as error:
            raise self._failed(str(error)) from error
        except Exception as error:
            # Of Keras or its backend, over a network that nobody tried before.
            raise self._failed(
                f"{type(error).__name__}: {first_line(error)}"
            ) from error

    def _judge(self, run: Run) -> float:
        if self.trial is not None and trials.STOPPED in self._read().user_attrs:
            raise TrialPruned
        value = read_val_accuracy(run)
        if value is None or not math.isfinite(value):
            raise self._failed("there is no validation accuracy")
        self.failures.clear()
        return value

    def _failed(self, sentence: str) -> TrialFailed:
        """Note a failure; what hits one trial after the other is none of theirs."""
        self.failures.append(sentence)
        return self._end("failed", sentence)

    def _end(self, outcome: str, sentence: str) -> TrialFailed:
        if self.trial is not None:
            self.trial.set_user_attr(trials.SENTENCE, sentence)
            self.trial.set_user_attr(trials.OUTCOME, outcome)
        return TrialFailed(sentence)

    def _read(self) -> optuna.trial.FrozenTrial:
        if self.trial is None:
            raise RuntimeError("no trial is in work")
        return self.study._storage.get_trial(self.trial._trial_id)

    def _check_data(self, checksum: str) -> None:
        """See that all machines have the same images.

        Raises:
            DataError: They have not.
        """
        known = self.study.user_attrs.get(DATA)
        if known is None:
            self.study.set_user_attr(DATA, checksum)
        elif known != checksum:
            raise DataError(
                f"The data here has the checksum {checksum[:12]}, and the study was "
                f"begun with data of {str(known)[:12]}: results on both cannot be "
                "compared. Bring the same data to every machine."
            )


class _RunLog(Observer):
    """Leads what libraries say into the log of the run, and adds lines of its own."""

    def __init__(self, check_data: Callable[[str], None], own_process: bool) -> None:
        self._check_data = check_data
        self._own_process = own_process
        self._log: Path | None = None

    def data_opened(self, dataset: Any) -> None:
        self._check_data(dataset.checksum)

    def run_created(self, run: Run) -> None:
        self._log = run.log_path
        if self._own_process:
            sys.stderr.flush()
            with open(run.log_path, "ab", buffering=0) as file:
                os.dup2(file.fileno(), 2)

    def epoch_ended(self, record: EpochRecord) -> None:
        self._write(
            f"epoch {record.epoch}: loss {record.loss:.4f}, validation accuracy "
            f"{record.val_accuracy or 0.0:.2%}"
        )

    def noted(self, sentence: str) -> None:
        self._write(f"note: {sentence}")

    def _write(self, line: str) -> None:
        # No log is worth the work it tells of.
        with contextlib.suppress(OSError):
            if self._log is not None:
                with self._log.open("a", encoding="utf-8", errors="replace") as file:
                    file.write(f"{line}\n")
