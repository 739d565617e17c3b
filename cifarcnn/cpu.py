"""The processor of this machine: its cores, and what Linux tells of it."""

from __future__ import annotations

import os
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_cpu_info(field: str) -> str:
    """The first value of a field, such as ``model name`` or ``flags``.

    Returns:
        Nothing where the system has no such file, or the file no such field.
    """
    try:
        text = CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field and value.strip():
            return value.strip()
    return ""
