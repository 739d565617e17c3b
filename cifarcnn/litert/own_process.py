"""A process of its own for what only TensorFlow can do, where Keras runs on JAX."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.installed import find_module
from cifarcnn.python_process import describe_end, python_command

# The exit code of a process that answers with its reason rather than a file.
REFUSED = 3
_LOOK_SECONDS = 0.1
# Minutes more than the largest network takes; a library that hangs is not waited for.
_LIMIT_SECONDS = 600


def convert_in_own_process(folder: Path, stopped: Callable[[], bool]) -> bytes:
    """The content of a LiteRT file that answers like the network of a run.

    Args:
        folder: Of the run, whose weights are saved.
        stopped: Asked ten times a second whether to give up.

    Raises:
        RunError: TensorFlow is not installed, the process fails, is killed or takes
            ten minutes, or ``stopped`` said so.
    """
    if not sys.executable or find_module("tensorflow") is None:
        raise RunError("only TensorFlow can make it, which is not installed.")
    arguments = [str(folder), str(os.getpid())]
    hidden = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
    environment = {**os.environ, **hidden}
    # They are for JAX's XLA; another one ends the process over a flag it does not know.
    environment.pop("XLA_FLAGS", None)
    try:
        process = subprocess.Popen(
            [*python_command("cifarcnn.run_conversion"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=environment,
            # Ctrl-C in a terminal is for the one that has the run.
            start_new_session=True,
        )
    except OSError as error:
        raise RunError(
            f"no process for TensorFlow could be started: {error.strerror}."
        ) from error
    with process:
        try:
            answer = _wait(process, stopped)
        except BaseException:
            process.kill()
            raise
    if process.returncode == 0:
        return answer
    if process.returncode == REFUSED:
        raise RunError(answer.decode(errors="replace"))
    raise RunError(
        f"the process that makes it was ended ({describe_end(process.returncode)})."
    )


def _wait(process: subprocess.Popen[bytes], stopped: Callable[[], bool]) -> bytes:
    end = time.monotonic() + _LIMIT_SECONDS
    while not stopped():
        try:
            return process.communicate(timeout=_LOOK_SECONDS)[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                raise RunError(
                    f"the process that makes it took more than {_LIMIT_SECONDS} s."
                ) from None
    raise RunError(
        "a signal came before it was made. The training is finished, and all its other "
        "files are there."
    )
