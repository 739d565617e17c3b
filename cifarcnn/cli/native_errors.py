"""What a native library says when it ends the whole process, brought to the user.

TensorFlow aborts or exits where it has no memory, or a variable such as TF_XLA_FLAGS
makes no sense to it. Python does not come to know of it, and what was said lies in a
file that nobody sees. So a shell beside this process waits for its end.
"""

from __future__ import annotations

import contextlib
import os

from cifarcnn.cli.unexpected_errors import describe_memory_limit

_SENTENCE = "error: The process was ended in the middle of its work."
# An F of TensorFlow's log is a fatal error. An E ends nothing: every machine without a
# GPU has one.
_PATTERN = r"^F[0-9]{4} |terminate called|what\(\)|alloc|emory"
_SCRIPT = r"""
trap '' INT TERM HUP
read -r line && exit
errors=$(tail -c "+$2" "$1" | grep -aE "$3" | tail -n 4 | cut -c 1-500)
[ -z "$errors$4" ] || printf '%s\n' "$0" ${errors:+"$errors"} ${4:+"$4"} >&2
"""


class NativeErrors:
    """Shows the errors in a file when this process ends before :meth:`dismiss`."""

    def __init__(self, file: int, start: int, stderr: int) -> None:
        """Start to wait.

        Args:
            file: Descriptor of what the libraries write to.
            start: How many bytes of it were there before.
            stderr: Descriptor of the standard error that the user sees.
        """
        self._pid, self._writer = 0, -1
        if not hasattr(os, "posix_spawn"):  # Windows
            return
        reader, self._writer = os.pipe()
        limit = describe_memory_limit().rstrip()
        arguments = (f"/dev/fd/{file}", str(start + 1), _PATTERN, limit)
        actions = [
            (os.POSIX_SPAWN_DUP2, reader, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, stderr, 2),
        ]
        os.set_inheritable(file, True)
        # Without it all works as well, until a library gives up.
        with contextlib.suppress(OSError):
            self._pid = os.posix_spawn(
                "/bin/sh",
                ["sh", "-c", _SCRIPT, _SENTENCE, *arguments],
                os.environ,
                file_actions=actions,
            )
        os.set_inheritable(file, False)
        os.close(reader)

    def dismiss(self) -> None:
        """Wait no longer; nothing happens the second time."""
        if self._writer < 0:
            return
        with contextlib.suppress(OSError):
            os.write(self._writer, b"\n")
        os.close(self._writer)
        if self._pid:
            with contextlib.suppress(OSError):
                os.waitpid(self._pid, 0)
        self._writer = -1
