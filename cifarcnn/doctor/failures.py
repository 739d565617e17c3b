"""How a process of a probe ended without an answer, in a sentence."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping

from cifarcnn.cpu import read_cpu_info
from cifarcnn.doctor import child
from cifarcnn.doctor.child import ProbeResult
from cifarcnn.doctor.section import Finding
from cifarcnn.pip_names import pip_name

_KILLED = -9  # SIGKILL, which Windows does not name
_AGAIN = "install --force-reinstall"
_STAGES = {
    "": "when Python was started",
    "libraries": "when its CUDA libraries were loaded",
    "import": "when it was imported",
    "start": "when it was started",
    "devices": "when it was asked for its devices",
    "convolution": "in a small convolution",
}
_VARIABLE = re.compile(r"environment variable (\w+)\b.*\bUnset it")
_MEMORY = re.compile(
    r"MemoryError|failed to map segment|allocate memory|bad_alloc|out of memory"
    r"|RESOURCE_EXHAUSTED|OUT_OF_MEMORY|ResourceExhausted",
    re.IGNORECASE,
)
# A fatal line of TensorFlow's log, an exception of C++, a loader's complaint.
_FATAL = re.compile(r"^F[0-9]{4} |terminate called|what\(\)|rror|lloc")
_LOG_PREFIX = re.compile(r"^[FEWI][0-9]{4} [^\]]*\] ")
_ABOUT_GPUS = re.compile(
    r"^[EW].*(GPU|CUDA|cuInit|dlopen)|WARNING.*(GPU|CUDA)"
    # What JAX logs of an exception of a plugin.
    r"|^\w+Error: .*(GPU|CUDA|cuDNN|\.so\b)"
)


def explain_failure(result: ProbeResult, title: str, package: str) -> Finding:
    """Why there is no answer, and what mends it.

    Args:
        result: Without an answer.
        title: Of what was tried, for people.
        package: Its name for pip.
    """
    stage = _STAGES.get(result.stage, result.stage)
    if result.error is not None:
        text, package = _describe_error(result.error, package)
        if result.error["type"] == "DeviceError":
            # Whole sentences, with their way out.
            variable = _VARIABLE.search(text)
            return Finding(text, variable and f"unset {variable[1]}")
        message = f"{title} failed {stage}: {text}."
    elif result.exit_code is None:
        return Finding(
            f"{title} gave no answer within {child.LIMIT_SECONDS} seconds {stage}, "
            "and was ended."
        )
    elif result.exit_code == _KILLED:
        message = (
            f"{title} was killed {stage}, as the system does where memory runs out."
        )
        return Finding(f"{message} Free memory, and try again.")
    elif result.exit_code < 0:
        name = signal.strsignal(-result.exit_code) or f"signal {-result.exit_code}"
        message = f"{title} crashed {stage}: {name}"
        if -result.exit_code in (signal.SIGILL, signal.SIGABRT) and _lacks_avx():
            return Finding(
                f"{message}: this CPU has no AVX, which the published packages need. "
                "Use a machine that has it."
            )
        message += f".{_last_words(result)}"
    else:
        message = f"{title} ended the process {stage}, with exit code "
        message += f"{result.exit_code}.{_last_words(result)}"
    if _MEMORY.search(message):
        return Finding(f"{message} Free memory, or raise a limit of it (ulimit -v).")
    if not result.stage:
        return Finding(message)  # Python itself was not well, whatever was to be tried
    install = "install" if message.endswith("is not installed.") else _AGAIN
    return Finding(message, f"python -m pip {install} {package}", package)


def _describe_error(error: Mapping[str, str], package: str) -> tuple[str, str]:
    """An exception in words, and the package to install for it."""
    if error["type"] == "DeviceError":
        return error["message"], package
    if missing := pip_name(error["missing"]):
        return f"the Python package {missing} is not installed", missing
    cause = pip_name(error["package"])
    text = f"{error['type']}: {error['message']}".rstrip(".: ")
    return text, package if cause in ("", "cifarcnn") else cause


def _lacks_avx() -> bool:
    flags = read_cpu_info("flags").split()
    return bool(flags) and "avx" not in flags


def find_words_about_gpus(result: ProbeResult) -> str | None:
    """What a library itself wrote last on the GPUs that it does not take."""
    lines = result.stderr.splitlines()
    about = [line.strip() for line in lines if _ABOUT_GPUS.search(line)]
    return _LOG_PREFIX.sub("", about[-1])[:300] if about else None


def _last_words(result: ProbeResult) -> str:
    """What it wrote last of a failure, as a further sentence with a space before."""
    lines = [line.strip() for line in result.stderr.splitlines()]
    fatal = [line for line in lines if _FATAL.search(line)] or lines[-1:]
    text = _LOG_PREFIX.sub("", fatal[-1])[:300].rstrip(".") if fatal else ""
    return f" Its last words: {text}." if text else ""
