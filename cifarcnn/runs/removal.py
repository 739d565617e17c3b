"""Runs that are not wanted any more are removed, and nothing else with them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.files import remove_leftovers
from cifarcnn.runs.file_lock import LOCK, lock_run
from cifarcnn.runs.folder import (
    CHECKPOINTS,
    ENVIRONMENT,
    HISTORY,
    LOG,
    METRICS,
    REPORT,
    TEMPERATURE,
)
from cifarcnn.runs.listing import list_runs
from cifarcnn.runs.litert_file import LITERT
from cifarcnn.runs.manifest import CONFIG, MANIFEST, WEIGHTS_FILES
from cifarcnn.runs.run_path import LATEST, find_run, follow_latest, point_latest
from cifarcnn.runs.safe_io import describe_os_error, remove_file
from cifarcnn.runs.seeds_folder import (
    BASE,
    SEEDS,
    find_seed_runs,
    is_seeds_folder,
    open_seeds_folder,
)
from cifarcnn.runs.tracking_file import TENSORBOARD, TRACKING, WANDB

# In the order in which they are removed: a removal that is cut short leaves what is no
# finished run, but still a run, which can be removed again.
_DOCUMENTS = (
    *(METRICS, REPORT, LITERT, "model.keras", *WEIGHTS_FILES.values(), MANIFEST),
    *(TEMPERATURE, HISTORY, TRACKING, LOG, ENVIRONMENT, CONFIG, LOCK),
)
# Of the programs that track it.
_FOLDERS = (TENSORBOARD, WANDB)


def find_removable(path: Path) -> Path:
    """The folder of a run, or of the runs of several seeds, that can be removed.

    Raises:
        RunError: There is none, it is a link, or a training holds it.
    """
    found = path if is_seeds_folder(path) else find_run(path)
    if found.is_symlink():
        raise RunError(
            f"{found} is a link to {os.readlink(found)}. Name the folder itself, or "
            "remove the link."
        )
    for run in dict.fromkeys([found, *_runs_in(found)]):
        with lock_run(run):
            pass
    return found


def measure(run: Path) -> int:
    """Bytes of the files that go with a run."""
    files = [path for each in _runs_in(run) for path in _own_files(each)]
    return sum(os.lstat(path).st_size for path in files)


def remove_run(run: Path) -> list[str]:
    """Remove a run; ``latest`` beside it names the newest of the others then.

    Returns:
        The names in its folder that cifarcnn did not write. They stay, and the folder
        with them.

    Raises:
        RunError: A training holds it, or a file cannot be removed.
    """
    was_latest = _is_latest(run)
    with lock_run(run):
        if os.path.lexists(run / SEEDS):
            own = [run / name for name in (REPORT, SEEDS, BASE, LOCK)]
        elif is_seeds_folder(run):
            # Without seeds.json base.yaml may be a config of the user's.
            own = [run / LOCK]
        else:
            own = _own_files(run)
        for inner in _runs_in(run):
            if inner != run:
                remove_run(inner)
        for path in own:
            # Nor is a folder of that name, or a pipe, of cifarcnn.
            if os.path.isfile(path) or os.path.islink(path):
                remove_file(path)
    others = [folder for folder, *_ in _walk_folders(run)]
    for folder in (*others, run / CHECKPOINTS, run):
        # Not where something else lies in it.
        with contextlib.suppress(OSError):
            folder.rmdir()
    if was_latest:
        _point_latest_elsewhere(run)
    try:
        return sorted(os.listdir(run))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{run} cannot be read: {describe_os_error(error)}.") from error


def _runs_in(folder: Path) -> list[Path]:
    """The runs of a folder of several seeds; else the run itself."""
    if not is_seeds_folder(folder):
        return [folder]
    paths: Iterable[Path]
    try:
        seeds = open_seeds_folder(folder)
        paths = map(seeds.run_path, seeds.seeds)
    except RunError:
        paths = find_seed_runs(folder)
    # What a link leads to lies elsewhere, and is not of this folder.
    return [
        path
        for path in paths
        if not path.is_symlink() and os.path.lexists(path / CONFIG)
    ]


def _own_files(run: Path) -> list[Path]:
    files: list[Path] = []
    folder = run / CHECKPOINTS
    if folder.is_dir() and not folder.is_symlink():
        remove_leftovers(folder)
        # Damaged ones, which were set aside, too.
        files += sorted(folder.glob("epoch-*.safetensors*"))
    for inside, folders, names in _walk_folders(run):
        links = [name for name in folders if (inside / name).is_symlink()]
        files += [inside / name for name in (*names, *links)]
    return files + [run / name for name in _DOCUMENTS if os.path.isfile(run / name)]


def _walk_folders(run: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """What lies in the folders of other programs, the innermost first."""
    for name in _FOLDERS:
        # What a link leads to lies elsewhere.
        if not (run / name).is_symlink():
            for inside, folders, files in os.walk(run / name, topdown=False):
                yield Path(inside), folders, files


def _is_latest(run: Path) -> bool:
    try:
        return follow_latest(run.parent).name == run.name
    except RunError:
        return False


def _point_latest_elsewhere(removed: Path) -> None:
    root = removed.parent
    runs = [run for run in list_runs(root).runs if run.path.name != removed.name]
    if runs:
        point_latest(root, max(runs, key=lambda run: run.changed).path.name)
    else:
        remove_file(root / LATEST)
