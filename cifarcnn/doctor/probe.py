"""The side of a probe that runs in a process of its own; see ``child``."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

# The convolution: 64 images of 32x32 (and a border) with 32 channels to 32 filters, 0.6
# billion multiply-accumulates. All sums are nine, exactly in any arithmetic.
CHANNELS = FILTERS = 32
INPUT_SHAPE = (64, 34, 34, CHANNELS)
KERNEL_SHAPE = (3, 3, CHANNELS, FILTERS)
WEIGHT = 1 / CHANNELS
_REPETITIONS = 11


class Probe:
    """Tells the process that started this one how far it is, and what it found."""

    def __init__(self) -> None:
        # What libraries print must not get between the answers.
        self._out: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
        sys.stdout.flush()
        os.dup2(2, 1)

    def stage(self, name: str) -> None:
        """What is done from now on: ``import``, ``devices``, ``convolution``, ..."""
        self._write({"stage": name})

    def run(self, examine: Callable[[], object]) -> None:
        """Write what ``examine`` returns, or the exception that it raises."""
        try:
            answer = examine()
        except BaseException as error:
            self._write({"error": describe_exception(error)})
            return
        self._write({"answer": answer})

    def _write(self, said: dict[str, Any]) -> None:
        self._out.write(json.dumps(said, default=str) + "\n")
        self._out.flush()


def describe_exception(error: BaseException) -> dict[str, str]:
    """Its type, the first line of its message, where it comes from, what is missing.

    Returns:
        ``type``, ``message``, ``package`` that it was raised in, and ``missing``, the
        module that is not there; the last two may be empty.
    """
    lines = str(error).strip().splitlines()
    return {
        "type": type(error).__name__,
        "message": next((line.strip() for line in lines if line.strip()), ""),
        "package": _find_package(error),
        "missing": _find_missing(error),
    }


def _find_missing(error: BaseException | None) -> str:
    """Also of an exception that was raised in place of the first, as JAX does."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name.partition(".")[0]
        error = error.__cause__
    return ""


def _find_package(error: BaseException) -> str:
    """The module whose file raised it; empty for one of Python's own."""
    folders = [Path(folder) for folder in sys.path if folder]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        for folder in folders:
            # Python's own library is a folder of the path as well.
            if file.is_relative_to(folder):
                name = file.relative_to(folder).parts[0].removesuffix(".py")
                if name != "site-packages" and name not in sys.stdlib_module_names:
                    return name
    return ""


def time_convolution(run: Callable[[], Any]) -> dict[str, float]:
    """How long a convolution takes, in milliseconds: the first, and those after it.

    Args:
        run: Computes it to its end, and gives one of its values, which must be nine.

    Raises:
        ValueError: It gives another value.
    """
    times = []
    for _ in range(_REPETITIONS):
        begin = time.perf_counter()
        value = float(run())
        times.append(1000 * (time.perf_counter() - begin))
        if value != 9:
            raise ValueError(f"it gave {value:g} in place of 9")
    return {
        "first_milliseconds": times[0],
        "median_milliseconds": statistics.median(times[1:]),
    }
