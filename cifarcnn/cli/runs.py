"""``cifarcnn runs``: the runs here, and how to get rid of some."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from click.core import ParameterSource

from cifarcnn.cli import console
from cifarcnn.cli.durations import describe_seconds
from cifarcnn.cli.options import NamedPath, common
from cifarcnn.cli.tables import format_records
from cifarcnn.errors import RunError, UsageError
from cifarcnn.literals import RunState
from cifarcnn.runs.run_path import ROOT, find_run
from cifarcnn.runs.shipped_runs import DEFAULT, is_shipped

if TYPE_CHECKING:
    from cifarcnn.runs.listing import RunSummary

# What a run can be sorted by, and whether the largest comes first.
_SORTS = {
    "name": False,
    "accuracy": True,
    "epochs": True,
    "parameters": False,
    "time": False,
    "when": True,
}
_NUMBERS = 5


@click.group("runs", invoke_without_command=True)
@click.option(
    "--root",
    type=NamedPath(path_type=Path, file_okay=False),
    metavar="DIR",
    default=None,
    help="The folder that holds the runs; left out, ./runs.",
)
@click.option(
    "--name",
    "pattern",
    metavar="PATTERN",
    default="*",
    help="Only runs whose names match, such as 'article-*'.",
)
@click.option(
    "--state",
    "states",
    type=click.Choice(get_args(RunState)),
    multiple=True,
    help="Only those in this state. May be given several times.",
)
@click.option(
    "--sort",
    type=click.Choice(list(_SORTS)),
    default="when",
    show_default=True,
    help="The best accuracy, the most epochs and the newest come first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(
    context: click.Context,
    root: Path | None,
    pattern: str,
    states: tuple[str, ...],
    sort: str,
    as_json: bool,
) -> None:
    """List the runs here: state, accuracy, epochs, parameters, time, when.

    The accuracy is that on the validation pictures, of the epoch whose weights were
    kept; of a run that is not finished, of its last epoch; of several seeds the mean.
    A run that is stopped goes on with: cifarcnn train --resume RUN
    """
    if context.invoked_subcommand is not None:
        given = [
            name
            for name in context.params
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ]
        if given:
            raise click.UsageError(
                "The options of `runs` are for the list; `runs remove` takes the "
                "folders of the runs."
            )
        return
    from cifarcnn.runs.listing import RunsFolder, list_runs
    from cifarcnn.search.folder import TRIALS, is_study

    place = root or ROOT
    if root is None and not place.is_dir():
        found = RunsFolder((), ())
    else:
        found = list_runs(place)
    runs = [
        run
        for run in found.runs
        if fnmatchcase(run.path.name, pattern) and (not states or run.state in states)
    ]
    runs.sort(key=lambda run: _sort_key(run, sort), reverse=_SORTS[sort])
    if as_json:
        document = {"root": str(place), "runs": [_to_json(run) for run in runs]}
        console.print_raw(json.dumps(document, indent=2))
    elif runs:
        console.print_result(_format(runs))
    elif found.runs:
        console.print_message(f"None of the {len(found.runs)} runs in {place} is so.")
    else:
        console.print_message(
            f"There are no runs in {place}. Train one with: cifarcnn train --config "
            f"quickstart{_describe_shipped(root)}"
        )
    for run in runs:
        if run.problem:
            console.print_message(f"note: {run.problem}")
    searches = [name for name in found.others if is_study(place / name)]
    for name in searches:
        trials = shlex.quote(str(place / name / TRIALS))
        told = f"{place / name} is a search; its runs: cifarcnn runs --root {trials}"
        console.print_message(console.printable(f"note: {told}"))
    if rest := [name for name in found.others if name not in searches]:
        others = ", ".join(map(console.printable, rest))
        console.print_message(f"note: folders in {place} that are no runs: {others}")


@command.command("remove")
@click.argument(
    "paths",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=NamedPath(path_type=Path),
)
@click.option("--yes", is_flag=True, help="Do not ask first.")
@common
def remove_command(paths: tuple[Path, ...], yes: bool) -> None:
    """Remove runs, with everything that cifarcnn wrote there.

    It asks first. What else lies in the folder of a run stays. A run that is being
    trained is not removed.
    """
    from cifarcnn.runs.listing import summarize_run
    from cifarcnn.runs.removal import find_removable, measure, remove_run
    from cifarcnn.search.folder import TRIALS, is_study

    found, problems = [], []
    for path in paths:
        if is_study(path):
            problems.append(
                f"{path} is a search, of which only runs are removed here: those in "
                f"{path / TRIALS}. Remove the folder to be rid of all of it."
            )
            continue
        try:
            found.append(find_removable(path))
        except RunError as error:
            problems.append(str(error))
    if problems:
        raise RunError(" ".join([*problems, "Nothing is removed."]))
    places = {path.resolve(): path for path in found}
    # One that lies in another of them goes with it.
    runs = [path for place, path in places.items() if place.parent not in places]
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "What is removed cannot be brought back, and there is no terminal to "
                "ask at. Give --yes."
            )
        for run in runs:
            summary = summarize_run(run)
            console.print_message(
                f"{run}: {_describe(summary)}, {_megabytes(measure(run))}"
            )
        question = "Remove it?" if len(runs) == 1 else f"Remove these {len(runs)}?"
        if not click.confirm(question, err=True):
            console.print_message("Nothing is removed.")
            return
    for run in runs:
        size = measure(run)
        left = ", ".join(map(console.printable, remove_run(run)))
        console.print_result(f"removed: {run}, {_megabytes(size)}")
        if left:
            console.print_message(f"note: left in {run}, not of cifarcnn: {left}")


def _describe_shipped(root: Path | None) -> str:
    try:
        # Where runs/latest leads to nothing, they say so.
        taken = None if root else find_run(None)
    except RunError:
        taken = None
    if taken is None or not is_shipped(taken):
        return ""
    return (
        f"\nUntil then predict, explain and evaluate take {DEFAULT}, the trained "
        "network that comes with cifarcnn."
    )


def _sort_key(run: RunSummary, sort: str) -> tuple[object, str]:
    """What is not known comes last."""
    values = {
        "name": None,
        "accuracy": run.val_accuracy,
        "epochs": run.epochs,
        "parameters": run.parameters,
        "time": run.training_seconds,
        "when": run.changed.timestamp(),
    }
    value = values[sort]
    unknown = float("-inf") if _SORTS[sort] else float("inf")
    return (unknown if value is None else value), run.path.name


def _format(runs: Sequence[RunSummary]) -> str:
    headings = ["run", "accuracy", "epochs", "parameters", "time", "when", "state"]
    return format_records(headings, [_cells(run) for run in runs], _NUMBERS)


def _cells(run: RunSummary) -> list[str]:
    epochs = "" if run.epochs is None else str(run.epochs)
    if run.epochs is not None and run.planned_epochs is not None and not run.smoke:
        epochs += f"/{run.planned_epochs}"
    return [
        run.path.name,
        "" if run.val_accuracy is None else f"{run.val_accuracy:.2%}",
        epochs,
        "" if run.parameters is None else f"{run.parameters:,}",
        "" if run.training_seconds is None else describe_seconds(run.training_seconds),
        _local(run.changed),
        _describe_state(run),
    ]


def _describe(run: RunSummary) -> str:
    text = _describe_state(run)
    if run.val_accuracy is not None:
        text += f", validation accuracy {run.val_accuracy:.2%}"
    return text


def _describe_state(run: RunSummary) -> str:
    seeds = "" if run.seeds is None else f", {run.seeds} seeds"
    counts = run.seed_states or {}
    if len(counts) > 1:
        listed = (f"{number} {state}" for state, number in counts.items())
        seeds += f": {', '.join(listed)}"
    return f"{run.state}{', smoke' if run.smoke else ''}{seeds}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _to_json(run: RunSummary) -> dict[str, object]:
    return {
        "name": run.path.name,
        "path": str(run.path),
        "state": run.state,
        "smoke": run.smoke,
        "val_accuracy": run.val_accuracy,
        "epochs": run.epochs,
        "planned_epochs": run.planned_epochs,
        "parameters": run.parameters,
        "training_seconds": run.training_seconds,
        "changed": run.changed.isoformat(timespec="seconds"),
        "problem": run.problem,
        "seeds": run.seeds,
        "seed_states": run.seed_states,
    }
