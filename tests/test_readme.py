"""The front page: short, with the two commands that CI runs, and every config."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cifarcnn.config.shipped import shipped_names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shipped(name: str) -> str:
    return (ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8")


def test_it_is_short_and_leads_to_every_page() -> None:
    assert len(README.encode()) <= 9_000
    for page in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{page.name})" in README


def test_its_two_shell_blocks_install_and_train_and_test() -> None:
    # .ci/run executes them.
    first, second = re.findall(r"^```sh\n(.*)\n```$", README, re.MULTILINE)
    assert "pip install" in first and first.endswith(
        "cifarcnn train --config configs/quickstart.yaml"
    )
    assert "'.[test]'" in second and second.endswith(".venv/bin/pytest")


def test_it_shows_the_config_of_the_tutorial_to_the_letter() -> None:
    _, body = shipped("article").split("\n\n", 1)
    assert f"```yaml\n{body}```" in README


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_config_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


def test_every_shipped_config_states_its_command_accuracy_and_machine() -> None:
    names = shipped_names()
    assert names
    for name in names:
        text = shipped(name)
        header = text[: text.index("\nname:")]
        assert f"cifarcnn train --config {name}" in header
        for word in ("accuracy", "seeds", "cores", "pictures"):
            assert word in header.lower(), (name, word)
