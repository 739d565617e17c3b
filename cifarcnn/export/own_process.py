"""A process with TensorFlow, for a program in which Keras runs on JAX."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.export.exported import Exported
from cifarcnn.literals import ExportFormat, ExportPrecision
from cifarcnn.python_process import describe_end, python_command
from cifarcnn.runs import WeightsChoice


def export_in_own_process(
    run: Path,
    path: Path,
    file_format: ExportFormat,
    precision: ExportPrecision,
    weights: WeightsChoice,
    data_path: Path | None,
) -> Exported:
    """What the command ``cifarcnn export`` does.

    Raises:
        RunError: It failed; the message is what it says.
    """
    arguments = ["--run", str(run), "--out", str(path), "--format", file_format]
    arguments += ["--precision", precision, "--json"]
    if weights == "last":
        arguments += ["--weights", "last"]
    if data_path is not None:
        arguments += ["--data", str(data_path)]
    environment = dict(os.environ)
    # They are for JAX's XLA; another one ends the process over a flag it does not know.
    environment.pop("XLA_FLAGS", None)
    with subprocess.Popen(
        [*python_command("cifarcnn.__main__"), "export", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        try:
            out, messages = process.communicate()
        except BaseException:
            # Not killed: it has a half-made file to take away.
            process.terminate()
            raise
    if process.returncode == 0:
        content = json.loads(out)
        del content["run"]
        return Exported.from_dict(content)
    text = "\n" + messages.decode(errors="replace")
    said = text.rpartition("\nerror: ")[2].strip()
    end = describe_end(process.returncode)
    raise RunError(said or f"the process that exports was ended ({end}).")
