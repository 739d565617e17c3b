"""What decides on GPUs on this machine, whatever computes on them."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.engine import nvidia_driver
from cifarcnn.engine.nvidia_driver import (
    Driver,
    ask_driver,
    cards_are_hidden,
    has_nvidia_driver,
    read_driver_version,
)

# Of the PCI bus. Graphics inside a processor is not counted: nearly every one has it.
_MAKERS = {"0x10de": "NVIDIA", "0x1002": "AMD"}


@dataclass(frozen=True)
class Machine:
    """What was found; the defaults are those of a machine where all is well.

    Attributes:
        system: ``Linux``, ``Windows`` or ``Darwin``.
        processor: Such as ``x86_64``.
        in_container: Docker's or Podman's.
        in_wsl: Linux on Windows, which lends its cards.
        makers: Whose cards are plugged in, as far as the system says.
        has_driver: Whether the NVIDIA driver is loaded.
        driver_version: Such as ``580.95.05``.
        has_device_files: Whether ``/dev`` has those of the driver.
        forbidden: Device files of the driver that this user may not open.
        hidden: Whether ``CUDA_VISIBLE_DEVICES`` hides every card.
        driver: What the driver's library says; empty where there is no driver.
    """

    system: str = "Linux"
    processor: str = "x86_64"
    in_container: bool = False
    in_wsl: bool = False
    makers: frozenset[str] = frozenset()
    has_driver: bool = True
    driver_version: str | None = None
    has_device_files: bool = True
    forbidden: tuple[str, ...] = ()
    hidden: bool = False
    driver: Driver = Driver()


def inspect_machine() -> Machine:
    """Look at this machine; asking its driver, if there is one, may take seconds."""
    root = nvidia_driver.ROOT
    has_driver = platform.system() == "Linux" and has_nvidia_driver()
    files = sorted((root / "dev").glob("nvidia[0-9c]*"))
    in_wsl = (root / "dev/dxg").exists()
    driver = ask_driver() if has_driver else Driver()
    return Machine(
        system=platform.system(),
        processor=platform.machine(),
        in_container=is_container(root),
        in_wsl=in_wsl,
        makers=_makers_on_bus(root),
        has_driver=has_driver,
        driver_version=read_driver_version(),
        has_device_files=bool(files) or in_wsl,
        forbidden=tuple(
            str(file) for file in files if not os.access(file, os.R_OK | os.W_OK)
        ),
        hidden=cards_are_hidden() or _names_no_card(driver),
        driver=driver,
    )


def is_container(root: Path) -> bool:
    """Whether the system below ``root`` is Docker's or Podman's."""
    return any((root / name).exists() for name in (".dockerenv", "run/.containerenv"))


def _names_no_card(driver: Driver) -> bool:
    """Whether ``CUDA_VISIBLE_DEVICES`` names none of the cards that are there."""
    if not driver.cards or "CUDA_VISIBLE_DEVICES" not in os.environ:
        return False
    shown = ask_driver(hidden_too=False)
    return not shown.cards and shown.complaint is None


def _makers_on_bus(root: Path) -> frozenset[str]:
    makers = set()
    for device in (root / "sys/bus/pci/devices").glob("*"):
        try:
            kind = (device / "class").read_text()
            maker = (device / "vendor").read_text().strip()
        except OSError:
            continue
        # 0x03: a display controller, which a card without a screen is as well.
        if kind.startswith("0x03") and maker in _MAKERS:
            makers.add(_MAKERS[maker])
    return frozenset(makers)
