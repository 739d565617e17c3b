"""``training.tracking``: what may stand there, and what must be installed for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cifarcnn
from cifarcnn.config import Config
from cifarcnn.config.loading import check_config
from cifarcnn.config.tracking import find_missing
from cifarcnn.errors import UsageError

MODEL = "model: {layers: [Flatten, {Dense: 10}]}\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(training: str) -> Path:
        path = tmp_path / "c.yaml"
        path.write_text(f"{MODEL}training:\n  epochs: 1\n  {training}\n")
        return path

    return write


@pytest.fixture
def without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)


def problems(path: Path) -> list[tuple[str, str]]:
    return [(item.message, item.hint) for item in check_config(path).problems]


def test_nothing_is_tracked_unless_asked() -> None:
    config = Config.model_validate({"model": {"layers": ["Flatten", {"Dense": 10}]}})
    assert config.training.tracking == []


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (
            "tracking: [mlflow, mlflow]",
            ("mlflow is listed twice", "name each once"),
        ),
        (
            "tracking: tensorboard",
            ("expected a list, found 'tensorboard'", "write [tensorboard]"),
        ),
        (
            "tracking: [TensorBoard]",
            (
                "expected one of tensorboard, mlflow, wandb; found 'TensorBoard'",
                "did you mean tensorboard?",
            ),
        ),
        (
            "tracking: [weights_and_biases]",
            (
                "expected one of tensorboard, mlflow, wandb; found "
                "'weights_and_biases'",
                "write wandb",
            ),
        ),
        ("logger: tensorboard", ("there is no key 'logger'", "write tracking")),
        ("report_to: [wandb]", ("there is no key 'report_to'", "write tracking")),
        (
            "tensorboard: true",
            (
                "there is no key 'tensorboard'",
                "write tracking: [tensorboard] in training",
            ),
        ),
        (
            "log_dir: logs",
            (
                "there is no key 'log_dir'",
                "write tracking: [tensorboard] in training; its files lie in the run, "
                "which is named by the option --run",
            ),
        ),
        (
            "mlflow: true",
            (
                "there is no key 'mlflow'",
                "write tracking: [mlflow] in training; where it is kept says the "
                "environment variable MLFLOW_TRACKING_URI",
            ),
        ),
        (
            "wandb: true",
            ("there is no key 'wandb'", "write tracking: [wandb] in training"),
        ),
    ],
)
def test_the_names_of_other_tools_lead_to_it(
    write: Callable[[str], Path], training: str, expected: tuple[str, str]
) -> None:
    assert problems(write(training)) == [expected]


@pytest.mark.usefixtures("without_mlflow")
def test_check_says_what_is_not_installed(
    write: Callable[[str], Path], call: Callable[..., Any]
) -> None:
    path = write("tracking: [mlflow]")
    called = call("check", path)
    assert called.code == 2
    assert called.err == (
        f"{path}:4:14: training.tracking[0]: mlflow is not installed here\n"
        "    4 |   tracking: [mlflow]\n"
        "      |              ^\n"
        "      install it with pip install 'cifarcnn[mlflow]', or leave it out with "
        "--set training.tracking=[]\n"
        f"{path}: 1 problem\n"
    )
    (found,) = json.loads(call("check", path, "--json").out)["problems"]
    assert found["message"] == "mlflow is not installed here"


@pytest.mark.usefixtures("without_mlflow")
def test_a_training_says_so_before_anything_else(
    write: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    # Also elsewhere the config is as good as before.
    config = cifarcnn.load_config(write("tracking: [mlflow]"))
    with pytest.raises(UsageError) as caught:
        cifarcnn.train(config)
    assert str(caught.value) == (
        "training.tracking: mlflow is not installed here; install it with pip install "
        "'cifarcnn[mlflow]', or leave it out with --set training.tracking=[]"
    )
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_that_name_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # W&B leaves one where it is used.
    (tmp_path / "wandb").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    assert find_missing(["wandb"])[0][0] == "wandb is not installed here"


def test_check_imports_none_of_them(write: Callable[[str], Path]) -> None:
    path = write("tracking: [tensorboard, mlflow, wandb]")
    script = (
        "import sys; from cifarcnn.config.loading import check_config;"
        "check_config(sys.argv[1], installed=True);"
        "print(*{'tensorboard', 'mlflow', 'wandb', 'keras', 'numpy'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
