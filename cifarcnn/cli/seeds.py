"""A config trained with several seeds, one after another."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import click

from cifarcnn.cli import console
from cifarcnn.cli.seeds_page import write_seeds_report
from cifarcnn.cli.tables import format_table
from cifarcnn.errors import DivergedError, Stopped
from cifarcnn.runs.listing import summarize_run
from cifarcnn.runs.seeds_folder import MOST_SEEDS, SeedsFolder, read_val_accuracy


def parse_seeds(text: str, first: int) -> list[int]:
    """The seeds that ``--seeds`` means.

    Args:
        text: How many, or several with commas between them.
        first: Where a number of them begins.

    Raises:
        click.UsageError: It means none.
    """
    parts = [part.strip() for part in text.split(",")]
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(numbers) < len(parts):
        raise click.UsageError(
            f"--seeds takes a number of seeds, such as 5, or a list, such as 1,2,7; "
            f"found {text!r}."
        )
    if len(numbers) == 1:
        if not 2 <= numbers[0] <= MOST_SEEDS:
            raise click.UsageError(
                f"--seeds {text} is a number of seeds, 2 to {MOST_SEEDS:,}. One seed "
                "alone is --set training.seed=..."
            )
        return [(first + number) % 2**32 for number in range(numbers[0])]
    if len(set(numbers)) < len(numbers) or len(numbers) > MOST_SEEDS:
        raise click.UsageError(
            f"--seeds {text} has a seed twice, or more than {MOST_SEEDS:,}."
        )
    if max(numbers) >= 2**32:
        raise click.UsageError(f"A seed of --seeds {text} is not below 2**32.")
    return numbers


def train_all(folder: SeedsFolder, train: Callable[[int], None]) -> Path:
    """Train each seed, and say and keep what all came to.

    Args:
        folder: Of the runs.
        train: Trains one seed, or goes on with it.

    Returns:
        The folder.

    Raises:
        Stopped: A signal came; it says how all of them go on.
        DivergedError: All diverged.
    """
    diverged = None
    for place, seed in enumerate(folder.seeds, start=1):
        console.print_message(f"seed {seed} ({place} of {len(folder.seeds)})")
        try:
            train(seed)
        except DivergedError as error:
            # The others may do better, and that one did not is part of the result.
            console.print_message(f"error: {error}")
            diverged = error
        except Stopped as stopped:
            way_on = f"cifarcnn train --resume {shlex.quote(str(folder.path))}"
            raise Stopped(
                stopped.signal_number,
                f"{stopped}\nGo on with this and the other seeds: {way_on}",
            ) from None
    if diverged and not folder.finished_runs():
        raise diverged
    _summarize(folder)
    return folder.path


def _summarize(folder: SeedsFolder) -> None:
    found, runs = folder.write_summary(), folder.finished_runs()
    write_seeds_report(folder)
    rows = []
    for seed in folder.seeds:
        share = read_val_accuracy(runs[seed]) if seed in runs else None
        state = "" if seed in runs else summarize_run(folder.run_path(seed)).state
        rows.append([str(seed), "" if share is None else f"{share:.2%}", state])
    console.print_message(
        format_table(["seed", "validation accuracy", ""], rows, numbers=1)
    )
    if found is None:
        console.print_message(
            "Of fewer than two finished runs with validation pictures there is no "
            "spread. Judge each with: cifarcnn evaluate --run "
            f"{shlex.quote(str(folder.run_path(folder.seeds[0])))}"
        )
        return
    low, high = found.interval
    console.print_message(
        f"validation accuracy {found.mean:.2%} on average, standard deviation "
        f"{found.deviation * 100:.2f} points, 95% interval of the mean {low:.2%} to "
        f"{high:.2%}"
    )
