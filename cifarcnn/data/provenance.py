"""A note beside data that was fetched or imported: from where, and when."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cifarcnn.files import write_atomically

_LIMIT = 10_000


class Provenance(BaseModel):
    """Where data came from.

    Attributes:
        how: ``fetched`` from the network or ``imported`` from this machine.
        origin: The address or the path.
        day: The date (UTC), as in 2026-01-31.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    how: Literal["fetched", "imported"]
    origin: str
    day: str

    @classmethod
    def of_now(cls, how: Literal["fetched", "imported"], origin: str) -> Self:
        """What happened today."""
        # A path may hold bytes that are not UTF-8.
        origin = origin.encode(errors="replace").decode()
        return cls(how=how, origin=origin, day=datetime.now(UTC).date().isoformat())


def write_provenance(path: Path, provenance: Provenance) -> None:
    """Note where ``path`` came from; without room for a note there is none."""
    with contextlib.suppress(OSError):
        write_atomically(_note(path), provenance.model_dump_json().encode())


def read_provenance(path: Path) -> Provenance | None:
    """Where ``path`` came from, or ``None`` when nothing readable says so."""
    try:
        with open(_note(path), "rb") as file:
            return Provenance.model_validate_json(file.read(_LIMIT))
    except (OSError, ValidationError):
        return None


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.origin.json")
