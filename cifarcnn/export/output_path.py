"""Where an exported file goes: nothing is replaced, and nothing half-made stays."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from cifarcnn.errors import UsageError
from cifarcnn.files import make_stem, os_error_as_usage_error, sync_folder
from cifarcnn.literals import ExportFormat, ExportPrecision

_LOCK = ".export.lock"
_ENDINGS: dict[ExportFormat, str] = {
    "onnx": ".onnx",
    "litert": ".tflite",
    "keras": ".keras",
    "saved_model": "",
    "web": ".html",
}


def choose_export_path(
    out: Path | None, run: str, file_format: ExportFormat, precision: ExportPrecision
) -> Path:
    """The file, or for SavedModel the folder, to be made.

    Args:
        out: What the user asked for. None takes a name made from the run's in the
            working folder, with a number where that name is taken.
        run: The name of the run.
        file_format: What is written.
        precision: What its numbers are.

    Raises:
        UsageError: The place is taken, its name does not end as that of such a file,
            or its folder is missing or cannot be written.
    """
    ending = _ENDINGS[file_format]
    if out is None:
        stem = make_stem(run) + ("" if ending else "-saved-model")
        stem += "" if precision == "float32" else f"-{precision}"
        names = (
            f"{stem}{'' if number == 1 else f'-{number}'}{ending}"
            for number in itertools.count(1)
        )
        return next(path for path in map(Path, names) if not _list_taken(path))
    if ending and out.suffix != ending:
        raise UsageError(
            f"{out} does not end in {ending}, as the name of such a file does: "
            f"--out {out}{ending}."
        )
    if not out.name:
        raise UsageError(f"{out} is no name for a new folder. Add one to it.")
    if not out.parent.is_dir():
        raise UsageError(
            f"There is no folder {out.parent} to put {out.name} in. Make it first, or "
            "name another place with --out."
        )
    require_free(out)
    return out


def example_path(path: Path) -> Path:
    """Where the example of a file goes: ``net-onnx-example.py`` beside ``net.onnx``."""
    return path.with_name(f"{path.name.replace('.', '-')}-example.py")


def require_free(path: Path) -> None:
    """See that neither the file nor its example would replace anything.

    Raises:
        UsageError: One of them would.
    """
    taken = _list_taken(path)
    if not taken:
        return
    alone = taken == [path] and path.suffix != _ENDINGS["web"]
    raise UsageError(
        f"{taken[0]} exists already, and nothing is replaced. Name another place with "
        "--out, or move it away first."
        + (
            f" {example_path(path).name}, which an export writes last, is not beside "
            "it: perhaps one was killed just before."
            if alone
            else ""
        )
    )


def _list_taken(path: Path) -> list[Path]:
    return [each for each in (path, example_path(path)) if os.path.lexists(each)]


@contextlib.contextmanager
def made_beside(path: Path) -> Iterator[Path]:
    """A folder beside the target for what is being made, which is gone afterwards.

    Those of processes that were killed are cleared away.

    Raises:
        UsageError: It cannot be made.
    """
    _remove_abandoned(path.parent)
    folder = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    with os_error_as_usage_error(
        f"{path} cannot be written", ". Name another place with --out."
    ):
        folder.mkdir()
    try:
        with contextlib.ExitStack() as held:
            # There are disks without locks; what is abandoned stays there.
            with contextlib.suppress(OSError, NotImplementedError):
                held.enter_context(FileLock(folder / _LOCK))
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    for lock in parent.glob(f".*.tmp/{_LOCK}"):
        # Whoever is still at work holds it.
        with contextlib.suppress(OSError, NotImplementedError, Timeout):
            with FileLock(lock, timeout=0):
                for folder in (visible_folder(lock.parent), lock.parent):
                    shutil.rmtree(folder, ignore_errors=True)


def visible_folder(made: Path) -> Path:
    """A second folder for what is being made, for programs that see no hidden ones.

    Args:
        made: The folder of :func:`made_beside`. What is left of both goes together.
    """
    return made.with_name(f"{made.name.lstrip('.')}.visible")


def move_into_place(made: Path, path: Path, example: str | None) -> None:
    """Give what was made, and its example, their names; both or none.

    The example comes last: a process that is killed in between leaves a file that was
    proven, and no program without its file.

    Args:
        made: The file or folder, on the same disk as the target.
        path: The target.
        example: The text of the example; None where there is none.

    Raises:
        UsageError: A name has been taken meanwhile, or the disk is full.
    """
    script = example_path(path)
    beside = made.parent / script.name
    with os_error_as_usage_error(f"{path} cannot be written"):
        beside.write_text(example or "", encoding="utf-8")
        for file in (beside, made, *made.rglob("*")):
            if file.is_file():
                with file.open("rb+") as written:
                    os.fsync(written.fileno())
        require_free(path)
        _rename_new(made, path)
        if example is not None:
            try:
                _rename_new(beside, script)
            except BaseException:
                _take_back(path, made)
                raise
        sync_folder(path.parent)


def _take_back(path: Path, made: Path) -> None:
    if made.exists():  # Both are names of one file.
        path.unlink()
    else:
        os.rename(path, made)


def _rename_new(made: Path, path: Path) -> None:
    """Rename, but never in the place of what another process has put there.

    Raises:
        OSError: It cannot be renamed.
        UsageError: Something is there.
    """
    if made.is_file():
        try:
            # The first name goes with its folder.
            os.link(made, path)
            return
        except FileExistsError:
            require_free(path)
            raise
        except OSError:
            pass  # There are disks without links.
    # That of a folder fails where something is.
    os.rename(made, path)
