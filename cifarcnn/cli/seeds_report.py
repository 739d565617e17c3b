"""How far a training with several seeds is, and what it came to."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from cifarcnn.cli import console
from cifarcnn.cli.seeds_page import write_seeds_report
from cifarcnn.cli.tables import format_table
from cifarcnn.errors import DivergedError
from cifarcnn.runs.listing import NOT_BEGUN, group_by_state, read_states
from cifarcnn.runs.seeds_folder import SeedsFolder, read_val_accuracy


def describe_left(folder: SeedsFolder) -> list[str]:
    """How far all seeds are, and how those that are left go on, where some are."""
    groups = group_by_state(read_states(folder))
    left = set(groups) - {"finished", "diverged"}
    if not left or set(groups) == {NOT_BEGUN}:
        return []
    how_far = "; ".join(
        f"{state}: {_list_seeds(seeds)}" for state, seeds in groups.items()
    )
    way_on = f"cifarcnn train --resume {shlex.quote(str(folder.path))}"
    return [f"{how_far}.".capitalize(), f"Go on with all that is left: {way_on}"]


def _list_seeds(seeds: Sequence[int]) -> str:
    """As in ``seeds 3 to 7, 12``."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    texts = [
        f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(map(str, part))
        for part in parts
    ]
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(texts)}"


def report(folder: SeedsFolder) -> int:
    """Print what all came to.

    Returns:
        The exit code.
    """
    states = read_states(folder)
    counts = Counter(states.values())
    if counts["diverged"] == len(states):
        raise DivergedError(f"All {len(states)} seeds diverged.")
    found, runs = folder.write_summary(), folder.finished_runs()
    write_seeds_report(folder)
    rows = []
    for seed, state in states.items():
        share = read_val_accuracy(runs[seed]) if seed in runs else None
        shown = "" if state == "finished" else state
        rows.append([str(seed), "" if share is None else f"{share:.2%}", shown])
    console.print_message(
        format_table(["seed", "validation accuracy", ""], rows, numbers=1)
    )
    if found is not None:
        low, high = found.interval
        console.print_message(
            f"validation accuracy {found.mean:.2%} on average, standard deviation "
            f"{found.deviation * 100:.2f} points, 95% interval of the mean {low:.2%} "
            f"to {high:.2%}"
        )
    elif runs:
        path = next(iter(runs.values())).path
        console.print_message(
            "Of fewer than two finished runs with validation pictures there is no "
            f"spread. Judge each with: cifarcnn evaluate --run {shlex.quote(str(path))}"
        )
    if counts["diverged"]:
        console.print_message(
            f"{counts['diverged']} of {len(states)} seeds diverged; the figures are of "
            f"the {counts['finished']} that are finished."
        )
    for sentence in describe_left(folder):
        console.print_message(sentence)
    console.print_raw(str(folder.path))
    return DivergedError.exit_code if counts["diverged"] else 0
