"""The best of a search and what it started from, trained again with other seeds."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from cifarcnn.cli import console
from cifarcnn.cli.searching import Found
from cifarcnn.cli.seeds_option import parse_seeds
from cifarcnn.cli.shell_words import quote_path
from cifarcnn.config import Config
from cifarcnn.config.search_space import SearchSpace
from cifarcnn.errors import DivergedError, RunError, Stopped, UsageError
from cifarcnn.runs.listing import read_states
from cifarcnn.runs.seeds_folder import is_seeds_folder, open_seeds_folder
from cifarcnn.search.folder import FINALISTS
from cifarcnn.search.trials import SearchTrial, best_trials

if TYPE_CHECKING:
    from cifarcnn.seeds_comparison import SeedsComparison

MOST_FINALISTS = 3
START = "start"


def choose_seeds(text: str, space: SearchSpace) -> list[int]:
    """The seeds that ``--seeds`` means: none of them is that of the search.

    Raises:
        click.UsageError: It means none, one alone, or that of the search.
    """
    used = space.base.training.seed
    seeds = parse_seeds(text, (used + 1) % 2**32)
    if used in seeds:
        raise click.UsageError(
            f"--seeds {text} has the seed {used}, which the search itself uses: its "
            "best would be judged by what it was chosen by. Leave it out."
        )
    return seeds


def train_finalists(
    found: Found, seeds: Sequence[int], given: Mapping[str, Any]
) -> tuple[SeedsComparison, SearchTrial] | None:
    """Train the best trials and the config of before with several seeds each.

    Args:
        found: A search that is over.
        seeds: To train with.
        given: Further arguments of ``api.train``.

    Returns:
        The comparison with the config of before, and the trial that is best on average;
        ``None`` where the time of the search is over, which is told.

    Raises:
        CifarcnnError: A training fails; what was begun goes on with the same command.
        Stopped: A signal came; likewise.
    """
    from cifarcnn.seeds_comparison import compare_seeds

    folder = found.folder.path / FINALISTS
    folder.mkdir(exist_ok=True)
    finalists = best_trials(found.trials, MOST_FINALISTS)
    trials = {folder / f"{trial.number:04d}": trial for trial in finalists}
    configs = {folder / START: found.space.base}
    for path, trial in trials.items():
        configs[path] = found.space.apply(trial.newest.params)
    left = [*configs]
    for path, config in configs.items():
        if found.request.seconds_left() > 0:
            _train(config, path, seeds, found, given)
        if _count_left(path, seeds):
            _tell_left(found, left, seeds)
            return None
        left.remove(path)
    trained = {
        path: trial
        for path, trial in trials.items()
        if open_seeds_folder(path).finished_runs()
    }
    if not trained:
        raise RunError(
            "None of the best came to its end with the other seeds, so that there is "
            f"nothing to compare. Their runs are in {folder}."
        )
    comparison = compare_seeds([folder / START, *trained])
    best = max(comparison.configs[1:], key=lambda each: fmean(each.accuracies.values()))
    return comparison, trained[best.paths[0]]


def _count_left(path: Path, seeds: Sequence[int]) -> int:
    """How many seeds of a config are neither finished nor diverged."""
    if not is_seeds_folder(path):
        return len(seeds)
    states = read_states(open_seeds_folder(path))
    return sum(states.get(seed) not in ("finished", "diverged") for seed in seeds)


def _tell_left(found: Found, left: Sequence[Path], seeds: Sequence[int]) -> None:
    counts = (f"{path.name} ({_count_left(path, seeds)} seeds)" for path in left)
    console.print_message(
        f"The {found.request.max_minutes:g} minutes of --max-minutes are over; left to "
        f"train are {', '.join(counts)}. Go on with: {_way_on(found, seeds)}"
    )


def _way_on(found: Found, seeds: Sequence[int]) -> str:
    return f"{found.folder.resume_command} --seeds {','.join(map(str, seeds))}"


def _train(
    config: Config,
    path: Path,
    seeds: Sequence[int],
    found: Found,
    given: Mapping[str, Any],
) -> None:
    """Train a config with the seeds that are left of it."""
    from cifarcnn.cli import seeds_training

    console.print_message(f"{path}: seeds {', '.join(map(str, seeds))}")
    try:
        # What the training prints as its result is none of this command.
        with contextlib.redirect_stdout(console.real_stderr()):
            if not is_seeds_folder(path):
                text = ",".join(map(str, seeds))
                seeds_training.train(
                    config, text, str(path), False, given, found.request
                )
            else:
                if open_seeds_folder(path).seeds != tuple(seeds):
                    raise UsageError(
                        f"{path} was trained with other seeds. Give those, or remove "
                        f"the folder: cifarcnn runs remove {quote_path(path)}"
                    )
                seeds_training.resume(path, (), given, found.request)
    except DivergedError as error:
        console.print_message(f"note: {path}: {error}")
    except Stopped as stopped:
        text = f"{stopped}\nGo on with: {_way_on(found, seeds)}"
        raise Stopped(stopped.signal_number, text) from None
