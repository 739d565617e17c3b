"""The README says what the program does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from cifarcnn.config import check_config
from cifarcnn.config.shipped import shipped_names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_generated_parts_are_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location(
        "readme_parts", Path(__file__).with_name("readme_parts.py")
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # When this fails: python tests/readme_parts.py --write
    assert module.with_parts(README) == README


def test_every_config_in_the_readme_is_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 2
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block)
        assert check_config(file, []).problems == ()


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_config_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


def test_every_shipped_config_states_its_command_accuracy_and_machine() -> None:
    names = shipped_names()
    assert names
    for name in names:
        text = (ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8")
        header = text[: text.index("\nname:")]
        assert f"cifarcnn train --config {name}" in header
        for word in ("accuracy", "seeds", "cores", "pictures"):
            assert word in header.lower(), (name, word)


def test_links_to_files_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    for link in links:
        assert (ROOT / link).exists(), link
