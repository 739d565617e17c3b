"""Where the folder of a run is made, and how one is found again."""

from __future__ import annotations

import re
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.runs.latest import LATEST, follow_latest, point_latest
from cifarcnn.runs.safe_read import reason

ROOT = Path("runs")


def make_next(root: Path, name: str) -> Path:
    """Make ``root/<name>-<number>`` with the next free number; ``latest`` names it.

    Two processes that do so at once get two folders.

    Raises:
        RunError: The folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        number = 1 + max(_numbers(root, name), default=0)
        while True:
            path = root / f"{name}-{number}"
            try:
                path.mkdir()
                break
            except FileExistsError:
                number += 1
    except OSError as error:
        raise RunError(
            f"No folder for a run can be made in {root}: {reason(error)}. Name "
            "another place with --run DIR."
        ) from error
    point_latest(root, path.name)
    return path


def make_named(path: Path) -> Path:
    """Make the folder that the user asked for, which must be new or empty.

    Raises:
        RunError: The folder holds something, or cannot be made.
    """
    if path.name == LATEST:
        raise RunError(
            f"{path} cannot become a run: the name `{LATEST}` belongs to the pointer "
            "to the newest run. Choose another name."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        names = [entry.name for entry in path.iterdir()]
    except OSError as error:
        raise RunError(
            f"{path} cannot become the folder of a run: {reason(error)}. Name another "
            "place with --run DIR."
        ) from error
    if names:
        # One that a look into the folder shows.
        occupant = min(names, key=lambda name: (name.startswith("."), name))
        raise RunError(
            f"{path} is not empty (it holds {occupant!r}), and nothing is overwritten. "
            "Name a new folder, or leave --run out for the next free one under ./runs."
        )
    if path.resolve().parent == ROOT.resolve():
        point_latest(ROOT, path.name)
    return path


def find(path: Path | None, config_name: str) -> Path:
    """The folder of an existing run; None takes the newest under ``./runs``.

    Raises:
        RunError: There is none, or the path is something else than a run.
    """
    if path is None:
        path = follow_latest(ROOT)
    elif path.name == LATEST and (path.is_symlink() or not path.is_dir()):
        path = follow_latest(path.parent)
    elif not path.exists():
        hint = "Name the folder that `cifarcnn train` reported, or leave --run out."
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
    if not (path / config_name).exists():
        raise RunError(
            f"{path} is not the folder of a run: {config_name} is missing. Name the "
            "folder that `cifarcnn train` reported, or leave --run out for the newest."
        )
    return path


def _numbers(root: Path, name: str) -> list[int]:
    pattern = re.compile(re.escape(name) + r"-([0-9]{1,9})")
    matches = (pattern.fullmatch(entry.name) for entry in root.iterdir())
    return [int(match[1]) for match in matches if match]
