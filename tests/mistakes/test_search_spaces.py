"""Everything that may be wrong with ``--vary`` and the file of ``--space``, in words.

``options.txt`` holds options, each behind a ``$`` and followed by what is said of them;
each file of YAML there has what is said of it in a text beside it. After a change of
wording `python tests/mistakes/test_search_spaces.py` writes the texts anew; read every
one of them in the diff, as a student would.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from cifarcnn.config.search_space import read_search_space
from cifarcnn.errors import UsageError

FOLDER = Path(__file__).parent / "search_spaces"
FILES = sorted(FOLDER.glob("*.yaml"))
# Beside the folder, since it is right.
CONFIG = Path(__file__).parent / "search_space_config.yaml"


def say(vary: list[str], file: Path | None = None) -> str:
    """What is said of a wrong search space."""
    with pytest.raises(UsageError) as refused:
        read_search_space(CONFIG, vary, file)
    return f"{refused.value}\n"


def read_options() -> dict[str, str]:
    text = (FOLDER / "options.txt").read_text(encoding="utf-8")
    cases = re.findall(r"^\$(.*)\n((?:[^$].*\n)+)", text, re.MULTILINE)
    return dict(cases)


def split(line: str) -> list[str]:
    """The values of its options ``--vary``."""
    return [word for word in shlex.split(line) if word != "--vary"]


@pytest.mark.parametrize("line", read_options())
def test_the_message_about_options_is_the_expected_one(line: str) -> None:
    assert say(split(line)) == read_options()[line]


def test_there_is_a_text_for_every_file_and_many_options() -> None:
    texts = {path.stem for path in FOLDER.glob("*.txt")} - {"options"}
    assert texts == {path.stem for path in FILES}
    assert len(texts) > 10 and len(read_options()) > 50


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_the_message_about_a_file_is_the_expected_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    expected = file.with_suffix(".txt").read_text(encoding="utf-8")
    assert say([], Path(file.name)) == expected


def rewrite() -> None:
    """Write all texts anew."""
    said = [f"${line}\n{say(split(line))}" for line in read_options()]
    (FOLDER / "options.txt").write_text("".join(said), encoding="utf-8")
    os.chdir(FOLDER)
    for file in FILES:
        text = say([], Path(file.name))
        file.with_suffix(".txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
