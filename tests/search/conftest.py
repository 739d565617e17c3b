"""A tiny config over two classes of noise, and searches of it in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.errors import RunError
from cifarcnn.search.begin import begin_search
from cifarcnn.search.folder import StudyFolder
from cifarcnn.search.storage import quiet_optuna
from cifarcnn.search.study import ask_for, open_optuna_study
from cifarcnn.search.worker import work
from cifarcnn.training.stop_request import StopRequest
from tests.dark_and_light import draw_dark_and_light

TINY = """\
name: tiny
data: {dataset: folder, path: pictures, validation_fraction: 0.2}
model:
  layers:
    - MaxPooling2D: {pool_size: 4}
    - MaxPooling2D: {pool_size: 2}
    - Flatten
    - Dense: 8
    - Dense: {units: 2, activation: softmax}
training: {epochs: 2, batch_size: 16, optimizer: {Adam: 0.01}}
"""
# Each is possible alone, and both together are not.
POOLINGS = (
    "model.layers[0].MaxPooling2D.pool_size=4,16",
    "model.layers[1].MaxPooling2D.pool_size=2,8",
)
RATE = "optimizer.learning_rate=1e-3..1e-1:log"
GIVEN = {"device": "cpu", "backend": None, "fetch": None}


def write_tiny(folder: Path) -> None:
    """The config and its pictures, and the working folder there."""
    draw_dark_and_light(folder / "pictures", splits=("train", "test"))
    (folder / "tiny.yaml").write_text(TINY)
    os.chdir(folder)


def begin(vary: Sequence[str] = (RATE,), **changed: Any) -> StudyFolder:
    """A study of the tiny config."""
    given: dict[str, Any] = {
        "config": "tiny.yaml",
        "settings": (),
        "space_file": None,
        "sampler": "random",
        "pruner": "none",
        "storage": None,
        "path": None,
        "note": print,
    }
    folder, _ = begin_search(vary=vary, **{**given, **changed})
    return folder


def open_both(folder: StudyFolder) -> tuple[Any, Any]:
    """The study in the database, and the space."""
    from cifarcnn.search.space import open_space

    space = open_space(folder)
    return open_optuna_study(folder, None, space), space


def train(folder: StudyFolder, trials: int, request: StopRequest | None = None) -> Any:
    """Work in this process until so many trials are done; the study."""
    quiet_optuna()
    study, _ = open_both(folder)
    ask_for(study, trials)
    work(folder, "here", None, request or StopRequest(), GIVEN)
    return study


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder of a module, whose trainings write no ``model.tflite``."""

    def refuse(*arguments: Any) -> bytes:
        raise RunError("these tests do without it.")

    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cifarcnn.training.run_files.convert_run", refuse)
        patch.setenv("CIFARCNN_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("search")
        write_tiny(folder)
        yield folder
    os.chdir(before)
