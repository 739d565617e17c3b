"""Trainings that other programs keep, read back by these programs themselves."""

from __future__ import annotations

import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from cifarcnn import engine
from cifarcnn.config import Config
from cifarcnn.data.dataset import Dataset
from cifarcnn.errors import DivergedError, Stopped
from cifarcnn.installed import find_module
from cifarcnn.page.reported_training import train_and_report
from cifarcnn.runs import Run
from cifarcnn.runs.history import EpochRecord, to_records
from cifarcnn.runs.seeds_folder import make_seeds_folder
from cifarcnn.training.observer import Observer
from cifarcnn.training.resume import plan_resume
from cifarcnn.training.training_data import load_training_data
from tests.training.conftest import MakeConfig

MISSING = [
    name
    for name in ("tensorboard", "mlflow", "sqlalchemy", "wandb")
    if find_module(name) is None
]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
    pytest.mark.usefixtures("no_litert", "elsewhere"),
    # Of what MLflow uses; not for us to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """MLflow's own, one for all: to make one takes a second."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture
def elsewhere(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests: no server, no key, another folder."""
    for name in [*os.environ]:
        if name.startswith(("MLFLOW_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", tmp_path.name)
    monkeypatch.chdir(tmp_path)


class Told(Observer):
    """Keeps what is noted of trackers; sends a signal after a step, if asked to."""

    def __init__(self, stop_at: tuple[int, int] | None = None) -> None:
        self.notes: list[str] = []
        self.stop_at = stop_at

    def noted(self, sentence: str) -> None:
        if "track" in sentence:
            self.notes.append(sentence)

    def batch_ended(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        if (epoch, step) == self.stop_at:
            os.kill(os.getpid(), signal.SIGINT)


Train = Callable[..., list[str]]


@pytest.fixture
def train(device: engine.Device, make_dataset: Callable[[int], Dataset]) -> Train:
    """Trains, or goes on, and gives what was noted of trackers."""

    def train(
        config: Config,
        run: Run,
        *,
        resumed: bool = False,
        stop_at: tuple[int, int] | None = None,
    ) -> list[str]:
        told = Told(stop_at)
        plan = plan_resume(Run(run.path), config) if resumed else None
        data = load_training_data(config, make_dataset(120))
        train_and_report(config, data, Run(run.path), device, told, [], plan)
        return told.notes

    return train


def records_of(run: Run) -> list[EpochRecord]:
    return to_records(run.read_history())


# --- what the three of them have ------------------------------------------------------


def read_tensorboard(run: Run, split: str) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tensorboard" / split))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def read_mlflow() -> list[Any]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    # The name of the config, unless it is in the environment.
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "tiny")
    found = client.get_experiment_by_name(name)
    return list(client.search_runs([found.experiment_id])) if found else []


def read_mlflow_metric(run: Any, name: str) -> list[tuple[int, float]]:
    from mlflow.tracking import MlflowClient

    points = MlflowClient().get_metric_history(run.info.run_id, name)
    return [(point.step, point.value) for point in points]


def read_wandb(run: Run) -> Iterator[Any]:
    """The records of the files that W&B left, in the order in which they were begun."""
    from wandb.proto.wandb_internal_pb2 import Record

    for path in sorted(run.path.glob("wandb/offline-run-*/*.wandb")):
        data = path.read_bytes()
        assert data[:4] == b":W&B"
        # As a log of LevelDB: blocks of 32 KiB, whose chunks have a header of 7 bytes.
        place, parts = 7, b""
        while place < len(data):
            room = 32768 - place % 32768
            if room < 7:
                place += room
                continue
            _, length, kind = struct.unpack_from("<IHB", data, place)
            parts += data[place + 7 : place + 7 + length]
            place += 7 + length
            if kind in (1, 4):
                yield Record.FromString(parts)
                parts = b""


def read_wandb_figures(run: Run, name: str) -> list[tuple[int, float]]:
    found = []
    for record in read_wandb(run):
        if record.HasField("history"):
            items = {
                item.key or item.nested_key[0]: item.value_json
                for item in record.history.item
            }
            if name in items:
                found.append((record.history.step.num, float(items[name])))
    return found


# --- tests ----------------------------------------------------------------------------


def test_each_has_what_history_csv_has(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    config = make_config(tracking=["tensorboard", "mlflow", "wandb"])
    assert train(config, run) == []
    records = records_of(run)
    assert [record.epoch for record in records] == [1, 2]
    for name in ("loss", "accuracy", "learning_rate"):
        expected = [(r.epoch, pytest.approx(asdict(r)[name])) for r in records]
        assert read_tensorboard(run, "train")[f"epoch_{name}"] == expected
        assert read_mlflow_metric(read_mlflow()[0], name) == expected
        assert read_wandb_figures(run, name) == expected
    losses = [(r.epoch, pytest.approx(r.val_loss)) for r in records]
    assert read_tensorboard(run, "validation")["epoch_loss"] == losses
    assert read_mlflow_metric(read_mlflow()[0], "val_loss") == losses
    assert read_wandb_figures(run, "val_loss") == losses


def test_mlflow_has_params_artifacts_and_names(
    train: Train, make_config: MakeConfig, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    train(make_config(tracking=["mlflow"], epochs=1), run)
    (found,) = read_mlflow()
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "tiny-1"
    assert found.data.tags["smoke"] == "false"
    params = found.data.params
    assert params["training.epochs"] == "1"
    assert params["training.optimizer.Adam.learning_rate"] == "0.02"
    assert params["data.dataset"] == "folder"
    assert '"rate": 0.1' in params["model.layers.2"]
    assert params["training.tracking"] == '["mlflow"]'
    client = MlflowClient()
    paths = {item.path for item in client.list_artifacts(found.info.run_id)}
    assert paths == {"config.yaml", "report.html"}
    copied = Path(client.download_artifacts(found.info.run_id, "report.html"))
    assert copied.read_bytes() == (run.path / "report.html").read_bytes()


def test_wandb_keeps_the_config_and_nothing_of_the_machine(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    train(make_config(tracking=["wandb"], epochs=1), run)
    begun = next(r.run for r in read_wandb(run) if r.HasField("run"))
    assert (begun.project, begun.display_name) == ("tiny", "tiny-1")
    assert begun.host == "none"
    configured = {item.key: item.value_json for item in begun.config.update}
    assert '"epochs":1' in configured["training"].replace(" ", "")
    endings = [r.exit.exit_code for r in read_wandb(run) if r.HasField("exit")]
    assert endings == [0]
    (folder,) = run.path.glob("wandb/offline-run-*")
    assert [*(folder / "files").iterdir()] == []
    # A whole value: a short name is found by chance within a random one.
    host = f'"{socket.gethostname()}"'
    assert not [record for record in read_wandb(run) if host in str(record)]


def test_a_training_goes_on_in_the_same_tracked_run(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    trackers = ["tensorboard", "mlflow", "wandb"]
    config = make_config(epochs=3, tracking=trackers, steps_per_execution=1)
    with pytest.raises(Stopped):
        train(config, run, stop_at=(3, 2))
    (stopped,) = read_mlflow()
    assert stopped.info.status == "KILLED"
    assert train(config, run, resumed=True) == []
    (finished,) = read_mlflow()
    assert finished.info.run_id == stopped.info.run_id
    assert finished.info.status == "FINISHED"
    expected = [(r.epoch, pytest.approx(r.loss)) for r in records_of(run)]
    assert [epoch for epoch, _ in expected] == [1, 2, 3]
    assert read_tensorboard(run, "train")["epoch_loss"] == expected
    assert read_mlflow_metric(finished, "loss") == expected
    assert read_wandb_figures(run, "loss") == expected
    names = [r.run.run_id for r in read_wandb(run) if r.HasField("run")]
    assert len(names) >= 2
    assert len({*names}) == 1
    assert [r.exit.exit_code for r in read_wandb(run) if r.HasField("exit")] == [255, 0]


def test_epochs_that_are_trained_again_are_not_doubled(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    trackers = ["tensorboard", "mlflow", "wandb"]
    config = make_config(epochs=3, tracking=trackers)
    train(config, run)
    before = [(r.epoch, pytest.approx(r.loss)) for r in records_of(run)]
    # As if a crash had come before the newest checkpoint was on the disk.
    max((run.path / "checkpoint").glob("epoch-0003-*")).unlink()
    (run.path / "metrics.json").unlink()
    train(config, run, resumed=True)
    assert read_tensorboard(run, "train")["epoch_loss"] == before
    assert read_mlflow_metric(read_mlflow()[0], "loss") == before
    assert read_wandb_figures(run, "loss") == before


def test_a_crash_behind_the_last_epoch_leaves_nothing_open(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    from mlflow.tracking import MlflowClient

    config = make_config(tracking=["mlflow"])
    train(config, run)
    (run.path / "metrics.json").unlink()
    MlflowClient().update_run(read_mlflow()[0].info.run_id, status="RUNNING")
    train(config, run, resumed=True)
    (found,) = read_mlflow()
    assert found.info.status == "FINISHED"
    assert [epoch for epoch, _ in read_mlflow_metric(found, "loss")] == [1, 2]


def test_a_tracker_that_is_added_later_hears_of_all_epochs(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    train(make_config(epochs=2), run)
    assert not (run.path / "tracking.json").exists()
    trackers = ["tensorboard", "mlflow"]
    notes = train(make_config(epochs=3, tracking=trackers), run, resumed=True)
    assert "training.tracking was a list of 0, is a list of 2 now" in notes
    expected = [(r.epoch, pytest.approx(r.loss)) for r in records_of(run)]
    assert len(expected) == 3
    assert read_tensorboard(run, "train")["epoch_loss"] == expected
    assert read_mlflow_metric(read_mlflow()[0], "loss") == expected


def test_a_training_that_diverges_has_failed(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    # Gradients whose squares, which Adam sums up, are beyond float32.
    weights = dict.fromkeys(["red", "green", "blue"], 1e25)
    config = make_config(
        layers=["Flatten", {"Dense": 3}],
        class_weights=weights,
        tracking=["mlflow", "wandb"],
    )
    with pytest.raises(DivergedError):
        train(config, run)
    (found,) = read_mlflow()
    assert found.info.status == "FAILED"
    assert [r.exit.exit_code for r in read_wandb(run) if r.HasField("exit")] == [1]


def test_runs_of_several_seeds_are_a_group(
    train: Train, make_config: MakeConfig, tmp_path: Path
) -> None:
    config = make_config(tracking=["mlflow", "wandb"], epochs=1)
    folder = make_seeds_folder(
        tmp_path / "five", tmp_path, "tiny", [7, 8], b"", smoke=False
    )
    run = Run.at(folder.run_path(8))
    train(config, run)
    (found,) = read_mlflow()
    assert found.info.run_name == "five/seed-8"
    assert found.data.tags["group"] == "five"
    begun = next(r.run for r in read_wandb(run) if r.HasField("run"))
    assert (begun.run_group, begun.display_name) == ("five", "five/seed-8")


def test_a_server_that_is_gone_costs_a_sentence(
    train: Train, make_config: MakeConfig, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        # Nobody listens at a port that is bound only.
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        (note,) = train(make_config(tracking=["mlflow"]), run)
    assert note.startswith("training.tracking: mlflow failed: ")
    assert note.endswith(". The training goes on, and history.csv has all figures.")
    assert run.finished


def test_a_folder_that_cannot_be_written_costs_a_sentence(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    (run.path / "tensorboard").write_text("of somebody else")
    (note,) = train(make_config(tracking=["tensorboard"]), run)
    assert note == (
        "training.tracking: tensorboard failed: [Errno 20] Not a directory: "
        f"'{run.path / 'tensorboard' / 'train'}'. The training goes on, and "
        "history.csv has all figures."
    )
    assert run.finished


def test_damaged_tracking_json_costs_a_sentence(
    train: Train, make_config: MakeConfig, run: Run
) -> None:
    path = run.path / "tracking.json"
    path.write_text('{"id": "../../x", "epochs": {}}')
    (note,) = train(make_config(tracking=["tensorboard"]), run)
    assert note == (
        f"{path} is damaged: `id` is no id, or `epochs` has no numbers. Restore it "
        "from a copy of the run, or train again. The training goes on, and is not "
        "tracked."
    )
    assert run.finished
