"""Where the folder of a run is made, and how one is found again.

``runs/latest`` points to the newest run. It is a link relative to its folder or, where
the system refuses links (Windows without developer mode), a text file that holds the
name. Both are read everywhere.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.files import write_atomically
from cifarcnn.runs.manifest import CONFIG
from cifarcnn.runs.safe_io import describe_os_error, read_bytes
from cifarcnn.runs.shipped_runs import DEFAULT, find_shipped_run

ROOT = Path("runs")
LATEST = "latest"
_NAME_LIMIT = 1000


def make_numbered_folder(root: Path, name: str, *, pointed: bool = True) -> Path:
    """Make ``root/<name>-<number>`` with the next free number.

    Where it is ``pointed`` to, ``latest`` names it then.

    Two processes that do so at once get two folders.

    Raises:
        RunError: The folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        pattern = re.compile(re.escape(name) + r"-([0-9]{1,9})")
        matches = (pattern.fullmatch(entry.name) for entry in root.iterdir())
        number = 1 + max((int(match[1]) for match in matches if match), default=0)
        while True:
            path = root / f"{name}-{number}"
            try:
                path.mkdir()
                break
            except FileExistsError:
                number += 1
    except OSError as error:
        raise RunError(
            f"No folder for a run can be made in {root}: {describe_os_error(error)}. "
            "Name another place with --run DIR."
        ) from error
    if pointed:
        point_latest(root, path.name)
    return path


def require_empty(path: Path) -> None:
    """See that a folder of the user's choice can become a run.

    Raises:
        RunError: It holds something, or has a name that cannot be had.
    """
    if path.name == LATEST:
        raise RunError(
            f"{path} cannot become a run: the name `{LATEST}` belongs to the pointer "
            "to the newest run. Choose another name."
        )
    try:
        names = [entry.name for entry in path.iterdir()] if path.is_dir() else []
    except OSError as error:
        raise _describe_unfit(path, error) from error
    if names:
        # One that a look into the folder shows.
        occupant = min(names, key=lambda name: (name.startswith("."), name))
        raise RunError(
            f"{path} is not empty (it holds {occupant!r}), and nothing is overwritten. "
            "Name a new folder, or leave --run out for the next free one under ./runs."
        )


def make_folder(path: Path, *, pointed: bool = True) -> Path:
    """Make the folder that the user asked for, which must be new or empty.

    Raises:
        RunError: The folder holds something, or cannot be made.
    """
    require_empty(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _describe_unfit(path, error) from error
    if pointed and path.resolve().parent == ROOT.resolve():
        point_latest(ROOT, path.name)
    return path


def _describe_unfit(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path} cannot become the folder of a run: {describe_os_error(error)}. "
        "Name another place with --run DIR."
    )


def find_run(path: str | Path | None) -> Path:
    """The folder of an existing run, or of a shipped one by its name.

    None takes the newest under ``./runs``, and where no run is there the shipped one.

    Raises:
        RunError: There is none, or the path is something else than a run.
    """
    if path is not None and (shipped := _find_by_name(path)) is not None:
        return shipped
    path = _find_latest() if path is None else Path(path)
    if path.name == LATEST and (path.is_symlink() or not path.is_dir()):
        path = follow_latest(path.parent)
    elif not path.exists():
        hint = (
            "Name the folder that `cifarcnn train` reported; `cifarcnn runs` lists "
            "those under ./runs."
        )
        if len(path.parts) == 1 and (ROOT / path).is_dir():
            hint = f"Did you mean {ROOT / path}?"
        raise RunError(f"{path} does not exist. {hint}")
    elif not path.is_dir():
        raise RunError(
            f"{path} is a file, not the folder of a run. Model files of unknown origin "
            "are not loaded, because they can run code. Name the folder that `cifarcnn "
            "train` wrote; if you trust a model.keras, open it in Python with "
            "keras.models.load_model."
        )
    if not (path / CONFIG).exists():
        if inner := sorted(path.glob(f"seed-*/{CONFIG}")):
            raise RunError(
                f"{path} holds runs of several seeds. Name one of them, such as "
                f"{inner[0].parent}."
            )
        raise RunError(
            f"{path} is not the folder of a run: {CONFIG} is missing. Name the "
            "folder that `cifarcnn train` reported; `cifarcnn runs` lists those under "
            "./runs."
        )
    return path


def _find_latest() -> Path:
    """The newest run under ``./runs``; where there is none the shipped one."""
    try:
        names = os.listdir(ROOT)
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except OSError as error:
        raise RunError(f"{ROOT} cannot be read: {describe_os_error(error)}.") from error
    # A broken pointer, or runs without one, are told rather than passed over.
    has_runs = LATEST in names or any(holds_run(ROOT / name) for name in names)
    shipped = None if has_runs else find_shipped_run(DEFAULT)
    return follow_latest(ROOT) if shipped is None else shipped


def _find_by_name(name: str | Path) -> Path | None:
    """The shipped run of a name; a run of the user's there comes first."""
    # As it was typed: ./speedrun is a path, and pathlib would make it the name.
    shipped = find_shipped_run(str(name))
    return None if shipped is None or holds_run(Path(name)) else shipped


def holds_run(path: Path) -> bool:
    """Whether a run lies there, or those of several seeds."""
    inner = (path, *path.glob("seed-*")) if path.is_dir() else ()
    return any(os.path.lexists(folder / CONFIG) for folder in inner)


def point_latest(root: Path, name: str) -> None:
    """Make ``root/latest`` name the run ``name``, in one step.

    Raises:
        RunError: ``root/latest`` is a folder, or the pointer cannot be written.
    """
    pointer = root / LATEST
    if pointer.is_dir() and not pointer.is_symlink():
        raise RunError(
            f"{pointer} is a folder, but that name belongs to the pointer to the "
            "newest run. Rename the folder."
        )
    temporary = root / f".{LATEST}.{secrets.token_hex(4)}.tmp"
    try:
        try:
            os.symlink(name, temporary, target_is_directory=True)
        except OSError:
            write_atomically(pointer, f"{name}\n".encode())
        else:
            os.replace(temporary, pointer)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise RunError(
            f"{pointer} cannot be written: {describe_os_error(error)}."
        ) from error


def follow_latest(root: Path) -> Path:
    """The folder of the run that ``root/latest`` names.

    Raises:
        RunError: There is no pointer, it leads out of ``root``, or to nothing.
    """
    pointer = root / LATEST
    if pointer.is_symlink():
        name = os.readlink(pointer)
    elif pointer.is_file():
        name = read_bytes(pointer, _NAME_LIMIT).decode("utf-8", "replace").strip()
    else:
        raise RunError(
            f"There is no run to take: {pointer} does not exist. Train one with "
            "`cifarcnn train --config quickstart`, or name a run with --run DIR."
        )
    if name in ("", ".", "..", LATEST) or Path(name).name != name or "\0" in name:
        raise RunError(
            f"{pointer} points to {name!r}, but it may only name a folder beside "
            "itself. Remove it and name the run with --run DIR."
        )
    run = root / name
    if not run.is_dir():
        raise RunError(
            f"{pointer} points to {name!r}, which is no folder there (any more). "
            "Name another run with --run DIR; `cifarcnn runs` lists those that are."
        )
    return run
