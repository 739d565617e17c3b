"""The machine: its system, its processor and memory, and the environment."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from cifarcnn.cpu import read_cpu_info, usable_cores
from cifarcnn.doctor.section import Section, format_bytes
from cifarcnn.engine import free_memory
from cifarcnn.engine.machine import is_container

# As Linux calls them: of x86 the first ones, of Arm the others.
_SIXTEEN_BITS = {
    "avx512_bf16": "avx512_bf16",
    "avx512_fp16": "avx512_fp16",
    "amx_bf16": "amx_bf16",
    "amx_fp16": "amx_fp16",
    "bf16": "bf16",
    "svebf16": "svebf16",
    "asimdhp": "fp16",
}
_VARIABLES = re.compile(
    r"(KERAS|CUDA|NVIDIA|XLA|JAX|TF2?|CIFARCNN|OMP|MKL)_\w+"
    r"|(DY)?LD_LIBRARY_PATH|LD_PRELOAD|PYTHON(PATH|WARNINGS|HOME)"
)
_TERRAFORM = re.compile(
    r"TF_(ACC|CLI|DATA|IN|INPUT|LOG|PLUGIN|REATTACH|REGISTRY|TOKEN|VAR|WORKSPACE)(_|$)"
)
_SECRET = re.compile(r"SECRET|PASSW|CREDENTIAL|TOKEN|_KEY|APIKEY")
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"(?<=\?)\S+")


def examine_system(root: Path) -> Section:
    """The operating system and the kind of the processor.

    Args:
        root: Where ``etc`` lies.
    """
    name = {"Darwin": "macOS"}.get(platform.system(), platform.system() or "unknown")
    release = platform.mac_ver()[0] or platform.release() or "unknown"
    facts = {
        "name": name,
        "release": release,
        "distribution": _read_distribution(root),
        "architecture": platform.machine() or "unknown",
        "python_executable": sys.executable,
        "wsl": "microsoft" in release.lower(),
        "container": is_container(root),
    }
    words = [f"{name} {release}", facts["distribution"], facts["architecture"]]
    words += ["in WSL2"] if facts["wsl"] else []
    words += ["in a container"] if facts["container"] else []
    lines = [
        ("system", ", ".join(str(word) for word in words if word)),
        ("Python is", sys.executable),
    ]
    return Section("system", "System", facts, lines)


def _read_distribution(root: Path) -> str | None:
    for place in ("etc/os-release", "usr/lib/os-release"):
        try:
            text = (root / place).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip("\"'")
    return None


def examine_cpu(root: Path) -> Section:
    """The processor, the memory, and the 16-bit arithmetic that there is.

    Args:
        root: Where ``proc`` and ``sys`` lie.
    """
    flags = {*read_cpu_info("flags").split(), *read_cpu_info("Features").split()}
    model = read_cpu_info("model name") or platform.processor() or platform.machine()
    facts: dict[str, Any] = {
        "model": model or None,
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "free_memory_bytes": free_memory(root),
        "avx": "avx" in flags,
        "sixteen_bit": [name for flag, name in _SIXTEEN_BITS.items() if flag in flags],
    }
    lines = [
        ("model", model or "unknown"),
        ("cores", f"{facts['usable_cores']} usable of {facts['cores']}"),
        ("free memory", format_bytes(facts["free_memory_bytes"])),
        ("16 bits", ", ".join(facts["sixteen_bit"]) or "no instructions for it"),
    ]
    if not flags:
        facts |= {"avx": None, "sixteen_bit": None}
        lines[-1] = ("16 bits", "unknown: the system does not say")
    return Section("cpu", "CPU", facts, lines)


def examine_environment() -> Section:
    """The variables that change what the libraries and this program do."""
    facts = {
        name: _hide_secrets(name, value)
        for name, value in sorted(os.environ.items())
        if _VARIABLES.fullmatch(name) and not _TERRAFORM.match(name)
    }
    lines = list(facts.items()) or [("", "none of those that matter is set")]
    return Section("environment", "Environment variables", facts, lines)


def _hide_secrets(name: str, value: str) -> str:
    """The value without passwords: a report of a bug is read by strangers."""
    if _SECRET.search(name):
        return "(not shown)"
    return _QUERY.sub("...", _LOGIN.sub("...@", value))
