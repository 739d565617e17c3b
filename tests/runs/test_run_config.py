"""What is said of the config of a run that something happened to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.errors import ConfigError, RunError
from cifarcnn.runs import Run

RESTORE = "Restore it from a copy of the run, or train again."


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_run, tmp_path / "run"))


@pytest.mark.parametrize("content", [b"", b"\n \t\r\n", b"\0" * 900])
@pytest.mark.parametrize("command", ["predict x.png --keras --run", "evaluate --run",
                                     "explain --run", "train --resume"])  # fmt: skip
def test_an_empty_one_is_damage(
    run: Path, command: str, content: bytes, call: Callable[..., Any]
) -> None:
    path = run / "config.yaml"
    path.write_bytes(content)
    ended = call(*command.split(), run)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"error: {path} is damaged: it is empty. {RESTORE}\n"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 3],
        lambda content: content.replace(b"epochs: 2", b"epochs: two"),
        lambda content: b"\xff\xfe" + content,
        lambda content: b"# all of it is gone",
        lambda content: content.replace(b"s", b"\0"),
    ],
)
def test_one_that_is_not_valid_any_more_was_changed(
    run: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = run / "config.yaml"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError) as caught:
        _ = Run(run).config
    assert str(caught.value) == (
        f"{path} is not the config that the weights were trained with: its SHA-256 "
        "differs from the one in manifest.json. Undo the change, or train again with "
        "the new config."
    )


def test_without_weights_its_problems_are_told(run: Path) -> None:
    (run / "manifest.json").unlink()
    (run / "config.yaml").write_text("training: {epochs: two}\n")
    with pytest.raises(ConfigError):
        _ = Run(run).config
