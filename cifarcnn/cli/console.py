"""Where words go: results to standard output, the rest to standard error.

TensorFlow writes its own lines to file descriptor 2, past Python. While it runs,
``native_output`` leads that descriptor into a file; what the program itself says still
reaches the real standard error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

STDERR = 2


class _Screen:
    """The real standard error, also while descriptor 2 leads elsewhere."""

    stream: TextIO | None = None


def screen() -> TextIO:
    """The stream that the user sees as standard error."""
    return _Screen.stream or sys.stderr


def err() -> Console:
    """A rich console on the real standard error, for tables and live displays."""
    from rich.console import Console

    return Console(file=screen(), highlight=False, markup=False, soft_wrap=True)


def printable(text: str) -> str:
    """The text with a question mark for all that no terminal should be sent."""
    return "".join(
        character if character.isprintable() else "?"
        # Bytes of a file name that are not UTF-8 come as lone surrogates.
        for character in text.encode("utf-8", "replace").decode()
    )


def clean(text: str) -> str:
    """The same for text of several lines, whose ends stay.

    Names of files and classes come from strangers, and a terminal obeys what it is
    sent: sequences in them could hide words, type on, or change its title.
    """
    return "\n".join(map(printable, text.split("\n")))


def say(text: str) -> None:
    """One or more plain lines for the user, on standard error."""
    print(clean(text), file=screen(), flush=True)


def answer(text: str) -> None:
    """A result for people, on standard output.

    Raises:
        BrokenPipeError: Whoever read it has gone away.
    """
    print(clean(text), flush=True)


def emit(text: str) -> None:
    """A result for programs, on standard output: JSON, CSV, the path of a file.

    A pipe gets it to the letter.

    Raises:
        BrokenPipeError: Whoever read it has gone away.
    """
    print(clean(text) if _is_terminal() else text, flush=True)


def _is_terminal() -> bool:
    # A process can be started without any standard output.
    return sys.stdout is not None and sys.stdout.isatty()


class NativeOutput:
    """What TensorFlow and other native code write to standard error, in a file."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()

    def attach(self) -> None:
        os.dup2(self._file.fileno(), STDERR)

    def move_to(self, path: Path) -> None:
        """Append what has come so far to ``path`` and go on there.

        Raises:
            RunError: ``path`` is there and is a link, a pipe or a device: in the folder
                of a stranger's run it could lead anywhere.
            OSError: The file cannot be written.
        """
        from cifarcnn.runs.reading import require_plain

        with contextlib.suppress(FileNotFoundError):
            require_plain(path)
        target = path.open("ab")
        sys.stderr.flush()
        self._file.seek(0)
        shutil.copyfileobj(self._file, target)
        target.flush()
        self._file.close()
        self._file = target
        self.attach()

    def close(self) -> None:
        self._file.close()


@contextlib.contextmanager
def native_output() -> Iterator[NativeOutput]:
    """Lead descriptor 2 into a temporary file for as long as the context lasts."""
    if _Screen.stream is not None:
        raise RuntimeError("native_output is open already")
    sys.stderr.flush()
    saved = os.dup(STDERR)
    output = NativeOutput()
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    _Screen.stream = open(
        os.dup(saved), "w", encoding=encoding, errors="replace", buffering=1
    )
    output.attach()
    try:
        yield output
    finally:
        sys.stderr.flush()
        os.dup2(saved, STDERR)
        os.close(saved)
        _Screen.stream.close()
        _Screen.stream = None
        output.close()
