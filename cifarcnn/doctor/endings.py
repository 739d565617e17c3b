"""How a process of a probe ended without an answer, in a sentence."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping

from cifarcnn.cpu import read_cpu_info
from cifarcnn.doctor.child import Ending
from cifarcnn.doctor.section import Finding

# Of a module whose package has another name for pip.
PIP_NAMES = {"PIL": "pillow", "yaml": "pyyaml", "google": "protobuf"}
_AGAIN = "python -m pip install --force-reinstall"
_STAGES = {
    "": "when Python was started",
    "libraries": "when its CUDA libraries were loaded",
    "import": "when it was imported",
    "start": "when it was started",
    "devices": "when it was asked for its devices",
    "convolution": "in a small convolution",
}
_VARIABLE = re.compile(r"environment variable (\w+)\b.*\bUnset it")
# A fatal line of TensorFlow's log, an exception of C++, a loader's complaint.
_FATAL = re.compile(r"^F[0-9]{4} |terminate called|what\(\)|rror|lloc")
_LOG_PREFIX = re.compile(r"^[FE][0-9]{4} [^\]]*\] ")


def explain_ending(
    ending: Ending, title: str, package: str, limit_seconds: float
) -> Finding:
    """Why there is no answer, and what mends it.

    Args:
        ending: Without an answer.
        title: Of what was tried, for people.
        package: Its name for pip.
        limit_seconds: The time that it had.
    """
    stage = _STAGES.get(ending.stage, ending.stage)
    again = f"{_AGAIN} {package}"
    if ending.error is not None:
        return _explain_error(ending.error, title, stage, package)
    if ending.exit_code is None:
        return Finding(
            f"{title} gave no answer within {limit_seconds:g} seconds {stage}, and was "
            "ended."
        )
    if ending.exit_code < 0:
        number = -ending.exit_code
        name = signal.strsignal(number) or f"signal {number}"
        if name == "Killed":
            return Finding(
                f"{title} was killed {stage}, as the system does where memory runs "
                "out. Free memory, and try again."
            )
        if number in (signal.SIGILL, signal.SIGABRT) and _lacks_avx():
            return Finding(
                f"{title} crashed {stage}: {name}: this CPU has no AVX, which the "
                "published packages need. Use a machine that has it."
            )
        text = f"{title} crashed {stage}: {name}.{_last_words(ending)}"
        return Finding(text, again, package)
    return Finding(
        f"{title} ended the process {stage}, with exit code {ending.exit_code}."
        f"{_last_words(ending)}",
        again,
        package,
    )


def _explain_error(
    error: Mapping[str, str], title: str, stage: str, package: str
) -> Finding:
    cause = PIP_NAMES.get(error["package"], error["package"].replace("_", "-"))
    if error["type"] == "ModuleNotFoundError" and cause:
        return Finding(
            f"{title} failed {stage}: the Python package {cause} is not installed.",
            f"python -m pip install {cause}",
            cause,
        )
    if error["type"] == "DeviceError":
        # Whole sentences, with their way out.
        variable = _VARIABLE.search(error["message"])
        return Finding(error["message"], variable and f"unset {variable[1]}")
    if cause and cause != "cifarcnn":
        package = cause
    text = f"{error['type']}: {error['message']}".rstrip(".: ")
    command = f"{_AGAIN} {package}"
    return Finding(f"{title} failed {stage}: {text}.", command, package)


def _lacks_avx() -> bool:
    flags = read_cpu_info("flags").split()
    return bool(flags) and "avx" not in flags


def _last_words(ending: Ending) -> str:
    """What it wrote last of a failure, as a further sentence with a space before."""
    lines = [line.strip() for line in ending.last_words.splitlines()]
    fatal = [line for line in lines if _FATAL.search(line)] or lines[-1:]
    text = _LOG_PREFIX.sub("", fatal[-1])[:300].rstrip(".") if fatal else ""
    return f" Its last words: {text}." if text else ""
