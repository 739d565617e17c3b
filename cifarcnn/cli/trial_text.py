"""A trial of a search in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cifarcnn.config.search_space import SearchSpace
from cifarcnn.search.trials import NOTES, SearchTrial, best_trials


def short_keys(space: SearchSpace) -> dict[str, str]:
    """The last part of each key, where no other ends like it."""
    keys = [parameter.key for parameter in space.parameters]
    last = {key: key.rpartition(".")[2] for key in keys}
    counts = Counter(last.values())
    return {key: name if counts[name] == 1 else key for key, name in last.items()}


def describe_value(value: object) -> str:
    """A number with four digits, or the text of a choice."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def describe_settings(trial: SearchTrial, keys: Mapping[str, str]) -> str:
    """As in ``learning_rate 0.01, batch_size 64``."""
    params = trial.newest.params
    return ", ".join(
        f"{name} {describe_value(params[key])}"
        for key, name in keys.items()
        if key in params
    )


def describe_best(trials: Sequence[SearchTrial], keys: Mapping[str, str]) -> str:
    """The best one so far; empty before the first."""
    best = best_trials(trials, 1)
    if not best:
        return ""
    found = best[0]
    settings = describe_settings(found, keys)
    return f"{found.value:.2%}, trial {found.number} ({settings})"


def describe_trial(
    trial: SearchTrial, trials: Sequence[SearchTrial], keys: Mapping[str, str]
) -> str:
    """The line of a trial that is over."""
    settings = describe_settings(trial, keys)
    head = f"trial {trial.number}"
    continued = len(trial.attempts) - 1
    notes = [str(note) for note in trial.newest.user_attrs.get(NOTES, [])]
    if continued:
        times = "once" if continued == 1 else f"{continued} times"
        notes.insert(0, f"cut {times} and gone on with")
    noted = f" [{'; '.join(notes)}]" if notes else ""
    if trial.state == "finished":
        best = best_trials(trials, 1)
        which = "the best so far"
        if best and best[0].number != trial.number:
            which = f"best so far {best[0].value:.2%}, trial {best[0].number}"
        return f"{head}: {trial.value:.2%} ({settings}); {which}{noted}"
    if trial.state == "pruned":
        epochs = "1 epoch" if trial.epochs == 1 else f"{trial.epochs} epochs"
        return (
            f"{head}: ended early after {epochs} at {trial.value or 0:.2%} "
            f"({settings}){noted}"
        )
    words = {
        "impossible": "not trained, these settings cannot exist together",
        "repeated": "not trained, the same settings",
        "surplus": "not trained",
    }
    what = words.get(trial.state, trial.state)
    return f"{head}: {what}: {trial.sentence} ({settings}){noted}"


def trial_row(trial: SearchTrial, keys: Mapping[str, str]) -> list[str]:
    """Number, settings, epochs, validation accuracy and state."""
    params = trial.newest.params
    return [
        str(trial.number),
        *(describe_value(params[key]) if key in params else "" for key in keys),
        str(trial.epochs or ""),
        "" if trial.value is None else f"{trial.value:.2%}",
        trial.state,
    ]
