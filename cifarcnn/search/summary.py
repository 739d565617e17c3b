"""What a search came to: the best config, which settings matter, and all trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import optuna

from cifarcnn.config.search_space import SearchSpace
from cifarcnn.files import write_atomically
from cifarcnn.search.folder import BEST, StudyFolder
from cifarcnn.search.trials import FOLDER, HOME, HOST, NOTES, SearchTrial, best_trials

# With fewer, the importances of settings are chance alone.
_LEAST_FOR_IMPORTANCES = 8


def write_best(
    folder: StudyFolder,
    space: SearchSpace,
    trials: Sequence[SearchTrial],
    by_seeds: SearchTrial | None = None,
) -> None:
    """Keep the config of the best trial, ready to train; nothing before there is one.

    Args:
        folder: Of the study.
        space: What varied.
        trials: All.
        by_seeds: The one that is best on average over other seeds; ``None`` where that
            is not known.

    Raises:
        OSError: The file cannot be written.
    """
    best = best_trials(trials, 1) if by_seeds is None else [by_seeds]
    if best:
        path = folder.path / BEST
        how = "" if by_seeds is None else "; the best on average over other seeds"
        lines = [
            f"Trial {best[0].number} of {folder.path}, validation accuracy "
            f"{best[0].value:.2%}{how}.",
            f"cifarcnn train --config {path}",
        ]
        text = space.write_config(best[0].newest.params, lines)
        write_atomically(path, text.encode())


def find_importances(
    study: optuna.Study, trials: Sequence[SearchTrial]
) -> dict[str, float]:
    """How much of the differences each setting explains, 0 to 1, the most first.

    By PED-ANOVA (https://arxiv.org/abs/2304.10255), as Optuna computes it.

    Returns:
        Nothing of fewer than eight finished trials, or where all are alike.
    """
    finished = [trial for trial in trials if trial.state == "finished"]
    values = {trial.value for trial in finished}
    if len(finished) < _LEAST_FOR_IMPORTANCES or len(values) < 2:
        return {}
    try:
        found: dict[str, float] = optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError):
        return {}
    return {name: float(share) for name, share in found.items() if share == share}


def search_to_json(
    folder: StudyFolder,
    study: optuna.Study,
    trials: Sequence[SearchTrial],
    limit: int,
) -> dict[str, object]:
    """What ``search --json`` prints, but for the seeds."""
    best = best_trials(trials, 1)
    states = Counter(trial.state for trial in trials)
    return {
        "search": str(folder.path),
        "study": folder.settings.study,
        "sampler": folder.settings.sampler,
        "pruner": folder.settings.pruner,
        "asked_for": limit,
        "states": dict(states),
        "best": trial_to_json(folder, best[0]) if best else None,
        "best_config": str(folder.path / BEST) if best else None,
        "importances": find_importances(study, trials),
        "trials": [trial_to_json(folder, trial) for trial in trials],
    }


def trial_to_json(folder: StudyFolder, trial: SearchTrial) -> dict[str, object]:
    """One trial."""
    newest = trial.newest
    attributes = newest.user_attrs
    home = attributes.get(HOME)
    place = folder if home == folder.settings.home else None
    if home is not None and place is None:
        # Of another machine, whose path it is.
        place = StudyFolder(Path(attributes[FOLDER]), folder.settings)
    return {
        "trial": trial.number,
        "state": trial.state,
        "values": newest.params,
        "val_accuracy": trial.value,
        "epochs": trial.epochs,
        "run": None
        if place is None
        else str(place.run_path(trial.number, trial.place)),
        "host": attributes.get(HOST),
        "attempts": [attempt.number for attempt in trial.attempts],
        "notes": [*attributes.get(NOTES, [])],
        "reason": trial.sentence or None,
    }
