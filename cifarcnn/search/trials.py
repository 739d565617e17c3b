"""The trials of a study as people count them, and none lost or counted twice.

For Optuna a trial whose process ended has failed, and goes on as another one that
waits and names it (``retry_history``). Here all of these are one trial, which has the
number of the first, and its run in the folder of that number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

# Attributes of a trial in the storage.
OUTCOME = "outcome"  # how it ended, where Optuna says no more than that it failed
SENTENCE = "sentence"
WORKER = "worker"  # who trains it
HOME = "home"  # which folder of the study has its run, wherever it is moved
FOLDER = "folder"  # where that was
PLACE = "place"  # above 1 where another run has the folder of its number
HOST = "host"
STOPPED = "pruned"  # the pruner's decision, while the run is brought to its end
CUTS = "cuts"  # epochs that were done each time that its process was killed
VALUES = "values"  # the settings as people read them
NOTES = "notes"

# Not trained, so that they take none of the trials that were asked for.
NotTrained: TypeAlias = Literal["impossible", "repeated", "surplus"]
NOT_TRAINED: tuple[NotTrained, ...] = ("impossible", "repeated", "surplus")
State: TypeAlias = Literal[
    "waiting", "training", "finished", "pruned", "diverged", "failed", "cut"
]
# By Optuna's names of them.
_STATES: dict[str, State] = {
    "WAITING": "waiting",
    "RUNNING": "training",
    "COMPLETE": "finished",
    "PRUNED": "pruned",
}
# Its process was killed so often without an epoch between: it will be again.
MOST_CUTS = 3


@dataclass(frozen=True)
class SearchTrial:
    """A trial with all that it was begun, stopped and gone on with.

    Attributes:
        number: Of the first.
        attempts: In order; the last is what it came to.
    """

    number: int
    attempts: tuple[FrozenTrial, ...]

    @property
    def newest(self) -> FrozenTrial:
        """What it came to."""
        return self.attempts[-1]

    @property
    def state(self) -> State | NotTrained:
        """How far it is; ``cut``: its process ended, and nobody has noted it yet."""
        if self.newest.state.name == "FAIL":
            outcome: Any = self.newest.user_attrs.get(OUTCOME, "cut")
            return outcome  # type: ignore[no-any-return]
        return _STATES[self.newest.state.name]

    @property
    def counts(self) -> bool:
        """Whether it takes one of the trials that were asked for."""
        return self.state not in NOT_TRAINED

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do for it."""
        return self.state not in ("waiting", "training", "cut")

    @property
    def value(self) -> float | None:
        """The validation accuracy it came to, 0 to 1, or the newest one so far."""
        trial = self.newest
        values: dict[int, float] = trial.intermediate_values
        newest = values[max(values)] if values else None
        return trial.value if trial.state.name == "COMPLETE" else newest

    @property
    def epochs(self) -> int:
        """That are done."""
        return newest_epoch(self.newest)

    @property
    def place(self) -> int:
        """As :meth:`StudyFolder.run_path` takes it."""
        return int(self.newest.user_attrs.get(PLACE, 1))

    @property
    def sentence(self) -> str:
        """Why it failed, or was not trained."""
        return str(self.newest.user_attrs.get(SENTENCE, ""))


def retries(trial: FrozenTrial) -> list[int]:
    """The numbers of what was begun before and cut, the first one first."""
    history: list[int] = trial.system_attrs.get("retry_history", [])
    return history


def newest_epoch(trial: FrozenTrial) -> int:
    """How many epochs were reported."""
    return max(trial.intermediate_values, default=0)


def first_number(trial: FrozenTrial) -> int:
    """The number that people know a trial by."""
    history = retries(trial)
    return history[0] if history else trial.number


def list_trials(study: optuna.Study) -> list[SearchTrial]:
    """All trials of a study, by number."""
    return gather(study.get_trials(deepcopy=False))


def gather(found: Sequence[FrozenTrial]) -> list[SearchTrial]:
    """Trials of the storage as people count them.

    Of two that continue the same one the first is it, and the other is surplus.
    """
    by_number: dict[int, dict[int, FrozenTrial]] = defaultdict(dict)
    for trial in sorted(found, key=lambda trial: trial.number):
        by_number[first_number(trial)].setdefault(len(retries(trial)), trial)
    return [
        SearchTrial(number, tuple(attempts[place] for place in sorted(attempts)))
        for number, attempts in sorted(by_number.items())
    ]


def count(trials: Sequence[SearchTrial]) -> int:
    """How many take one of those that were asked for."""
    return sum(trial.counts for trial in trials)


def best_trials(trials: Sequence[SearchTrial], most: int) -> list[SearchTrial]:
    """The finished ones, the best first; of equal ones the one of before."""
    finished = [trial for trial in trials if trial.state == "finished"]
    return sorted(finished, key=lambda trial: -(trial.value or 0.0))[:most]
