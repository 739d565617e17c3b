"""Results go to standard output, messages to standard error.

Either may go away while the work goes on: a pipe's reader ends, a terminal is closed, a
disk is full. A message that cannot be written is dropped, since none is worth the work
it tells of. A result that cannot be written ends the command.

TensorFlow writes its own lines to file descriptor 2, past Python. While it runs,
``native_output`` leads that descriptor into a file; what the program itself says still
reaches the real standard error.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

from cifarcnn.cli.native_errors import NativeErrors
from cifarcnn.errors import CifarcnnError, Stopped

if TYPE_CHECKING:
    from rich.console import Console

STDOUT = 1
STDERR = 2
# Windows has no such signal, but readers go away there too.
_SIGPIPE = 13


class _Descriptor(io.FileIO):
    """Writes all or raises, also where another process made the stream non-blocking."""

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        while rest:
            count = super().write(rest)
            if count is None:
                select.select([], [self], [])
            else:
                rest = rest[count:]
        return len(data)


class _Stderr(_Descriptor):
    """Standard error: what cannot be written is dropped."""

    def write(self, data: Any) -> int:
        with contextlib.suppress(OSError):
            super().write(data)
        return len(data)


class _Stdout(_Descriptor):
    """Standard output: what cannot be written ends the command."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise Stopped(_SIGPIPE) from None
        except OSError as error:
            raise CifarcnnError(
                f"The result could not be written to standard output: {error.strerror}."
            ) from None


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Make the standard streams safe to use for as long as the context lasts."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # The lowest free descriptor is taken, so each gets its own back. Left free, it
        # would go to some file, and TensorFlow's lines into that file.
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))
    stdout = _as_text(_Stdout(STDOUT, "w", closefd=False), sys.stdout)
    stderr = _as_text(_Stderr(STDERR, "w", closefd=False), sys.stderr)
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        yield


def _as_text(descriptor: io.FileIO, like: TextIO) -> TextIO:
    return io.TextIOWrapper(
        # No buffer between, which would try again when it is closed: a line that a
        # signal came after would be written twice, and one for a reader that does not
        # read would be waited for.
        descriptor,
        encoding=like.encoding,
        # A file name that the terminal's encoding lacks must not end the program.
        errors="backslashreplace",
        line_buffering=True,
    )


# The real standard error and output while native code runs.
_redirected: list[TextIO] = []
_results: list[TextIO] = []


def real_stderr() -> TextIO:
    """The stream that the user sees as standard error."""
    return _redirected[0] if _redirected else sys.stderr


def stderr_console() -> Console:
    """A rich console on the real standard error, for tables and live displays."""
    from rich.console import Console

    return Console(file=real_stderr(), highlight=False, markup=False, soft_wrap=True)


def stderr_is_live() -> bool:
    """Whether standard error is a terminal that a display can be drawn on."""
    screen = stderr_console()
    return screen.is_terminal and not screen.is_dumb_terminal


def printable(text: str) -> str:
    """The text with a question mark for all that no terminal should be sent."""
    return "".join(
        character if character.isprintable() else "?"
        # Bytes of a file name that are not UTF-8 come as lone surrogates.
        for character in text.encode("utf-8", "replace").decode()
    )


def printable_lines(text: str) -> str:
    """The same for text of several lines, whose ends stay.

    Names of files and classes come from strangers, and a terminal obeys what it is
    sent: sequences in them could hide words, type on, or change its title.
    """
    return "\n".join(map(printable, text.split("\n")))


def print_message(text: str) -> None:
    """One or more plain lines for the user, on standard error."""
    print(printable_lines(text), file=real_stderr(), flush=True)


def print_result(text: str) -> None:
    """A result for people, on standard output.

    Raises:
        Stopped: Whoever read it has gone away.
        CifarcnnError: It cannot be written for another reason, such as a full disk.
    """
    print(printable_lines(text), file=_stdout(), flush=True)


def print_raw(text: str) -> None:
    """A result for programs, on standard output: JSON, CSV, the path of a file.

    A pipe gets it to the letter.

    Raises:
        Stopped: Whoever read it has gone away.
        CifarcnnError: It cannot be written for another reason, such as a full disk.
    """
    stdout = _stdout()
    # A process can be started without any standard output.
    terminal = stdout is not None and stdout.isatty()
    print(printable_lines(text) if terminal else text, file=stdout, flush=True)


def _stdout() -> TextIO:
    return _results[0] if _results else sys.stdout


def require_reader() -> None:
    """Look whether somebody is left to read a result that is still to be worked out.

    Raises:
        Stopped: Whoever read standard output has gone away.
    """
    if not hasattr(select, "poll"):  # Windows
        return
    poll = select.poll()
    poll.register(STDOUT, 0)
    gone = select.POLLERR | select.POLLHUP
    if any(event & gone for _, event in poll.poll(0)):
        raise Stopped(_SIGPIPE)


class NativeOutput:
    """What TensorFlow and other native code write to standard error, in a file."""

    def __init__(self, stderr: int = STDERR) -> None:
        """A temporary file at first.

        Args:
            stderr: Descriptor of the standard error that the user sees.
        """
        self._file: IO[bytes]
        try:
            self._file = tempfile.TemporaryFile()
        except OSError:
            # Nowhere is room for it.
            self._file = open(os.devnull, "w+b", buffering=0)
        self._stderr = stderr
        self._errors = NativeErrors(self._file.fileno(), 0, stderr)

    def attach(self) -> None:
        os.dup2(self._file.fileno(), STDERR)

    def log(self, text: str) -> None:
        """Add a line, unless it cannot be written."""
        with contextlib.suppress(OSError):
            os.write(STDERR, f"{text}\n".encode())

    def move_to(self, path: Path) -> None:
        """Append what has come so far to ``path`` and go on there.

        Where it cannot be written it is left: no log is worth the work it tells of.

        Raises:
            RunError: ``path`` is there and is a link, a pipe or a device: in the folder
                of a stranger's run it could lead anywhere.
        """
        from cifarcnn.runs.safe_io import require_regular_file

        with contextlib.suppress(FileNotFoundError):
            require_regular_file(path)
        try:
            target = path.open("ab", buffering=0)
        except OSError:
            return
        sys.stderr.flush()
        start = target.tell()
        self._file.seek(0)
        with contextlib.suppress(OSError):
            shutil.copyfileobj(self._file, target)
        self._errors.dismiss()
        self._file.close()
        self._file = target
        self._errors = NativeErrors(target.fileno(), start, self._stderr)
        self.attach()

    def dismiss_errors(self) -> None:
        """Have nothing said of the end of this process that others have seen coming."""
        self._errors.dismiss()

    def close(self) -> None:
        self.dismiss_errors()
        self._file.close()


_native: list[NativeOutput] = []


def dismiss_native_errors() -> None:
    """Have nothing said of what native code wrote, although the process ends now."""
    for output in _native:
        output.dismiss_errors()


@contextlib.contextmanager
def native_output() -> Iterator[NativeOutput]:
    """Lead descriptor 2 into a temporary file for as long as the context lasts.

    What libraries print on standard output goes there too, beside no result.
    """
    if _redirected:
        raise RuntimeError("native_output is open already")
    sys.stderr.flush()
    saved = os.dup(STDERR)
    output = NativeOutput(saved)
    _native.append(output)
    stderr = _as_text(_Stderr(os.dup(saved), "w"), sys.stderr)
    _redirected.append(stderr)
    output.attach()
    _results.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield output
    finally:
        _native.clear()
        _results.clear()
        sys.stderr.flush()
        os.dup2(saved, STDERR)
        os.close(saved)
        _redirected.remove(stderr)
        stderr.close()
        output.close()
