"""Which network answers, where it is not simply a finished one that was named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.cli import console

if TYPE_CHECKING:
    from cifarcnn.loaded_run import LoadedRun


def tell_which(folder: Path) -> None:
    """Say that a run is the shipped one, and how good it is, or only has its name."""
    # Only here: with them comes what `--help` has to do without.
    from cifarcnn.runs.run_path import ROOT, holds_run
    from cifarcnn.runs.shipped_runs import find_shipped_run, is_shipped, read_card

    name = folder.resolve().name if is_shipped(folder) else folder.name
    if is_shipped(folder):
        card = read_card(folder)
        text = (
            f"network: {name}, which comes with cifarcnn: {card.test_accuracy:.1%} "
            f"right on {card.test_pictures:,} test pictures of {card.trained_on}"
        )
        if holds_run(ROOT / name):
            text += f"; not {ROOT / name}, which goes by that path"
        elif Path(name).exists() and not is_shipped(Path(name)):
            text += f"; {name} here is no run"
        console.print_message(text)
    elif folder == Path(name) and (shipped := find_shipped_run(name)) is not None:
        console.print_message(
            f"note: {name} is the run in this folder, not the network of that name "
            f"that comes with cifarcnn ({shipped})."
        )


def warn_unfinished(loaded: LoadedRun) -> None:
    """Say of a run whose training did not come to its end how far it came."""
    if not loaded.run.finished:
        console.print_message(
            f"warning: {loaded.path} is unfinished: its training was stopped or is "
            f"still going on. These weights have been trained for {loaded.epoch} "
            f"whole epoch{'' if loaded.epoch == 1 else 's'}."
        )
