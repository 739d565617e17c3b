"""The NVIDIA driver of this machine and the cards that it lists.

The cards are asked for in a process of their own, which this file is run as: a driver
that is not well can hang or take the process with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path("/")  # below it lie proc, dev, sys and usr
PATIENCE_SECONDS = 30
# Of cuda.h.
_COMPUTE_CAPABILITY_ATTRIBUTES = (75, 76)


@dataclass(frozen=True)
class Card:
    """One GPU.

    Attributes:
        name: Such as ``NVIDIA H100 80GB HBM3``.
        memory_bytes: All of its memory.
        compute_capability: Such as ``(9, 0)``.
        uuid: As ``nvidia-smi`` writes it.
    """

    name: str
    memory_bytes: int
    compute_capability: tuple[int, int]
    uuid: str


@dataclass(frozen=True)
class Driver:
    """What the driver's library ``libcuda.so.1`` says.

    Attributes:
        cuda: The newest version of CUDA that it can run, such as ``(13, 0)``.
        cards: All that it lists.
        error: Its code (``cuda.h``) and words where it does not start.
        complaint: Why it could not be asked: it cannot be loaded, or did not answer.
    """

    cuda: tuple[int, int] | None = None
    cards: tuple[Card, ...] = ()
    error: tuple[int, str] | None = None
    complaint: str | None = None


def has_nvidia_driver() -> bool:
    """Whether the NVIDIA driver is loaded, on Linux or in WSL2."""
    # In WSL2 it is a part of the one of Windows, and shows as its library alone.
    in_wsl = "usr/lib/wsl/lib/libcuda.so.1"
    paths = ("proc/driver/nvidia/version", "dev/nvidiactl", in_wsl)
    return any(os.path.exists(ROOT / path) for path in paths)


def cards_are_hidden() -> bool:
    """Whether ``CUDA_VISIBLE_DEVICES`` hides every card.

    CUDA reads it up to the first entry that names no card.
    """
    value = os.environ.get("CUDA_VISIBLE_DEVICES")
    first = "0" if value is None else value.split(",")[0].strip()
    return first in ("", "NoDevFiles") or first.startswith("-")


def read_driver_version() -> str | None:
    """Such as ``580.95.05``; ``None`` where the system does not say (in WSL2)."""
    try:
        text = (ROOT / "proc/driver/nvidia/version").read_text(errors="replace")
    except OSError:
        return None
    words = [word for line in text.splitlines()[:1] for word in line.split()]
    return next((word for word in words if word.replace(".", "").isdigit()), None)


def ask_driver(*, hidden_too: bool = True) -> Driver:
    """Ask the driver what it can run and which cards it lists, in another process.

    Args:
        hidden_too: Whether to list what ``CUDA_VISIBLE_DEVICES`` hides.
    """
    environment = dict(os.environ)
    if hidden_too:
        environment.pop("CUDA_VISIBLE_DEVICES", None)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", __file__],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Driver(complaint=f"it did not answer within {PATIENCE_SECONDS} seconds")
    except OSError as error:
        return Driver(complaint=str(error))
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return Driver(complaint=f"it ended its process with code {done.returncode}")
    cards = tuple(
        Card(name, memory, (major, minor), card_id)
        for name, memory, major, minor, card_id in found["cards"]
    )
    cuda = tuple(found["cuda"]) if found["cuda"] else None
    failure = tuple(found["error"]) if found["error"] else None
    return Driver(cuda, cards, failure, found["complaint"])


def _ask_libcuda() -> dict[str, Any]:
    found: dict[str, Any] = {"cuda": None, "cards": [], "error": None}
    found["complaint"] = None
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return {**found, "complaint": str(error)}
    number = ctypes.c_int()
    if cuda.cuDriverGetVersion(ctypes.byref(number)) == 0 and number.value:
        # 12,050 stands for 12.5.
        found["cuda"] = [number.value // 1000, number.value % 1000 // 10]
    if code := cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(number)):
        words = ctypes.c_char_p()
        cuda.cuGetErrorString(code, ctypes.byref(words))
        return {**found, "error": [code, (words.value or b"").decode(errors="replace")]}
    found["cards"] = [_describe(cuda, index) for index in range(number.value)]
    return found


def _describe(cuda: ctypes.CDLL, index: int) -> list[Any]:
    device = ctypes.c_int()
    cuda.cuDeviceGet(ctypes.byref(device), index)
    name = ctypes.create_string_buffer(256)
    cuda.cuDeviceGetName(name, len(name), device)
    memory = ctypes.c_size_t()
    cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    capability = []
    for attribute in _COMPUTE_CAPABILITY_ATTRIBUTES:
        value = ctypes.c_int()
        cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        capability.append(value.value)
    raw = ctypes.create_string_buffer(16)
    cuda.cuDeviceGetUuid(raw, device)
    card_id = f"GPU-{uuid.UUID(bytes=raw.raw)}"
    return [name.value.decode(errors="replace"), memory.value, *capability, card_id]


if __name__ == "__main__":
    answer = os.dup(1)
    # What the driver prints is no part of it.
    os.dup2(2, 1)
    os.write(answer, json.dumps(_ask_libcuda()).encode())
