"""Errors whose cause is neither the program nor a config: the installation, a limit.

Imports only what Python itself has loaded before: to explain why a module cannot be
loaded it must not need others.
"""

from __future__ import annotations

import errno
import os
import sys

from cifarcnn.pip_names import pip_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_IMPORT = "<frozen importlib"
_ULIMITS = {
    "RLIMIT_AS": "ulimit -v",
    "RLIMIT_NOFILE": "ulimit -n",
    "RLIMIT_NPROC": "ulimit -u",
}
_FAULT = "This is a fault of cifarcnn itself; --debug shows where it happened."
WORKING_FOLDER_GONE = (
    "The working folder is not there any more: it was removed or renamed, so that no "
    "relative path leads anywhere. Go into another folder with cd, and try again."
)


def working_folder_is_gone() -> bool:
    """Whether the folder that relative paths begin at was removed."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def describe_unexpected(error: BaseException) -> str:
    """The cause of an exception that no part of the program expects, and a way out."""
    text = _first_line(error)
    if limit := _describe_limit(error):
        return limit
    if isinstance(error, OSError):
        where = f"'{error.filename}': " if error.filename else ""
        return f"{where}{error.strerror or error}"
    module, folder = _failed_import(error)
    if shadow := _find_shadow(_files(error)):
        name, path, other = shadow
        return (
            f"{path} is loaded in place of the module {name} in {other}, and the "
            f"program failed: {text} Rename the file, or take its folder out of the "
            "environment variable PYTHONPATH."
        )
    if module == "cifarcnn" or module is None:
        return f"{type(error).__name__}: {error}\n{_FAULT}"
    if module in sys.stdlib_module_names:
        return (
            f"Python's own module {module} cannot be loaded: {text} This Python was "
            "built without it, or is damaged. Install Python anew."
        )
    name = pip_name(module)
    if isinstance(error, ModuleNotFoundError) and _top(error.name) == module:
        return (
            f"The Python package {module} is not installed, and cifarcnn needs it. "
            f"Install it: python -m pip install {name}"
        )
    where = f" from {folder}" if folder else ""
    return (
        f"The Python package {module} cannot be loaded{where}: {text} Its installation "
        "is incomplete, or does not fit the other packages. Install it anew: python "
        f"-m pip install --force-reinstall {name}"
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    text = f"{type(error).__name__}: {lines[0]}" if lines[0] else type(error).__name__
    return text if text.endswith(".") else f"{text}."


def _describe_limit(error: BaseException) -> str | None:
    """What the system did not give, as a sentence; None for another failure."""
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    bound = describe_memory_limit()
    if (
        isinstance(error, MemoryError)
        or number == errno.ENOMEM
        or "failed to map segment" in text
        or "allocate memory" in text
        # Native code that got no memory, and forgot to say so.
        or (isinstance(error, SystemError) and bound)
    ):
        module, _ = _failed_import(error)
        what = f"load the package {module}" if module else "go on"
        return (
            f"There is not enough memory to {what}: {_first_line(error)} {bound}Free "
            "memory, or raise a limit, and try again."
        )
    if number in (errno.EMFILE, errno.ENFILE) or "Too many open files" in text:
        bound = _limit("RLIMIT_NOFILE", "At most {} may be open at once")
        return f"No further file can be opened: {text}. {bound}Raise the limit."
    if "can't start new thread" in text or number == errno.EAGAIN:
        bound = _limit("RLIMIT_NPROC", "This user may have {} of them and of processes")
        return (
            f"No further thread can be started: {text}. {bound}Raise the limit, or end "
            "other processes."
        )
    return None


def describe_memory_limit() -> str:
    """The limit of this process's memory and a space; empty without a limit."""
    return _limit("RLIMIT_AS", "The address space is limited to {} MiB", 2**20)


def _limit(name: str, sentence: str, unit: int = 1) -> str:
    """A sentence on a limit of this process, and a space; empty without a limit."""
    try:
        import resource

        soft, _ = resource.getrlimit(getattr(resource, name))
    except (ImportError, AttributeError):  # Windows, or no file can be opened
        return ""
    if soft == resource.RLIM_INFINITY:
        return ""
    return f"{sentence.format(f'{soft // unit:,}')} ({_ULIMITS[name]}). "


def _top(name: str | None) -> str | None:
    return name.partition(".")[0] if name else None


def _files(error: BaseException) -> list[str]:
    """The files that an exception came through, the innermost last."""
    files = []
    trace = error.__traceback__
    while trace:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        files.append(error.filename)
    return files


def _failed_import(error: BaseException) -> tuple[str | None, str | None]:
    """The package whose import failed, and the folder that it lies in.

    It is the one that the program itself asked for: what failed inside it may be one
    that nobody knows.
    """
    if isinstance(error, ModuleNotFoundError) and _top(error.name) not in sys.modules:
        return _top(error.name), None
    files = _files(error)
    own = [place for place, file in enumerate(files) if file.startswith(_PACKAGE)]
    after = files[own[-1] + 1 :] if own else files
    outside = [file for file in after if not file.startswith(_IMPORT)]
    importing = len(outside) < len(after)
    if outside and (importing or isinstance(error, ImportError)):
        for folder in filter(None, sys.path):
            if outside[0].startswith(folder + os.sep):
                inside = outside[0][len(folder) + 1 :]
                return inside.split(os.sep)[0].removesuffix(".py"), folder
    if isinstance(error, ImportError):
        return _top(error.name), None
    return None, None


def _find_shadow(files: Sequence[str]) -> tuple[str, str, str] | None:
    """A module of the user that was loaded in place of one of Python or of a package.

    Args:
        files: That the failure came through.

    Returns:
        Its name, its path, and the folder of the one that it hides; None without one.
    """
    from importlib.machinery import PathFinder

    library = os.path.dirname(os.__file__)
    for place, folder in enumerate(sys.path):
        if folder == library:
            return None  # What comes later can hide nothing of Python's.
        try:
            entries = sorted(os.listdir(folder or "."))
        except OSError:
            continue
        for entry in entries:
            name = entry.removesuffix(".py")
            if not name.isidentifier():
                continue
            path = os.path.join(os.path.abspath(folder), entry)
            loaded = getattr(sys.modules.get(name), "__file__", None) or ""
            # One that failed while it was loaded is only in the traceback.
            if any(file == path or file.startswith(path + os.sep)
                   for file in (loaded, *files)):  # fmt: skip
                hidden = PathFinder.find_spec(name, sys.path[place + 1 :])
                if not hidden or name == "cifarcnn":
                    continue
                if hidden.origin:
                    return name, path, os.path.dirname(hidden.origin)
                for there in hidden.submodule_search_locations or ():
                    return name, path, there  # a package without a file of its own
    return None
