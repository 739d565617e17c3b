"""The driver is asked in a process of its own, whatever it does there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.engine import nvidia_driver
from cifarcnn.engine.nvidia_driver import (
    Card,
    Driver,
    ask_driver,
    cards_are_hidden,
    has_nvidia_driver,
    read_driver_version,
)

UUID = "GPU-1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a"
CARD = Card("NVIDIA Made-Up", 24 << 30, (8, 6), UUID)


def test_the_cards_are_listed(driver: Callable[..., Path]) -> None:
    driver()
    assert ask_driver() == Driver((12, 4), (CARD,))


def test_hidden_cards_are_listed_when_wanted(
    driver: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # cuInit answers 100 to a process whose cards are all hidden.
    driver('if(getenv("CUDA_VISIBLE_DEVICES"))return(100)')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert ask_driver() == Driver((12, 4), (CARD,))
    assert ask_driver(hidden_too=False) == Driver((12, 4), error=(100, "made up"))


def test_an_error_comes_with_its_code_and_its_words(
    driver: Callable[..., Path],
) -> None:
    driver("", "-DFAILURE=803")
    assert ask_driver() == Driver((12, 4), error=(803, "made up"))


def test_what_the_driver_prints_is_no_answer(driver: Callable[..., Path]) -> None:
    # Nor need it be text.
    prints = r'write(1,"\377\n",2)+write(2,"\377\n",2)'
    driver(prints, "-Wno-implicit-function-declaration")
    assert ask_driver() == Driver((12, 4), (CARD,))


def test_a_driver_that_crashes_takes_nothing_with_it(
    driver: Callable[..., Path],
) -> None:
    driver("abort()")
    assert ask_driver() == Driver(complaint="it ended its process with code -6")


def test_a_driver_that_hangs_is_not_waited_for(
    driver: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver("for(;;)")
    monkeypatch.setattr(nvidia_driver, "PATIENCE_SECONDS", 1)
    assert ask_driver() == Driver(complaint="it did not answer within 1 seconds")


def test_a_driver_without_its_library_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "libcuda.so.1").write_text("nothing\n")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    found = ask_driver()
    assert found.cards == ()
    assert found.complaint == f"{tmp_path}/libcuda.so.1: file too short"


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("proc/driver/nvidia/version", True),
        ("dev/nvidiactl", True),
        ("usr/lib/wsl/lib/libcuda.so.1", True),
        # Windows lends its cards, and none of them is NVIDIA's.
        ("dev/dxg", False),
    ],
)
def test_the_driver_is_known_by_its_files(
    file: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvidia_driver, "ROOT", tmp_path)
    assert not has_nvidia_driver()
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert has_nvidia_driver() is found


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\n"
            "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n",
            "550.54.14",
        ),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  "
            "Release Build  (dvs-builder@U22-I3-AE18-23-3)  Tue Sep 23 2025\n",
            "580.95.05",
        ),
        ("", None),
        ("something else\n", None),
    ],
)
def test_the_version_of_the_driver(
    text: str, version: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvidia_driver, "ROOT", tmp_path)
    assert read_driver_version() is None
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text(text)
    assert read_driver_version() == version


@pytest.mark.parametrize(
    ("value", "hidden"),
    [(None, False), ("0", False), ("1,-1", False), ("GPU-1a1a", False)]
    + [("", True), (" ", True), ("-1", True), ("-1,0", True), ("NoDevFiles", True)],
)
def test_the_cards_are_hidden_up_to_the_first_that_is_none(
    value: str | None, hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if value is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert cards_are_hidden() is hidden
