"""A training that is cut short and goes on comes to the numbers of an uncut one."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pytest

from cifarcnn.config import Config
from cifarcnn.errors import RunError, Stopped, UsageError
from cifarcnn.runs import Run
from cifarcnn.runs.manifest import read_manifest
from cifarcnn.training import trainer
from cifarcnn.training.observer import Observer, Outcome
from cifarcnn.training.resume import describe_finished, plan_resume
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data
from tests.training.conftest import result

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

NORMALIZED = [
    {"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 4, "activation": "relu"}},
    {"BatchNormalization": {"momentum": 0.8}},
    {"SpatialDropout2D": 0.2},
    "GlobalAveragePooling2D",
    {"Dropout": 0.3},
    {"Dense": {"units": 3, "activation": "softmax"}},
]
# What draws, learns or is held, besides those.
BRANCHES = [
    {"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 4,
                "kernel_constraint": {"MaxNorm": {"max_value": 0.5}}}},
    {"PReLU": {"shared_axes": [1, 2]}},
    {"Concatenate": [[], ["BatchNormalization", {"AlphaDropout": 0.3}]]},
    {"Multiply": [[{"Resizing": {"height": 9, "width": 9}}],
                  ["GlobalAveragePooling2D", {"Dense": 8}]]},
    "GlobalAveragePooling2D",
    {"Dense": {"units": 3, "activation": "softmax"}},
]  # fmt: skip
FLIP = {"RandomFlip": {"alternate": True}}
AUGMENTATION = [
    FLIP,
    {"RandomTranslation": 2},
    *({"RandomRotation": 0.1}, {"RandomZoom": 0.2}, {"RandomShear": 0.2}),
    {"MixUp": 0.4},
]
# Without statistics that move while the weights stand still.
PLAIN = ["GlobalAveragePooling2D", {"Dropout": 0.3}, {"Dense": 3}]
STILL = {"layers": PLAIN, "optimizer": {"SGD": 1e-12}}
# Each a way to train that keeps something in mind from step to step.
WAYS: dict[str, dict[str, Any]] = {
    "adam": {},
    "momentum and a schedule": {
        "optimizer": {"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
        "learning_rate_schedule": {"CosineDecay": {"warmup_epochs": 0.5}},
    },
    "muon and lookahead": {
        "optimizer": {"Muon": {"learning_rate": 0.01}},
        "averaging": {"Lookahead": {"every_steps": 2}},
        "learning_rate_schedule": "Triangle",
    },
    "moving average and half precision": {
        "averaging": {"ExponentialMovingAverage": {"momentum": 0.7}},
        "precision": "mixed_float16",
        "augmentation": AUGMENTATION,
    },
    "branches": {"layers": BRANCHES, "augmentation": AUGMENTATION},
    "branches in half precision": {"layers": BRANCHES, "precision": "mixed_bfloat16"},
    "adadelta and restarts": {
        "optimizer": {"Adadelta": 1.0},
        "learning_rate_schedule": {"CosineDecayRestarts": 0.8},
    },
    "adagrad and stretches": {
        "optimizer": "Adagrad",
        "learning_rate_schedule": {
            "PiecewiseConstantDecay": {"at_epochs": [1.5, 3], "values": [0.1, 1, 0.2]}
        },
    },
    "adamax and inverse time": {
        "optimizer": {"Adamax": 0.02},
        "learning_rate_schedule": {"InverseTimeDecay": 0.1},
    },
    "plateau": {
        "optimizer": {"SGD": 1e-6},
        "learning_rate_schedule": {"ReduceLROnPlateau": {"patience": 1}},
        "averaging": {"ExponentialMovingAverage": {"momentum": 0.7}},
        "class_weights": "balanced",
        "augmentation": [FLIP, {"MixUp": 0.4}],
    },
}


@dataclass
class Interrupter(Observer):
    """Sends SIGINT to this process after a certain step, or in a validation."""

    epoch: int
    step: int

    def batch_ended(self, epoch, step, logs):
        if (epoch, step) == (self.epoch, self.step):
            os.kill(os.getpid(), signal.SIGINT)


class Listener(Observer):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def batch_ended(self, epoch, step, logs):
        self.steps.append((epoch, step))

    def noted(self, sentence):
        # Which only TensorFlow can make.
        if not sentence.startswith("model.tflite is not written"):
            self.notes.append(sentence)


@pytest.fixture
def make_way(make_config) -> Callable[..., Config]:
    def make(way: str = "adam", **changes: Any) -> Config:
        settings = {"epochs": 3, "steps_per_execution": 1, **WAYS[way], **changes}
        augmentation = settings.pop("augmentation", [FLIP])
        config: Config = make_config(**{"layers": NORMALIZED, **settings})
        values = config.model_dump()
        data = {**values["data"], "augmentation": augmentation}
        return config.with_data(augmentation=type(config.data)(**data).augmentation)

    return make


@pytest.fixture
def begin(keras, make_dataset, device, run: Run) -> Callable[..., Outcome]:
    """Trains anew, in the run of the test or in another one."""

    def begin(config: Config, observer: Observer | None = None, place: Run = run):
        data = load_training_data(config, make_dataset(70))
        return train(config, data, place, device, observer=observer)

    return begin


@pytest.fixture
def go_on(keras, make_dataset, device, run: Run) -> Callable[..., Outcome]:
    """Goes on in the run of the test, as its files say."""

    def go_on(config: Config, observer: Observer | None = None):
        plan = plan_resume(run, config)
        assert plan is not None
        data = load_training_data(config, make_dataset(70), plan.smoke)
        return train(config, data, run, device, resume=plan, observer=observer)

    return go_on


@pytest.fixture(scope="module")
def known() -> dict[str, Run]:
    """The trainings without interruption so far."""
    return {}


@pytest.fixture
def trained(begin, known, tmp_path_factory) -> Callable[[Config], Run]:
    """A training without interruption, made once; not to be changed."""

    def trained(config: Config) -> Run:
        key = config.model_dump_json()
        if key not in known:
            place = Run.create(tmp_path_factory.mktemp("trained"), "tiny")
            begin(config, place=place)
            known[key] = place
        return known[key]

    return trained


@pytest.fixture
def finish(trained, run: Run) -> Callable[[Config], Any]:
    """Trains to the end in the run of the test."""

    def finish(config: Config) -> Any:
        return shutil.copytree(trained(config).path, run.path, dirs_exist_ok=True)

    return finish


@pytest.fixture
def whole(trained) -> Callable[[Config], dict[str, Any]]:
    """What a training without interruption comes to."""
    return lambda config: result(trained(config))


@pytest.mark.parametrize("way", WAYS)
def test_cut_in_the_middle_and_at_the_end_of_an_epoch_it_comes_to_the_same(
    begin, go_on, whole, make_way, run: Run, way: str
):
    config = make_way(way)
    expected = whole(config)
    with pytest.raises(Stopped):
        begin(config, Interrupter(1, 2))
    listener = Listener()
    with pytest.raises(Stopped):
        # Heard of after the last step, so that the validation is left.
        go_on(config, Interrupter(2, 3))
    go_on(config, listener)
    assert listener.steps == [(3, 1), (3, 2), (3, 3), (3, 4)]
    assert result(run) == expected


def test_cut_by_steps_that_run_in_one_go_it_comes_to_the_same(
    begin, go_on, whole, make_way, run: Run
):
    config = make_way("muon and lookahead", steps_per_execution=3)
    expected = whole(config)
    with pytest.raises(Stopped):
        begin(config, Interrupter(1, 3))
    go_on(config)
    assert result(run) == expected


def test_without_validation_it_comes_to_the_same(
    begin, go_on, whole, make_way, run: Run
):
    config = make_way().with_data(validation_fraction=0.0)
    expected = whole(config)
    with pytest.raises(Stopped):
        begin(config, Interrupter(1, 4))
    go_on(config)
    assert result(run) == expected


class InValidation(Observer):
    """Has a signal come while the averages stand in the place of the weights."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from cifarcnn.training.weight_averaging import WeightAverages

        swap = WeightAverages.swap

        def swap_and_interrupt(averages: WeightAverages) -> None:
            swap(averages)
            if averages.swapped:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(WeightAverages, "swap", swap_and_interrupt)


def test_cut_in_a_validation_it_comes_to_the_same(
    begin, go_on, whole, make_way, run: Run, monkeypatch: pytest.MonkeyPatch
):
    config = make_way("muon and lookahead")
    expected = whole(config)
    with monkeypatch.context() as patch, pytest.raises(Stopped) as caught:
        begin(config, InValidation(patch))
    assert str(caught.value).startswith("Stopped in epoch 1 of 3, after step 4 of 4.")
    go_on(config)
    assert result(run) == expected


PLATEAU = {
    **STILL,
    "epochs": 4,
    "learning_rate_schedule": {"ReduceLROnPlateau": {"patience": 1, "min_delta": 0.01}},
}


@pytest.mark.parametrize("step", [1, 4])
def test_a_rate_that_falls_at_the_end_of_each_epoch_comes_to_the_same(
    begin, go_on, whole, make_way, run: Run, step: int
):
    config = make_way(**PLATEAU)
    expected = whole(config)
    assert [row["learning_rate"] for row in expected["rows"]][-1] == "1e-14"
    with pytest.raises(Stopped):
        begin(config, Interrupter(3, step))
    if step == 1:
        # The other one is of the end of epoch 2, and was saved before the rate fell.
        max((run.path / "checkpoint").glob("*.safetensors")).unlink()
    go_on(config)
    assert result(run) == expected


def test_early_stopping_is_not_forgotten(begin, go_on, whole, make_way, run: Run):
    config = make_way(
        epochs=9, **STILL, early_stopping={"patience": 2, "min_delta": 0.01}
    )
    expected = whole(config)
    assert len(expected["rows"]) == 3
    with pytest.raises(Stopped):
        begin(config, Interrupter(3, 1))
    outcome = go_on(config)
    assert outcome.stopped_early
    assert result(run) == expected


def test_an_epoch_that_is_begun_is_finished_before_early_stopping_has_its_say(
    begin, go_on, make_way, run: Run
):
    patient = {"patience": 50, "min_delta": 0.01}
    config = make_way(epochs=9, **STILL, early_stopping=patient)
    with pytest.raises(Stopped):
        begin(config, Interrupter(3, 1))
    listener = Listener()
    patient["patience"] = 1
    config = make_way(epochs=9, **STILL, early_stopping=patient)
    outcome = go_on(config, listener)
    assert outcome.stopped_early
    assert listener.steps == [(3, 3), (3, 4)]
    assert len(run.read_history()) == 3


def test_the_precision_that_auto_came_to_elsewhere_stays(
    begin, go_on, whole, make_way, run: Run, monkeypatch: pytest.MonkeyPatch
):
    from cifarcnn.training import trainer

    config = make_way(precision="auto")
    with monkeypatch.context() as patch:
        # As on a GPU that is fast with it; this machine's CPU is not.
        patch.setattr(trainer, "choose_precision", lambda *_: "mixed_float16")
        expected = whole(config)
        with pytest.raises(Stopped):
            begin(config, Interrupter(2, 1))
    go_on(config)
    assert result(run) == expected
    resumed = run.read_environment()["resumed"]
    assert [entry["precision"] for entry in resumed] == ["mixed_float16"]


def test_a_checkpoint_that_fails_is_not_tried_again_at_the_next_step(
    begin, make_way, run: Run, monkeypatch: pytest.MonkeyPatch
):
    from cifarcnn.training.callbacks.backup_and_restore import BackupAndRestore

    (run.path / "checkpoint").write_text("in the way")
    prepare, due = BackupAndRestore._prepare, []

    def prepare_late(self: BackupAndRestore, *arguments: Any) -> Any:
        self._last_try -= 3600
        due.append(self.due())
        try:
            return prepare(self, *arguments)
        finally:
            due.append(self.due())

    monkeypatch.setattr(BackupAndRestore, "_prepare", prepare_late)
    with pytest.raises(RunError):
        begin(make_way(epochs=1))
    assert due == [True, False]


def test_killed_before_the_last_files_it_only_writes_them(
    finish, go_on, whole, make_way, run: Run
):
    config = make_way()
    expected = whole(config)
    finish(config)
    for name in ("metrics.json", "model.keras", "last.safetensors"):
        (run.path / name).unlink()
    listener = Listener()
    go_on(config, listener)
    assert listener.steps == []
    assert result(run) == expected
    assert (run.path / "model.keras").exists()


def test_files_that_are_ahead_of_the_checkpoint_are_brought_back(
    finish, go_on, whole, make_way, run: Run
):
    config = make_way()
    expected = whole(config)
    finish(config)
    (run.path / "metrics.json").unlink()
    # As if the disk had lost it: the one before is of the middle of the last epoch.
    kept = sorted((run.path / "checkpoint").glob("*.safetensors"))
    kept[-1].unlink()
    go_on(config)
    assert result(run) == expected


def test_a_damaged_checkpoint_falls_back_and_says_so(
    begin, go_on, whole, make_way, run: Run
):
    config = make_way()
    expected = whole(config)
    with pytest.raises(Stopped):
        begin(config, Interrupter(3, 1))
    newest = max((run.path / "checkpoint").glob("*.safetensors"))
    newest.write_bytes(b"damaged")
    listener = Listener()
    go_on(config, listener)
    assert listener.notes[0] == (
        f"{newest} is damaged: its content is not the one in its name. It is set aside "
        f"as {newest.name}.damaged."
    )
    assert listener.steps[0] == (3, 1)
    assert result(run) == expected


def test_without_a_checkpoint_it_begins_anew_and_says_so(
    begin, go_on, whole, make_way, run: Run
):
    config = make_way()
    expected = whole(config)
    run.write_config(config)
    listener = Listener()
    go_on(config, listener)
    assert listener.notes == [
        f"{run.path} has no checkpoint yet: its training begins anew"
    ]
    assert result(run) == expected


def test_a_long_epoch_has_checkpoints_of_its_own(begin, make_way, run: Run):
    def count(minutes: float) -> list[str]:
        with pytest.raises(Stopped):
            begin(make_way(checkpoint_minutes=minutes), Interrupter(1, 2))
        found = sorted(path.name[:22] for path in (run.path / "checkpoint").iterdir())
        shutil.rmtree(run.path / "checkpoint")
        (run.path / "manifest.json").unlink()
        return found

    assert count(1e-9) == ["epoch-0000-step-000002", "epoch-0000-step-000003"]
    assert count(1000.0) == ["epoch-0000-step-000003"]


def test_a_finished_run_has_nothing_left(finish, make_way, run: Run):
    config = make_way()
    finish(config)
    assert plan_resume(run, config) is None


def test_a_trial_stays_a_trial(keras, make_dataset, device, make_way, run: Run, go_on):
    config = make_way()
    data = load_training_data(config, make_dataset(70), smoke=True)
    with pytest.raises(Stopped):
        train(config, data, run, device, observer=Interrupter(1, 1))
    outcome = go_on(config)
    assert len(outcome.records) == 1
    assert run.read_metrics()["smoke"] is True
    assert plan_resume(run, config) is None
    anew = f"To train on all: cifarcnn train --config {run.config_path}"
    sentence = f"{run.path} is finished: a trial on few pictures (--smoke) stays one. "
    assert describe_finished(run) == sentence + anew
    with pytest.raises(UsageError) as caught:
        plan_resume(run, make_way(epochs=9))
    assert str(caught.value) == sentence + anew


def test_a_trial_that_was_ended_while_its_network_was_built_stays_one(
    keras, make_dataset, device, make_way, run: Run, monkeypatch
):
    def end(*arguments: object) -> NoReturn:
        raise SystemExit(1)

    monkeypatch.setattr(trainer, "build_networks", end)
    config = make_way()
    data = load_training_data(config, make_dataset(70), smoke=True)
    with pytest.raises(SystemExit):
        train(config, data, run, device)
    plan = plan_resume(run, config)
    assert plan is not None and plan.smoke


@pytest.mark.parametrize(
    ("way", "note"),
    [
        ("adam", "the learning rate goes on at 0.02."),
        (
            "momentum and a schedule",
            "CosineDecay is planned anew over 5 epochs: the next step has a learning "
            "rate of 0.0363, after 0 by the old plan. It will not come to what 5 "
            "epochs from the beginning come to.",
        ),
        (
            "muon and lookahead",
            "Triangle and Lookahead are planned anew over 5 epochs: the next step has "
            "a learning rate of 0.00515, after 0.0007 by the old plan. It will not "
            "come to what 5 epochs from the beginning come to.",
        ),
    ],
)
def test_a_finished_run_can_be_made_longer(
    finish, go_on, make_way, run: Run, way: str, note: str
):
    finish(make_way(way))
    rows = run.read_history()
    longer = make_way(way, epochs=5)
    listener = Listener()
    outcome = go_on(longer, listener)
    assert listener.notes == ["training.epochs was 3, is 5 now", note]
    assert listener.steps[0] == (4, 1)
    assert [record.epoch for record in outcome.records] == [1, 2, 3, 4, 5]
    assert run.read_history()[:3] == rows
    assert Run(run.path).config == longer
    assert read_manifest(run.path).weights["last.safetensors"][0].epoch == 5
    environment = json.loads((run.path / "environment.json").read_text())
    assert len(environment["resumed"]) == 1


@pytest.mark.parametrize(
    ("changes", "rate"),
    [
        ({}, "0.02"),
        ({"learning_rate_schedule": {"StepDecay": {"at_epochs": [2, 3]}}}, "0.0002"),
        # Still rising when the first training ends.
        ({"learning_rate_schedule": {"Constant": {"warmup_epochs": 4}}}, "0.0153"),
        (WAYS["adadelta and restarts"], "0.916"),
        (WAYS["adagrad and stretches"], "0.2"),
        (WAYS["adamax and inverse time"], "0.00909"),
        (WAYS["plateau"], "1e-06"),
    ],
)
def test_a_longer_training_is_the_same_as_a_long_one_where_nothing_spans_it(
    finish, go_on, whole, make_way, run: Run, changes: dict[str, Any], rate: str
):
    longer = make_way(**changes, epochs=5)
    expected = whole(longer)
    finish(make_way(**changes))
    listener = Listener()
    go_on(longer, listener)
    assert result(run) == expected
    assert listener.notes[1:] == [f"the learning rate goes on at {rate}."]


def test_lookahead_alone_is_planned_anew_and_makes_another_training(
    finish, go_on, whole, make_way, run: Run
):
    lookahead = {"averaging": {"Lookahead": {"every_steps": 2}}}
    longer = make_way(**lookahead, epochs=5)
    expected = whole(longer)
    finish(make_way(**lookahead))
    listener = Listener()
    go_on(longer, listener)
    assert result(run) != expected
    assert listener.notes[1:] == [
        "Lookahead is planned anew over 5 epochs: the next step has a learning rate of "
        "0.02, after 0.02 by the old plan. It will not come to what 5 epochs from the "
        "beginning come to."
    ]


def test_settings_that_decided_the_steps_cannot_change(finish, make_way, run: Run):
    finish(make_way(epochs=1))
    other = make_way(epochs=1, batch_size=8, label_smoothing=0.1)
    with pytest.raises(UsageError) as caught:
        plan_resume(run, other)
    assert str(caught.value) == (
        f"{run.path} cannot go on with other settings: training.batch_size was 16 and "
        "would be 8; training.label_smoothing was 0.0 and would be 0.1. Only "
        "training.epochs, training.early_stopping, training.checkpoint_minutes, "
        "training.max_minutes, training.steps_per_execution, training.backend, "
        "training.devices, training.tracking, data.path, data.fetch, data.sources, "
        "evaluation can change in the middle of a training. To train anew: cifarcnn "
        f"train --config {run.path / 'config.yaml'} --set ..."
    )


def test_epochs_that_are_done_cannot_be_taken_back(finish, make_way, run: Run):
    finish(make_way())
    with pytest.raises(UsageError) as caught:
        plan_resume(run, make_way(epochs=2))
    assert str(caught.value) == (
        f"{run.path} cannot end after 2 epochs: 3 epochs are done already."
    )


def test_early_stopping_that_would_end_it_at_once_is_told_before_anything_changes(
    finish, go_on, make_way, run: Run
):
    stopping = {"patience": 1, "min_delta": 0.01}
    config = make_way(epochs=9, **STILL, early_stopping=stopping)
    finish(config)
    longer = make_way(epochs=20, **STILL, early_stopping=stopping)
    with pytest.raises(UsageError) as caught:
        go_on(longer)
    assert str(caught.value) == (
        f"Early stopping ended {run.path} after epoch 2, and would do so again at "
        "once. To go on, also give --set training.early_stopping=null, or a longer "
        "training.early_stopping.patience."
    )
    assert run.finished
    assert Run(run.path).config == config


def test_weights_without_a_checkpoint_are_not_trained_over(finish, make_way, run: Run):
    config = make_way(epochs=1)
    finish(config)
    shutil.rmtree(run.path / "checkpoint")
    with pytest.raises(RunError) as caught:
        plan_resume(run, config)
    assert str(caught.value) == (
        f"{run.path} has trained weights, but no checkpoint to go on from: none could "
        "be written, or it was removed. The weights can be used as they are; to train "
        f"anew: cifarcnn train --config {run.path / 'config.yaml'}"
    )


def test_a_manifest_without_weights_is_no_reason_not_to_begin_anew(
    finish, go_on, whole, make_way, run: Run
):
    config = make_way(epochs=1)
    expected = whole(config)
    finish(config)
    # As a disk leaves it that was full from the first save on.
    for path in run.path.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ("manifest.json", "config.yaml", "environment.json"):
            path.unlink()
    go_on(config)
    assert result(run) == expected


def test_a_checkpoint_of_another_network_does_not_fit(begin, make_way, run, go_on):
    from cifarcnn.runs.checkpoints import find_checkpoint, save_checkpoint

    config = make_way()
    with pytest.raises(Stopped):
        begin(config, Interrupter(1, 1))
    found, _ = find_checkpoint(run.path)
    assert found is not None
    save_checkpoint(run.path, found.state, {"model/0000": np.zeros(3, np.float32)})
    found.path.unlink()
    with pytest.raises(RunError) as caught:
        go_on(config)
    path = max((run.path / "checkpoint").glob("*.safetensors"))
    assert str(caught.value) == (
        f"{path} does not fit the training of config.yaml: the array 'model/0000' is "
        "float32 (3,), but float32 (3, 3, 3, 4) is needed."
    )


def test_what_is_different_on_this_machine_is_named(begin, go_on, make_way, run: Run):
    config = make_way()
    with pytest.raises(Stopped):
        begin(config, Interrupter(1, 1))
    path = run.path / "environment.json"
    environment = json.loads(path.read_text())
    environment["versions"]["keras"] = "3.0.0"
    environment["device"]["threads"] = 1000
    path.write_text(json.dumps(environment))
    listener = Listener()
    go_on(config, listener)
    (note,) = listener.notes
    assert note.startswith("versions.keras was 3.0.0, is ")
    assert "; device.threads was 1000, is " in note
    assert note.endswith(
        " now: the results may differ in their last digits from those of a training "
        "without interruption"
    )
