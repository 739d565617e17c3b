"""The exceptions that a user can cause, and the exit code of each.

::

    CifarcnnError            1   something failed
    |-- UsageError           2   the command line or a Python call is wrong
    |   `-- ConfigError      2   the config is wrong; carries every problem found
    |-- DataError            1   a data set is missing, damaged or not what it says
    |-- ImageError         1   one image cannot be read; the others go on
    |-- RunError             1   the folder of a run is missing, damaged or unfinished
    |   `-- DivergedError    4   the training came to numbers that are not finite
    `-- DeviceError          1   the device that was asked for cannot be used

The message is for the user: place, what was found, what was expected, the way out.
Only the command line turns one of these into an exit code and a line on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class CifarcnnError(Exception):
    """Something that the user can mend; the message says how."""

    exit_code = 1


class UsageError(CifarcnnError):
    """The command line, or an argument of a Python call, is wrong."""

    exit_code = 2


class DataError(CifarcnnError):
    """A data set is missing, damaged or not what it claims to be."""


class ImageError(CifarcnnError):
    """One image cannot be read. Others in the same call are not affected."""


class RunError(CifarcnnError):
    """The folder of a run is missing, damaged, or lacks what was asked for."""


class DivergedError(RunError):
    """The loss or a weight is not finite any more; finite weights of before are kept.

    Its exit code is one of its own, so that a search over settings can tell it.
    """

    exit_code = 4


class DeviceError(CifarcnnError):
    """The device that was asked for cannot be used on this machine."""


@dataclass(frozen=True)
class Problem:
    """One problem in a config.

    Attributes:
        file: The name of the file as the user gave it, or ``--set`` for an override.
        line: The line, counted from 1.
        column: The column, counted from 1.
        path: The dotted way to the value, such as ``model.layers[3].Conv2D.filters``.
        message: What was found and what was expected.
        hint: The way out; empty when the message already says it.
        text: The line of the file itself, or the part of it around the column.
        caret: The column in ``text`` that the caret stands under, counted from 1.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    text: str = ""
    caret: int = 1

    def __str__(self) -> str:
        subject = f"{self.path}: " if self.path else ""
        lines = [f"{self.file}:{self.line}:{self.column}: {subject}{self.message}"]
        if self.text:
            number = f"{self.line:>5}"
            lines.append(f"{number} | {self.text}")
            lines.append(f"{' ' * len(number)} | {' ' * (self.caret - 1)}^")
        if self.hint:
            lines.append(f"      {self.hint}")
        return "\n".join(lines)


class ConfigError(UsageError):
    """The config is wrong.

    Attributes:
        problems: Every problem that was found, in the order of the file.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Stopped(BaseException):
    """A signal ended the work after everything worth keeping was saved.

    Or there was no reason to go on, since nobody reads the result any more: SIGPIPE.

    Not an ``Exception``, so that no handler for failures takes it for one.

    Attributes:
        signal_number: The signal that asked for it, such as 2 for SIGINT.
        exit_code: 128 and the number of the signal, as shells have it.
    """

    def __init__(self, signal_number: int, message: str = "") -> None:
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
        super().__init__(message)


class TimeIsUp(Stopped):
    """The time that a training was given is over, and what it came to is saved.

    Attributes:
        run: The folder of the run.
    """

    def __init__(self, message: str, run: Path) -> None:
        self.run = run
        super().__init__(0, message)
        # It did what was asked for.
        self.exit_code = 0


def first_line(error: BaseException) -> str:
    """What a library's exception says, in one line for a message of ours."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
