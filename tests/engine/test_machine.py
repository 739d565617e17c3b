"""What decides on GPUs is read from where Linux tells it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.engine import nvidia_driver
from cifarcnn.engine.machine import Machine, inspect_machine
from cifarcnn.engine.nvidia_driver import Card, Driver

CARD = Card(
    "NVIDIA Made-Up", 24 << 30, (8, 6), "GPU-1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(nvidia_driver, "ROOT", tmp_path / "root")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path / "root"


def plug_in(root: Path, slot: str, vendor: str, kind: str) -> None:
    folder = root / "sys/bus/pci/devices" / slot
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(f"{vendor}\n")
    (folder / "class").write_text(f"{kind}\n")


def test_a_machine_without_anything(root: Path) -> None:
    assert inspect_machine() == Machine(has_driver=False, has_device_files=False)


def test_a_machine_where_all_is_well(
    root: Path, loaded_driver: Path, driver: Callable[..., Path]
) -> None:
    driver()
    plug_in(root, "0000:01:00.0", "0x10de", "0x030200")
    assert inspect_machine() == Machine(
        makers=frozenset({"NVIDIA"}),
        driver_version="550.54.14",
        driver=Driver((12, 4), (CARD,)),
    )


def test_cards_are_told_from_other_devices_of_their_makers(root: Path) -> None:
    plug_in(root, "0000:01:00.0", "0x1002", "0x030000")
    plug_in(root, "0000:02:00.1", "0x10de", "0x040300")  # its sound
    plug_in(root, "0000:03:00.0", "0x8086", "0x030000")
    (root / "sys/bus/pci/devices/0000:04:00.0").mkdir()
    assert inspect_machine().makers == {"AMD"}


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_a_container_is_known_by_its_mark(root: Path, mark: str) -> None:
    (root / mark).parent.mkdir(parents=True, exist_ok=True)
    (root / mark).touch()
    assert inspect_machine().in_container


def test_linux_on_windows(root: Path) -> None:
    (root / "dev").mkdir(parents=True)
    (root / "dev/dxg").touch()
    found = inspect_machine()
    assert (found.in_wsl, found.has_driver, found.has_device_files) == (
        True,
        False,
        True,
    )


def test_hidden_cards_and_missing_files(
    root: Path,
    loaded_driver: Path,
    driver: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    for file in (root / "dev").iterdir():
        file.unlink()
    found = inspect_machine()
    assert (found.hidden, found.has_device_files) == (True, False)
    assert found.driver.cards == (CARD,)


@pytest.mark.parametrize(("value", "hidden"), [("7", True), ("0", False)])
def test_cards_are_hidden_as_well_where_none_of_them_is_named(
    value: str,
    hidden: bool,
    root: Path,
    loaded_driver: Path,
    driver: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As cuInit answers to a number that no card has.
    before = 'if(getenv("CUDA_VISIBLE_DEVICES")&&*getenv("CUDA_VISIBLE_DEVICES")>\'0\')'
    driver(f"{before}return(100)")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    found = inspect_machine()
    assert (found.hidden, found.driver.cards) == (hidden, (CARD,))


def test_files_that_this_user_may_not_open(
    root: Path,
    loaded_driver: Path,
    driver: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver()
    # Whoever runs the tests may be one who may open everything.
    may = os.access
    closed = root / "dev/nvidia0"
    monkeypatch.setattr(
        os, "access", lambda path, mode: path != closed and may(path, mode)
    )
    assert inspect_machine().forbidden == (str(closed),)
