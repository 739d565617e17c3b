"""A trial of a search in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cifarcnn.config.search_space import Choices, SearchSpace
from cifarcnn.config.yaml_text import dump_inline
from cifarcnn.config.yaml_tree import Node, cut, escape
from cifarcnn.search.trials import NOTES, SearchTrial, best_trials

# Of a choice that is written out.
_LONGEST = 40


@dataclass(frozen=True)
class SettingNames:
    """What the settings of a search and their choices are called in a line.

    Attributes:
        keys: The end of each key that no other key has, by the whole key.
        choices: A short name of each choice, by the whole key and its text.
    """

    keys: Mapping[str, str]
    choices: Mapping[str, Mapping[str, str]]

    def show(self, key: str, value: object) -> str:
        """A number with four digits, or the name of a choice."""
        if isinstance(value, float):
            return f"{value:.4g}"
        return self.choices.get(key, {}).get(str(value), str(value))


def name_settings(space: SearchSpace) -> SettingNames:
    """Short names, of which no two are the same where they stand for another."""
    keys = [parameter.key for parameter in space.parameters]
    endings = {key: [*_endings(key)] for key in keys}
    counts = Counter(ending for each in endings.values() for ending in each)
    return SettingNames(
        {
            key: next((end for end in each if counts[end] == 1), key)
            for key, each in endings.items()
        },
        {
            varied.parameter.key: _name_choices(varied.choices)
            for varied in space.varied
            if isinstance(varied.parameter, Choices)
        },
    )


def _endings(key: str) -> Iterator[str]:
    """The ends of a key from the last part on, the shortest first."""
    parts = key.split(".")
    return (".".join(parts[-count:]) for count in range(1, len(parts) + 1))


def _name_choices(choices: Mapping[str, Node]) -> dict[str, str]:
    """The layers or the class that a choice is of, where no other is of the same."""
    names = {text: _name(node) for text, node in choices.items()}
    counts = Counter(names.values())
    return {
        text: names[text] if counts[names[text]] == 1 else _whole(text, node, number)
        for number, (text, node) in enumerate(choices.items(), 1)
    }


def _whole(text: str, node: Node, number: int) -> str:
    """The whole choice where it is short, else what it is and its number."""
    return text if len(text) <= _LONGEST else f"{_name(node)} #{number}"


def _name(node: Node) -> str:
    if isinstance(node.value, list) and node.value:
        names = [_name(item) for item in node.value]
        # A list of numbers is not added up.
        if any(isinstance(item.named(), tuple) for item in node.value):
            return cut(" + ".join(names), 2 * _LONGEST)
    elif isinstance(node.value, dict) and (named := node.named()):
        return escape(cut(named[0], _LONGEST))
    return escape(cut(dump_inline(node.plain()), _LONGEST))


def describe_settings(trial: SearchTrial, names: SettingNames) -> str:
    """As in ``learning_rate 0.01, batch_size 64``."""
    params = trial.newest.params
    return ", ".join(
        f"{name} {names.show(key, params[key])}"
        for key, name in names.keys.items()
        if key in params
    )


def describe_best(trials: Sequence[SearchTrial], names: SettingNames) -> str:
    """The best one so far; empty before the first."""
    best = best_trials(trials, 1)
    if not best:
        return ""
    found = best[0]
    settings = describe_settings(found, names)
    return f"{found.value:.2%}, trial {found.number} ({settings})"


def describe_trial(
    trial: SearchTrial, trials: Sequence[SearchTrial], names: SettingNames
) -> str:
    """The line of a trial that is over."""
    settings = describe_settings(trial, names)
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


def trial_row(trial: SearchTrial, names: SettingNames) -> list[str]:
    """Number, settings, epochs, validation accuracy and state."""
    params = trial.newest.params
    return [
        str(trial.number),
        *(names.show(key, params[key]) if key in params else "" for key in names.keys),
        str(trial.epochs or ""),
        "" if trial.value is None else f"{trial.value:.2%}",
        trial.state,
    ]
