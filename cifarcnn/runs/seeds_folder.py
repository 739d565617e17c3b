"""A folder with a run for each of several seeds of one config."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.intervals import MeanWithInterval, mean_with_interval
from cifarcnn.runs.file_lock import LOCK, lock_run
from cifarcnn.runs.folder import Run
from cifarcnn.runs.manifest import CONFIG
from cifarcnn.runs.run_path import make_folder, make_numbered_folder
from cifarcnn.runs.safe_io import RESTORE_HINT, read_json, remove_file, write_file

# The config of all, but for training.seed; and the seeds and what they came to.
BASE = "base.yaml"
SEEDS = "seeds.json"
_LIMIT = 4 * 1024 * 1024
MOST_SEEDS = 1000


@dataclass(frozen=True)
class SeedsFolder:
    """Runs of one config that differ in ``training.seed`` alone.

    Attributes:
        path: The folder.
        seeds: In the order in which they are trained.
        smoke: Whether each is only a trial on few images.
    """

    path: Path
    seeds: tuple[int, ...]
    smoke: bool = False

    @property
    def base_path(self) -> Path:
        """The config of all."""
        return self.path / BASE

    def run_path(self, seed: int) -> Path:
        """Where the run of a seed is, or will be."""
        return self.path / f"seed-{seed}"

    def count_from(self, seed: int) -> int:
        """How many seeds there are from one on."""
        return len(self.seeds) - self.seeds.index(seed)

    def finished_runs(self) -> dict[int, Run]:
        """The runs that came to their end, by seed."""
        found = {seed: Run(self.run_path(seed)) for seed in self.seeds}
        return {seed: run for seed, run in found.items() if run.finished}

    def remove_if_not_begun(self) -> None:
        """Remove the folder where there is no run in it; to be called when held."""
        if not any(os.path.lexists(self.run_path(seed)) for seed in self.seeds):
            for name in (BASE, SEEDS, LOCK):
                remove_file(self.path / name)
            with contextlib.suppress(OSError):
                self.path.rmdir()

    def write_summary(self) -> MeanWithInterval | None:
        """Keep what the finished runs came to.

        Returns:
            Of their accuracies on the validation split; ``None`` of fewer than two.

        Raises:
            RunError: A file of a run is damaged, or the summary cannot be written.
        """
        accuracies = {
            seed: read_val_accuracy(run) for seed, run in self.finished_runs().items()
        }
        known = [share for share in accuracies.values() if share is not None]
        found = mean_with_interval(known)
        figures = {
            "by_seed": {str(seed): share for seed, share in accuracies.items()},
            **(asdict(found) if found else {}),
        }
        _write(self, {"val_accuracy": figures})
        return found


def read_val_accuracy(run: Run) -> float | None:
    """Of the epoch whose weights a finished run kept, 0 to 1; ``None`` without one.

    Raises:
        RunError: ``metrics.json`` is damaged.
    """
    kept = run.read_metrics().get("kept")
    share = kept.get("val_accuracy") if isinstance(kept, dict) else None
    return share if isinstance(share, float) else None


def make_seeds_folder(
    path: Path | None,
    root: Path,
    name: str,
    seeds: Sequence[int],
    base: bytes,
    *,
    smoke: bool,
) -> SeedsFolder:
    """A new folder for runs of several seeds.

    Args:
        path: A new or empty folder; ``None``: ``root/<name>-seeds-<number>``.
        root: The folder of the runs.
        name: Of the config.
        seeds: What to train with.
        base: The resolved config.
        smoke: Whether each shall be a trial on few images.

    Raises:
        RunError: The folder holds something, another process just took it, or it
            cannot be made.
    """
    if path is None:
        # The pointer to the latest stays on a run, which a command can open.
        folder = make_numbered_folder(root, f"{name}-seeds", pointed=False)
    else:
        folder = make_folder(path, pointed=False)
    made = SeedsFolder(folder, tuple(seeds), smoke)
    with lock_run(folder):
        if is_seeds_folder(folder):
            raise RunError(
                f"{folder} was taken by another process just now. Name a new folder."
            )
        # First, so that it is known what the folder is, also after a kill.
        _write(made, {})
        write_file(made.base_path, base)
    return made


def is_seeds_folder(path: Path) -> bool:
    """Whether a folder was made by ``train --seeds``, also where it is damaged."""
    if os.path.lexists(path / SEEDS):
        return True
    return (path / BASE).is_file() and bool(find_seed_runs(path))


def find_seed_runs(path: Path) -> list[Path]:
    """The runs in the folder of several seeds, as their names tell them."""
    return sorted(
        config.parent
        for config in path.glob(f"seed-*/{CONFIG}")
        if re.fullmatch("seed-[0-9]+", config.parent.name)
    )


def open_seeds_folder(path: Path) -> SeedsFolder:
    """The folder of several runs.

    Raises:
        RunError: ``seeds.json`` is missing or damaged.
    """
    try:
        content = read_json(path / SEEDS, _LIMIT)
        seeds = content.get("seeds")
        if (
            not isinstance(seeds, list)
            or not 0 < len(seeds) <= MOST_SEEDS
            or not all(type(seed) is int and 0 <= seed < 2**32 for seed in seeds)
            or len(set(seeds)) < len(seeds)
        ):
            raise RunError(
                f"{path / SEEDS} is damaged: `seeds` is not a list of different whole "
                f"numbers. {RESTORE_HINT}"
            )
    except RunError as error:
        if not (runs := find_seed_runs(path)):
            raise
        raise RunError(
            f"{error} The runs in {path} are ordinary ones, which every command takes, "
            f"such as {runs[0]}."
        ) from None
    return SeedsFolder(path, tuple(seeds), content.get("smoke") is True)


def _write(folder: SeedsFolder, figures: dict[str, object]) -> None:
    content = {"seeds": list(folder.seeds), "smoke": folder.smoke, **figures}
    write_file(folder.path / SEEDS, (json.dumps(content, indent=2) + "\n").encode())
