"""Every wrong config beside this file: the whole of what `cifarcnn check` says of it.

After a change of wording `python tests/mistakes/rewrite.py` writes the texts anew; read
every one of them in the diff, as a student would.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Call

FOLDER = Path(__file__).parent / "configs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def test_there_is_a_text_for_every_config_and_no_other() -> None:
    assert len(NAMES) >= 100
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_message_is_the_expected_one(
    name: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    outcome = call("check", f"{name}.yaml")
    assert outcome.stderr == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert outcome.stdout == ""
    assert outcome.code == 2


def test_train_refuses_the_same_config_with_the_same_words(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    outcome = call("train", "--config", "many_at_once.yaml")
    lines = (FOLDER / "many_at_once.txt").read_text(encoding="utf-8").splitlines()
    assert outcome.stderr.splitlines() == [*lines[:-1], "14 problems"]
    assert outcome.code == 2
