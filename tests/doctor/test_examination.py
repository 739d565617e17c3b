"""A whole machine that is made up: its driver, its cards, its libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.doctor.examination import can_train, examine, list_findings
from cifarcnn.doctor.section import Finding, Section, format_bytes, make_section

Stub = Callable[[str, str], Path]
SEES_NOTHING = """
from types import SimpleNamespace
config = SimpleNamespace(
    list_physical_devices=lambda kind: [],
    experimental=SimpleNamespace(get_device_details=None),
)
"""


@pytest.fixture
def machine(
    driver: Callable[..., Path],
    loaded_driver: Path,
    smi: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine with a driver for CUDA 12.4 and two cards."""
    (loaded_driver / "proc/meminfo").write_text("MemAvailable: 1000000 kB\n")
    monkeypatch.setattr("cifarcnn.engine.nvidia_driver.ROOT", loaded_driver)
    driver("", "-DCARDS=2")
    smi(
        "echo 'GPU-1b1b1b1b-1b1b-1b1b-1b1b-1b1b1b1b1b1b, 5000'\n"
        "echo 'GPU-1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a, 11000'"
    )
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("machine")
def test_a_machine_whose_cards_nobody_sees(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In this process too, which reads what it was built for.
    monkeypatch.syspath_prepend(str(stub("tensorflow", SEES_NOTHING)))
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)
    told: list[str] = []
    sections = {each.key: each for each in examine(told.append)}
    assert sections["nvidia"].lines == [
        ("driver", "550.54.14"),
        ("CUDA", "up to 12.4"),
        ("card 0", "NVIDIA Made-Up, 25.8 GB, 11.5 GB free, compute capability 8.6"),
        ("card 1", "NVIDIA Second, 51.5 GB, 5.2 GB free, compute capability 8.6"),
    ]
    assert sections["cpu"].facts["free_memory_bytes"] == 1_024_000_000
    reason = "TensorFlow sees no GPU: this TensorFlow was built without CUDA."
    (finding,) = sections["cuda_libraries"].findings
    assert finding.message == reason
    assert finding.command is not None and "cifarcnn[gpu]" in finding.command
    assert finding in list_findings(list(sections.values()))
    # A TensorFlow that does nothing else trains nothing.
    assert not can_train(list(sections.values()))
    assert told == [
        "importing NumPy, Pillow and LiteRT",
        "asking TensorFlow for its GPUs",
        "looking for data sets and caches",
        "a small convolution on each device",
        "starting as a training does",
    ]


def test_each_command_is_given_once() -> None:
    mend = Finding("NumPy is broken.", "pip install numpy")
    also = Finding("Keras does not start.", "pip install numpy")
    free = Finding("Free memory.")
    sections = [
        Section("a", "A", {}, [], [mend, free]),
        Section("b", "B", {}, [], [also, free]),
    ]
    assert list_findings(sections) == [mend, free]


def test_a_package_that_is_missing_is_told_once_with_the_command() -> None:
    def examine_nothing() -> Section:
        raise ModuleNotFoundError("No module named 'yaml.x'", name="yaml.x")

    mend = Finding("yaml is not installed.", "pip install pyyaml", "yaml")
    sections = [
        Section("a", "A", {}, [], [mend]),
        make_section("b", "B", examine_nothing),
    ]
    assert list_findings(sections) == [mend]


def test_what_cannot_be_looked_at_is_told_and_the_rest_goes_on() -> None:
    def examine_nothing() -> Section:
        raise OSError(5, "Input/output error", "/proc/cpuinfo")

    section = make_section("cpu", "CPU", examine_nothing)
    reason = "OSError: [Errno 5] Input/output error: '/proc/cpuinfo'"
    assert section == Section(
        "cpu",
        "CPU",
        {"error": reason},
        [("error", reason)],
        [Finding(f"CPU could not be looked at: {reason}.")],
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (2_340_000, "2.34 MB"),
        (999_400_000, "999 MB"),
        (79_600_000_000, "79.6 GB"),
        (1_234_500_000_000, "1,234.5 GB"),
    ],
)
def test_bytes_are_told_in_powers_of_a_thousand(count: int | None, text: str) -> None:
    assert format_bytes(count) == text
