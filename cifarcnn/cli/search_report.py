"""What a search came to, printed, and kept in its folder."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cifarcnn.cli import console
from cifarcnn.cli.compare_seeds import (
    describe_seeds,
    describe_seeds_pair,
    seeds_to_json,
)
from cifarcnn.cli.search_finalists import train_finalists
from cifarcnn.cli.search_page import write_search_page
from cifarcnn.cli.searching import Found
from cifarcnn.cli.trial_text import describe_settings, name_settings
from cifarcnn.errors import DivergedError, RunError, Stopped
from cifarcnn.files import os_error_as_usage_error
from cifarcnn.search.folder import BEST
from cifarcnn.search.trials import SearchTrial, best_trials

_WORDS = {
    "finished": "finished",
    "pruned": "ended early",
    "diverged": "diverged",
    "failed": "failed",
    "waiting": "waiting",
    "training": "in work on another machine",
    "impossible": "could not exist and do not count",
    "repeated": "had the settings of another one and do not count",
    "surplus": "were begun twice and do not count",
}


def report(
    found: Found, seeds: Sequence[int], given: Mapping[str, Any], as_json: bool
) -> int:
    """Print what was found, write the best config, and test it with other seeds.

    Args:
        found: The search.
        seeds: To train the best with; none: no test.
        given: Further arguments of ``api.train``.
        as_json: Whether one document is printed.

    Returns:
        The exit code.

    Raises:
        RunError: No trial came to its end.
        Stopped: A signal came; all that was trained is saved.
    """
    from cifarcnn.search.summary import search_to_json, write_best

    folder = found.folder
    unwritable = f"{folder.path / BEST} cannot be written"
    with os_error_as_usage_error(unwritable):
        write_best(folder, found.space, found.trials)
    lines = list(_describe(found))
    if found.request.signals:
        text = "\n".join([*lines, f"Go on with: {folder.resume_command}"])
        raise Stopped(found.request.signals[0], text)
    if found.over and not best_trials(found.trials, 1):
        raise _no_best(found.trials)
    document = search_to_json(folder, found.study, found.trials, found.limit)
    compared: dict[str, object] | None = None
    comparison = None
    verdicts = [*lines]
    if not found.over:
        console.print_message(
            f"The search is not over. Go on with: {folder.resume_command}"
        )
    elif seeds and (trained := train_finalists(found, seeds, given)):
        comparison, best = trained
        compared = {"best": best.number, **seeds_to_json(comparison)}
        with os_error_as_usage_error(unwritable):
            write_best(folder, found.space, found.trials, best)
        choice = _describe_choice(found, best)
        lines += ["", *describe_seeds(comparison), "", choice]
        pairs = (describe_seeds_pair(comparison, pair) for pair in comparison.pairs)
        verdicts += [*pairs, choice]
    write_search_page(found, verdicts, comparison)
    if as_json:
        console.print_raw(json.dumps({**document, "seeds": compared}, indent=2))
    else:
        console.print_result("\n".join(lines))
    return 0


def _describe_choice(found: Found, best: SearchTrial) -> str:
    return (
        f"trial {best.number} is the best of these on average; "
        f"{found.folder.path / BEST} holds it"
    )


def _no_best(trials: Sequence[SearchTrial]) -> RunError:
    reasons = Counter(trial.sentence for trial in trials if trial.sentence)
    reason = f" Most often: {reasons.most_common(1)[0][0]}" if reasons else ""
    diverged = {trial.state for trial in trials if trial.counts} == {"diverged"}
    kind = DivergedError if diverged else RunError
    return kind(f"No trial came to its end, so that there is no best one.{reason}")


def _describe(found: Found) -> Iterator[str]:
    from cifarcnn.search.summary import find_importances

    trials, names = found.trials, name_settings(found.space)
    states = Counter(str(trial.state) for trial in trials)
    counted = ", ".join(
        f"{states[state]} {words}" for state, words in _WORDS.items() if states[state]
    )
    yield f"{found.folder.path}: {counted or 'no trial yet'}"
    importances = find_importances(found.study, trials)
    if importances:
        shares = (
            f"{names.keys[key]} {share:.0%}" for key, share in importances.items()
        )
        yield f"what the differences come from: {', '.join(shares)}"
    for best in best_trials(trials, 1):
        yield (
            f"best: trial {best.number}, validation accuracy {best.value:.2%} "
            f"({describe_settings(best, names)})"
        )
        name = shlex.quote(str(found.folder.path / BEST))
        yield f"train it with: cifarcnn train --config {name}"
