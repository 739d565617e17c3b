"""What was found out about one subject: for programs, for people, and what to mend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cifarcnn.errors import first_line


@dataclass(frozen=True)
class Finding:
    """Something to mend.

    Attributes:
        message: One or a few plain sentences.
        command: What mends it, where one command does.
        package: That the command installs; one that is broken breaks all that need it.
    """

    message: str
    command: str | None = None
    package: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Section:
    """One subject.

    Attributes:
        key: Its name in the JSON document.
        title: Its heading.
        facts: For programs; see docs/doctor.md.
        lines: For people: what, and how it is.
        findings: What to mend, the most important first.
    """

    key: str
    title: str
    facts: Any
    lines: list[tuple[str, str]]
    findings: list[Finding] = field(default_factory=list)


def make_section(key: str, title: str, examine: Callable[[], Section]) -> Section:
    """The section, or that it could not be looked at.

    In a broken installation any import and any file can fail, and the rest is then all
    the more worth knowing.
    """
    try:
        return examine()
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        missing = error.name if isinstance(error, ImportError) else None
        package = missing and missing.partition(".")[0]
        finding = Finding(f"{title} could not be looked at: {reason}.", None, package)
        return Section(key, title, {"error": reason}, [("error", reason)], [finding])


def format_bytes(count: float | None) -> str:
    """A number of bytes for people, such as ``79.6 GB``; powers of 1,000."""
    if count is None:
        return "unknown"
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}" if unit != "bytes" else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"
