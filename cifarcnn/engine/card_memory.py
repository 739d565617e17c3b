"""Who holds the memory of the card, as ``nvidia-smi`` tells it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.engine.nvidia_driver import ask_driver

# The second is where WSL2 has it, outside the path of some shells.
_NVIDIA_SMI = ("nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi")
_PATIENCE_SECONDS = 20
_MEBIBYTE = 2**20
# Less than this is too little for the handles and work space of cuDNN and cuBLAS.
_LEAST_BYTES = 1e9


@dataclass(frozen=True)
class CardProcess:
    """A process of this machine that computes on the card."""

    id: int
    name: str
    bytes: int


@dataclass(frozen=True)
class CardMemory:
    """The memory of a card.

    Attributes:
        total_bytes: All of it.
        free_bytes: What nobody holds.
        others: Other processes that hold some of it, the greatest first; nothing where
            processes cannot be told from this one, as in most containers.
    """

    total_bytes: int
    free_bytes: int
    others: tuple[CardProcess, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether next to nothing is free."""
        return self.free_bytes < _LEAST_BYTES


def read_card_memory() -> CardMemory | None:
    """The memory of the first card that this process may use; ``None``: not known."""
    cards = ask_driver(hidden_too=False).cards
    if not cards:
        return None
    card = f"--id={cards[0].uuid}"
    found = _ask_nvidia_smi(card, "--query-gpu=memory.total,memory.free")
    if len(found) != 1 or not all(value.isdigit() for value in found[0]):
        return None
    total, free = (int(value) * _MEBIBYTE for value in found[0])
    processes = _ask_nvidia_smi(card, "--query-compute-apps=pid,used_memory,name")
    return CardMemory(total, free, _other_processes(processes))


def read_free_bytes() -> dict[str, int]:
    """What is free on each card of this machine, by its UUID, as far as it is known."""
    return {
        row[0]: int(row[1]) * _MEBIBYTE
        for row in _ask_nvidia_smi("--query-gpu=uuid,memory.free")
        if len(row) == 2 and row[1].isdigit()
    }


def describe_holders(memory: CardMemory | None) -> str:
    """Who else holds the card, and what that leaves; nothing where nobody is known."""
    if memory is None or not memory.others:
        return ""
    first, *more = memory.others
    who, whose = f"process {first.id} ({first.name}) holds", "its"
    if more:
        who, whose = (
            f"process {first.id} ({first.name}) and {len(more)} more hold",
            "their",
        )
    held = sum(each.bytes for each in memory.others) / 1e9
    total = memory.total_bytes / 1e9
    return f"{who} {held:,.1f} GB of {total:,.1f}, which {whose} end would free"


def _other_processes(rows: list[list[str]]) -> tuple[CardProcess, ...]:
    found = [
        CardProcess(int(number), Path(name).name, int(used) * _MEBIBYTE)
        for number, used, name in (row for row in rows if len(row) == 3)
        if number.isdigit() and used.isdigit()
    ]
    # Without this process among them the numbers are those of another container.
    if os.getpid() not in {each.id for each in found}:
        return ()
    others = [each for each in found if each.id != os.getpid()]
    return tuple(sorted(others, key=lambda each: each.bytes, reverse=True))


def _ask_nvidia_smi(*query: str) -> list[list[str]]:
    """The rows of its answer; none where it is not there or fails."""
    program = next(filter(None, map(shutil.which, _NVIDIA_SMI)), None)
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, *query, "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    # Nothing is quoted; of a name, the last one, a comma is a part.
    return [line.split(", ", 2) for line in done.stdout.splitlines()]
