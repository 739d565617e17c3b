"""Who holds the card is asked of nvidia-smi, and not guessed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.engine.card_memory import (
    CardMemory,
    CardProcess,
    describe_holders,
    read_card_memory,
)

MIB = 1024**2
GPUS = "81559, 11000"
OWN = f"{os.getpid()}, 500, /usr/bin/python3.11"
Card = Callable[..., None]


def test_the_card_and_those_that_hold_it(card: Card) -> None:
    card(GPUS, OWN, "4711, 60000, /opt/my tools/ollama", "99, 70, /usr/lib/Xorg")
    found = read_card_memory()
    others = (
        CardProcess(4711, "ollama", 60000 * MIB),
        CardProcess(99, "Xorg", 70 * MIB),
    )
    assert found == CardMemory(81559 * MIB, 11000 * MIB, others)
    assert not found.is_full
    assert describe_holders(found) == (
        "process 4711 (ollama) and 1 more hold 63.0 GB of 85.5, which their end would "
        "free"
    )


def test_one_that_holds_it(card: Card) -> None:
    card("81559, 90", OWN, "4711, 60000, train", "8, [N/A], [Not Found]")
    found = read_card_memory()
    assert found is not None
    assert found.is_full
    assert describe_holders(found) == (
        "process 4711 (train) holds 62.9 GB of 85.5, which its end would free"
    )


def test_a_name_may_hold_a_comma_and_quotes(card: Card) -> None:
    card(GPUS, f'{os.getpid()}, 500, /opt/a, b/py"thon', '4711, 60000, /opt/"x, y')
    found = read_card_memory()
    assert found is not None
    assert found.others == (CardProcess(4711, '"x, y', 60000 * MIB),)


def test_what_is_no_text_is_passed_over(card: Card, tmp_path: Path) -> None:
    card(GPUS, OWN)
    processes = tmp_path / "tools" / "processes"
    processes.write_bytes(processes.read_bytes() + b"4711, 60000, /opt/\xe9tude\n")
    found = read_card_memory()
    assert found is not None
    assert found.others == (CardProcess(4711, "\ufffdtude", 60000 * MIB),)


def test_numbers_of_another_container_are_not_taken_for_others(card: Card) -> None:
    card(GPUS, "4711, 60000, train")
    found = read_card_memory()
    assert found == CardMemory(81559 * MIB, 11000 * MIB)
    assert describe_holders(found) == ""


@pytest.mark.parametrize("rows", [(), ("[N/A], [N/A]",), ("No devices were found",)])
def test_what_nvidia_smi_does_not_know_is_not_known(
    card: Card, rows: tuple[str, ...]
) -> None:
    card(*rows)
    assert read_card_memory() is None


def test_it_is_asked_about_the_card_that_this_process_uses(
    card: Card, tmp_path: Path
) -> None:
    card(GPUS, OWN)
    read_card_memory()
    asked = (tmp_path / "tools/asked").read_text().splitlines()
    assert {line.split()[0] for line in asked} == {
        "--id=GPU-1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a"
    }


def test_without_nvidia_smi_nothing_is_known(
    driver: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver()
    monkeypatch.setenv("PATH", "")
    assert read_card_memory() is None


def test_without_a_driver_nothing_is_known() -> None:
    assert describe_holders(None) == ""
