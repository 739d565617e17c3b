"""The small files of a run: config, JSON documents, history."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cifarcnn.config import load_config
from cifarcnn.errors import ConfigError, RunError
from cifarcnn.runs import EpochRecord, Run
from cifarcnn.runs.safe_io import read_bytes

CONFIG = """
name: tiny
data: {dataset: synthetic}
model:
  layers:
    - Flatten
    - Dense: {units: 10, activation: softmax}
training: {epochs: 1}
"""
RESTORE = "Restore it from a copy of the run, or train again."


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "given.yaml").write_text(CONFIG)
    run = Run.at(tmp_path / "run")
    run.write_config(load_config(tmp_path / "given.yaml"))
    return run


def test_the_config_is_the_same_after_writing_and_reading(
    run: Run, tmp_path: Path
) -> None:
    assert Run.open(run.path).config == load_config(tmp_path / "given.yaml")


def test_the_paths_are_those_of_the_contract(run: Run) -> None:
    assert run.config_path == run.path / "config.yaml"
    assert run.log_path == run.path / "log.txt"


def test_a_damaged_config_is_named_with_its_line(run: Run) -> None:
    text = run.config_path.read_text().replace("units: 10", "unitz: 10")
    run.config_path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        _ = Run.open(run.path).config
    assert "unitz" in str(caught.value)
    assert str(run.config_path) in str(caught.value)


def test_a_config_that_is_a_link_is_not_read(run: Run, tmp_path: Path) -> None:
    run.config_path.unlink()
    run.config_path.symlink_to(tmp_path / "given.yaml")
    with pytest.raises(RunError) as caught:
        _ = Run.open(run.path).config
    assert str(caught.value) == (
        f"{run.config_path} is not a plain file. The files of a run are never links, "
        "folders or devices; put the file itself there."
    )


def test_a_config_that_extends_another_is_not_a_runs_own(run: Run) -> None:
    run.config_path.write_text(f"extends: /etc/passwd\n{CONFIG}")
    with pytest.raises(RunError) as caught:
        _ = Run.open(run.path).config
    assert str(caught.value) == (
        f"{run.config_path} extends another file, but the config of a run stands for "
        "itself: cifarcnn writes it with every value in it. It is not loaded."
    )


def test_a_huge_config_is_not_read(run: Run) -> None:
    run.config_path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(RunError) as caught:
        _ = Run.open(run.path).config
    assert str(caught.value) == (
        f"{run.config_path} has 1,048,577 bytes, but at most 1,048,576 are expected "
        "there. It is not loaded."
    )


def test_json_documents_come_back_as_they_were(run: Run) -> None:
    run.write_environment({"device": "cpu", "threads": 2})
    run.write_metrics({"val_accuracy": 0.5, "diagnosis": ["Fine."]})
    assert run.read_environment() == {"device": "cpu", "threads": 2}
    assert run.read_metrics() == {"val_accuracy": 0.5, "diagnosis": ["Fine."]}


def test_the_metrics_mark_a_run_as_finished(run: Run) -> None:
    assert not run.finished
    run.write_metrics({})
    assert run.finished


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000],
    ids=["empty", "cut", "nan", "not utf-8", "deep", "long number"],
)
def test_a_damaged_json_document_is_named(run: Run, content: bytes) -> None:
    path = run.path / "metrics.json"
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        run.read_metrics()
    assert str(caught.value) == f"{path} is damaged: it is not JSON. {RESTORE}"


def test_a_json_document_must_be_an_object(run: Run) -> None:
    path = run.path / "environment.json"
    path.write_text("[1, 2]")
    with pytest.raises(RunError) as caught:
        run.read_environment()
    assert str(caught.value) == (
        f"{path} is damaged: it is not one JSON object. {RESTORE}"
    )


def test_a_missing_json_document_is_named(run: Run) -> None:
    path = run.path / "metrics.json"
    with pytest.raises(RunError) as caught:
        run.read_metrics()
    assert str(caught.value) == f"{path} cannot be read: No such file or directory."


def test_a_pipe_in_the_place_of_a_file_does_not_make_us_wait(run: Run) -> None:
    path = run.path / "metrics.json"
    os.mkfifo(path)
    with pytest.raises(RunError) as caught:
        run.read_metrics()
    assert "is not a plain file" in str(caught.value)


def test_a_file_that_says_less_than_it_holds_is_not_read_whole() -> None:
    endless = Path("/proc/cpuinfo")  # its size is 0, its content is not
    if not endless.exists():
        pytest.skip("needs Linux")
    with pytest.raises(RunError) as caught:
        read_bytes(endless, 10)
    assert str(caught.value) == "/proc/cpuinfo grew while it was read. Try again."


def test_history_has_a_row_per_epoch(run: Run) -> None:
    run.write_history(
        [
            EpochRecord(1, 2.25, 0.5, None, None, 0.1, 3.0, 100.0),
            EpochRecord(2, 1.5, 0.75, 1.75, 0.625, 0.1, 3.0, 100.0),
        ]
    )
    text = (run.path / "history.csv").read_text()
    assert text == (
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,duration_seconds,"
        "pictures_per_second\n"
        "1,2.25,0.5,,,0.1,3.0,100.0\n"
        "2,1.5,0.75,1.75,0.625,0.1,3.0,100.0\n"
    )
    first, second = run.read_history()
    assert (first["epoch"], first["val_loss"]) == ("1", "")
    assert (second["epoch"], second["val_accuracy"]) == ("2", "0.625")


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n1\n", b"a,b\n1,2,3\n", b"a\n\xff\n", b'a\n"' + b"x" * 200_000],
)
def test_a_damaged_history_is_named(run: Run, content: bytes) -> None:
    path = run.path / "history.csv"
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        run.read_history()
    assert str(caught.value) == (
        f"{path} is damaged: it is not a table in which every row has the columns of "
        f"the first. {RESTORE}"
    )


def test_a_folder_that_is_gone_is_said_when_writing(run: Run, tmp_path: Path) -> None:
    run.path.rename(tmp_path / "moved")
    with pytest.raises(RunError) as caught:
        run.write_metrics({})
    assert str(caught.value) == (
        f"{run.path} is not there any more, and what was saved in it is not either: it "
        "was removed or moved, or its disk is gone. If it was moved, go on with "
        "cifarcnn train --resume and its new place."
    )


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    "found", [{}, {"smoje": True}, {"smoke": "true"}, {"smoke": 1}]
)
def test_whether_it_is_a_trial_is_known_or_damaged(
    run: Run, found: dict[str, object], finished: bool
) -> None:
    write = run.write_metrics if finished else run.write_environment
    name = "metrics.json" if finished else "environment.json"
    for value in (True, False):
        write({"smoke": value})
        assert run.is_smoke() is value
    write(found)
    with pytest.raises(RunError) as caught:
        run.is_smoke()
    assert str(caught.value) == (
        f"{run.path / name} is damaged: `smoke` is missing or neither true nor false. "
        "Restore it from a copy of the run, or train again."
    )
