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
) -> tuple[SeedsComparison, SearchTrial]:
    """Train the best trials and the config of before with several seeds each.

    Args:
        found: A search that is over.
        seeds: To train with.
        given: Further arguments of ``api.train``.

    Returns:
        The comparison with the config of before, and the trial that is best on average.

    Raises:
        CifarcnnError: A training fails; what was begun goes on with the same command.
        Stopped: A signal came; likewise.
    """
    from cifarcnn.seeds_comparison import compare_seeds

    folder = found.folder.path / FINALISTS
    folder.mkdir(exist_ok=True)
    _train(found.space.base, folder / START, seeds, found, given)
    trained: dict[Path, SearchTrial] = {}
    for trial in best_trials(found.trials, MOST_FINALISTS):
        path = folder / f"{trial.number:04d}"
        config = found.space.apply(trial.newest.params)
        if _train(config, path, seeds, found, given):
            trained[path] = trial
    if not trained:
        raise RunError(
            "None of the best came to its end with the other seeds, so that there is "
            f"nothing to compare. Their runs are in {folder}."
        )
    comparison = compare_seeds([folder / START, *trained])
    best = max(comparison.configs[1:], key=lambda each: fmean(each.accuracies.values()))
    return comparison, trained[best.paths[0]]


def _train(
    config: Config,
    path: Path,
    seeds: Sequence[int],
    found: Found,
    given: Mapping[str, Any],
) -> bool:
    """Whether a config came to its end, at least with some of the seeds."""
    from cifarcnn.cli import seeds_training

    console.print_message(f"{path}: seeds {', '.join(map(str, seeds))}")
    try:
        # What the training prints as its result is none of this command.
        with contextlib.redirect_stdout(console.real_stderr()):
            if not is_seeds_folder(path):
                text = ",".join(map(str, seeds))
                seeds_training.train(config, text, str(path), False, given)
            else:
                if open_seeds_folder(path).seeds != tuple(seeds):
                    raise UsageError(
                        f"{path} was trained with other seeds. Give those, or remove "
                        f"the folder: cifarcnn runs remove {quote_path(path)}"
                    )
                seeds_training.resume(path, (), given)
    except DivergedError as error:
        console.print_message(f"note: {path}: {error}")
        return False
    except Stopped as stopped:
        text = f"{stopped}\nGo on with: {found.folder.resume_command} --seeds ..."
        raise Stopped(stopped.signal_number, text) from None
    return True
