"""Another Python process, which finds packages where this one does."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

_SCRIPT = """
import sys
sys.path[:] = {path}
{script}
"""


def python_command(module: str) -> list[str]:
    """The command that calls ``main()`` of a module of this package.

    What is installed for this process is for that one, and nothing else: not what
    happens to lie in the working folder, and not the script that this process runs.

    Args:
        module: Its dotted name.
    """
    return script_command(f"from {module} import main\nmain()")


def script_command(script: str) -> list[str]:
    """The command that runs a script; as for :func:`python_command`.

    Args:
        script: Of Python; ``sys`` is imported.
    """
    package = str(Path(__file__).parents[1])
    script = _SCRIPT.format(path=[*filter(None, sys.path), package], script=script)
    return [sys.executable, "-P", "-W", "ignore", "-c", script]


def describe_end(code: int) -> str:
    """How a process ended, by its exit code; below 0 it is that of a signal."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
