"""Which runs a folder holds, and how far each of them came."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from statistics import fmean
from sys import float_info
from typing import Any, Literal, TypeAlias

from cifarcnn.errors import CifarcnnError, RunError, first_line
from cifarcnn.literals import RunState
from cifarcnn.runs.file_lock import is_locked
from cifarcnn.runs.folder import DIVERGED, ENVIRONMENT, HISTORY, METRICS, Run
from cifarcnn.runs.manifest import CONFIG, MANIFEST, WEIGHTS_FILES, read_manifest
from cifarcnn.runs.run_path import LATEST
from cifarcnn.runs.safe_io import RESTORE_HINT, describe_os_error
from cifarcnn.runs.seeds_folder import (
    BASE,
    SEEDS,
    SeedsFolder,
    is_seeds_folder,
    open_seeds_folder,
)

NOT_BEGUN: Literal["not begun"] = "not begun"
SeedState: TypeAlias = RunState | Literal["not begun"]


@dataclass(frozen=True)
class RunSummary:
    """One run, without its weights.

    Attributes:
        path: Its folder.
        state: Whether its training came to its end, goes on now, or how it ended.
        changed: When it was trained last: of its newest document, in UTC.
        val_accuracy: On the validation split, 0 to 1, of the epoch that was kept, or
            of the last one where it is not finished; ``None`` without such a split.
        epochs: That are finished.
        planned_epochs: That the config asks for.
        parameters: Of the network; ``None`` before its weights are saved.
        training_seconds: Spent in finished epochs.
        smoke: Whether it is only a trial on few images.
        problem: What is wrong with its files; ``None`` where nothing is.
        seeds: How many runs there are, where it is a folder of ``train --seeds``: its
            accuracy is the mean of those that are finished.
        seed_states: How many of these are in each state.
    """

    path: Path
    state: RunState
    changed: datetime
    val_accuracy: float | None = None
    epochs: int | None = None
    planned_epochs: int | None = None
    parameters: int | None = None
    training_seconds: float | None = None
    smoke: bool = False
    problem: str | None = None
    seeds: int | None = None
    seed_states: Mapping[SeedState, int] | None = None


@dataclass(frozen=True)
class RunsFolder:
    """What a folder of runs holds.

    Attributes:
        runs: By name.
        others: Names of the folders that are no runs; hidden ones are left out.
    """

    runs: tuple[RunSummary, ...]
    others: tuple[str, ...]


def list_runs(root: Path) -> RunsFolder:
    """The runs that lie in a folder, each as it is now.

    Raises:
        RunError: The folder is missing or cannot be read.
    """
    try:
        names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    except OSError as error:
        raise RunError(f"{root} cannot be read: {describe_os_error(error)}.") from error
    shown = [name for name in names if name != LATEST and not name.startswith(".")]
    runs, others = [], []
    for name in shown:
        if os.path.lexists(root / name / CONFIG):
            runs.append(summarize_run(root / name))
        elif is_seeds_folder(root / name):
            runs.append(summarize_seeds(root / name))
        else:
            others.append(name)
    return RunsFolder(tuple(runs), tuple(others))


def summarize_run(path: Path) -> RunSummary:
    """What the documents of a run say; what is wrong with them is ``problem``."""
    documents = [path / name for name in (CONFIG, ENVIRONMENT, HISTORY, METRICS)]
    changed = datetime.fromtimestamp(max(map(_written, documents)), UTC)
    locked = is_locked(path)
    run = Run(path)
    try:
        return _summarize(run, changed, "training" if locked else None)
    except (CifarcnnError, TypeError, ValueError, KeyError) as error:
        problem = first_line(error)
        if not isinstance(error, CifarcnnError):
            problem = f"a document in {path} is damaged. {RESTORE_HINT}"
        state: RunState = "training" if locked else "damaged"
        return RunSummary(path, state, changed, problem=problem)


def summarize_seeds(path: Path) -> RunSummary:
    """What the runs of a folder of several seeds say together."""
    written = max(_written(path / SEEDS), _written(path / BASE))
    changed = datetime.fromtimestamp(written, UTC)
    try:
        folder = open_seeds_folder(path)
    except RunError as error:
        return RunSummary(path, "damaged", changed, problem=first_line(error))
    found = summarize_each(folder)
    runs = [run for run in found.values() if run is not None]
    states = Counter(run.state if run else NOT_BEGUN for run in found.values())
    state: RunState = "finished"
    # What is to be done about it goes before what came of it.
    if "diverged" in states:
        state = "diverged"
    if "stopped" in states or NOT_BEGUN in states:
        state = "stopped"
    if "damaged" in states:
        state = "damaged"
    if "training" in states or is_locked(path):
        state = "training"
    accuracies = [
        run.val_accuracy
        for run in runs
        if run.state == "finished" and run.val_accuracy is not None
    ]
    return RunSummary(
        path=path,
        state=state,
        changed=max([changed, *(run.changed for run in runs)]),
        val_accuracy=fmean(accuracies) if accuracies else None,
        parameters=next((run.parameters for run in runs if run.parameters), None),
        training_seconds=sum(run.training_seconds or 0 for run in runs),
        smoke=folder.smoke,
        problem=next((run.problem for run in runs if run.problem), None),
        seeds=len(folder.seeds),
        seed_states=states,
    )


def read_states(folder: SeedsFolder) -> dict[int, SeedState]:
    """The state of the run of each seed, in the order in which they are trained."""
    return {
        seed: run.state if run else NOT_BEGUN
        for seed, run in summarize_each(folder).items()
    }


def group_by_state(states: Mapping[int, SeedState]) -> dict[SeedState, list[int]]:
    """The seeds in each state."""
    groups: dict[SeedState, list[int]] = {}
    for seed, state in states.items():
        groups.setdefault(state, []).append(seed)
    return groups


def summarize_each(folder: SeedsFolder) -> dict[int, RunSummary | None]:
    """The run of each seed; ``None`` of one that was not begun."""
    paths = {seed: folder.run_path(seed) for seed in folder.seeds}
    return {
        seed: summarize_run(path) if os.path.lexists(path / CONFIG) else None
        for seed, path in paths.items()
    }


def _summarize(run: Run, changed: datetime, state: RunState | None) -> RunSummary:
    if run.finished and state is None:
        metrics: dict[str, Any] = run.read_metrics()
        return RunSummary(
            path=run.path,
            state="finished",
            changed=changed,
            val_accuracy=_number(metrics["kept"]["val_accuracy"], 1),
            epochs=int(metrics["epochs"]),
            planned_epochs=run.config.training.epochs,
            parameters=int(metrics["parameters"]),
            training_seconds=_number(metrics["duration_seconds"]),
            smoke=run.is_smoke(),
        )
    environment = run.read_environment() if run.has_environment else {}
    rows = run.read_history() if (run.path / HISTORY).exists() else []
    return RunSummary(
        path=run.path,
        state=state or ("diverged" if DIVERGED in environment else "stopped"),
        changed=changed,
        val_accuracy=_number(rows[-1]["val_accuracy"] or None, 1) if rows else None,
        epochs=len(rows),
        planned_epochs=run.config.training.epochs,
        parameters=_count_parameters(run),
        training_seconds=_number(sum(float(row["duration_seconds"]) for row in rows)),
        smoke=environment.get("smoke") is True,
    )


def _count_parameters(run: Run) -> int | None:
    """Numbers in the weights that were saved last; ``None`` before the first."""
    if not (run.path / MANIFEST).exists():
        return None
    files = read_manifest(run.path).weights
    records = [files[name] for name in WEIGHTS_FILES.values() if name in files]
    if not records:
        return None
    return sum(prod(array.shape) for array in records[0][0].arrays.values())


def _number(value: object, most: float = float_info.max) -> float | None:
    """A number, 0 or more.

    Raises:
        ValueError: It is none, negative, or larger than any can be.
    """
    if value is None:
        return None
    number = float(str(value))
    if not 0 <= number <= most:
        raise ValueError(value)
    return number


def _written(path: Path) -> float:
    """When a file was written, in seconds since 1970; 0.0 where there is none."""
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0
