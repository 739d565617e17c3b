"""The files that Weights & Biases leaves without a network, whole and damaged."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cifarcnn.installed import find_module
from cifarcnn.training.trackers.wandb_file import read_last_step, wait_for_end

pytestmark = pytest.mark.skipif(find_module("wandb") is None, reason="needs wandb")

NAME = "0123456789abcdef"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of several blocks, with a record that lies in two of them."""
    import wandb

    folder = tmp_path_factory.mktemp("written")
    settings = wandb.Settings(silent=True, console="off", disable_git=True)
    run = wandb.init(
        id=NAME, project="p", dir=str(folder), mode="offline", settings=settings
    )
    for step in range(1, 31):
        run.log({"loss": 1 / step, "text": "x" * 5000}, step=step)
    run.finish()
    (file,) = folder.glob("wandb/offline-*/*.wandb")
    # W&B goes on writing behind its finish.
    wait_for_end(file)
    assert file.stat().st_size > 4 * 32 * 1024
    return file


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """The same as a copy, under the name that it has."""
    copy = tmp_path / written.parent.name / written.name
    copy.parent.mkdir()
    copy.write_bytes(written.read_bytes())
    return tmp_path


def test_the_last_step_is_found(folder: Path) -> None:
    assert read_last_step(folder, NAME) == 30
    assert read_last_step(folder, "0" * 16) is None
    assert read_last_step(folder / "none", NAME) is None


def test_of_one_that_was_cut_short_the_rest_counts(folder: Path) -> None:
    (file,) = folder.glob("*/*.wandb")
    content, found = file.read_bytes(), []
    for length in range(0, len(content), 3001):
        file.write_bytes(content[:length])
        found.append(read_last_step(folder, NAME) or 0)
    assert found == sorted(found)
    assert found[0] == 0
    assert 25 < found[-1] <= 30


def test_a_damaged_one_stops_nobody(folder: Path) -> None:
    (file,) = folder.glob("*/*.wandb")
    content, chance = file.read_bytes(), random.Random(0)
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 200)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        file.write_bytes(damaged)
        assert read_last_step(folder, NAME) is not None
