from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.config import Config
from cifarcnn.errors import RunError, UsageError
from cifarcnn.network.builder import build_model
from cifarcnn.network.weights import read_weights
from cifarcnn.runs import Run
from cifarcnn.runs.litert_file import load_litert
from cifarcnn.runs.manifest import read_manifest
from cifarcnn.runs.weights import describe_arrays, load_weights
from cifarcnn.training import run_files
from cifarcnn.training.observer import Observer
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data

pytestmark = pytest.mark.slow
# Those that look at model.tflite, or at all that the observer is told.
litert = pytest.mark.parametrize("train_in", [True], indirect=True)

FILTERS = {"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 4}}
PLAIN_LAYERS = [FILTERS, "GlobalAveragePooling2D", {"Dense": 3}]
OPTIMIZERS = [
    *("SGD", "Adam", "AdamW", "RMSprop", "Nadam", "Lion", "Adafactor", "Muon"),
    *("Adamax", "Adadelta", "Adagrad"),
]
SCHEDULES = [
    {"Constant": {"warmup_epochs": 0.5}},
    "CosineDecay",
    "LinearDecay",
    "Triangle",
    {"StepDecay": {"at_epochs": [1]}},
    {"PiecewiseConstantDecay": {"at_epochs": [1], "values": [0.3, 0.7]}},
    {"ExponentialDecay": {"factor_per_epoch": 0.5}},
    {"InverseTimeDecay": 0.5},
    {"CosineDecayRestarts": 0.75},
    "ReduceLROnPlateau",
]


class Recorder(Observer):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def training_started(self, plan):
        self.events.append(plan)

    def batch_ended(self, epoch, step, logs):
        self.events.append((epoch, step, sorted(logs)))

    def epoch_ended(self, record):
        self.events.append(record.epoch)

    def noted(self, sentence):
        self.events.append(sentence)

    def training_ended(self, outcome):
        self.events.append("end")


@pytest.fixture
def train_in(request, keras, make_dataset, device, tmp_path: Path):
    count = iter(range(100))
    if not getattr(request, "param", False):
        request.getfixturevalue("no_litert")

    def start(config: Config, **options):
        run = Run.create(tmp_path / f"runs{next(count)}", "tiny")
        given = options.pop("dataset", None) or make_dataset(70)
        data = load_training_data(config, given, options.pop("smoke", False))
        return train(config, data, run, device, **options)

    return start


def figures(outcome) -> list[tuple[float | None, ...]]:
    return [(r.loss, r.accuracy, r.val_loss, r.val_accuracy) for r in outcome.records]


def test_a_tiny_set_is_learnt_by_heart(train_in, make_config):
    outcome = train_in(make_config(epochs=30))
    assert outcome.records[-1].val_accuracy == 1.0
    assert outcome.records[0].loss > 2 * outcome.records[-1].loss


def test_the_same_seed_repeats_the_history_and_another_does_not(train_in, make_config):
    first = figures(train_in(make_config(seed=3)))
    assert figures(train_in(make_config(seed=3))) == first
    assert figures(train_in(make_config(seed=4))) != first


@litert
def test_every_file_of_a_finished_run_is_there(train_in, make_config):
    outcome = train_in(make_config())
    assert sorted(path.name for path in outcome.run.iterdir()) == [
        "checkpoint",
        "config.yaml",
        "environment.json",
        "history.csv",
        "last.safetensors",
        "manifest.json",
        "metrics.json",
        "model.keras",
        "model.tflite",
        "weights.safetensors",
    ]


@litert
def test_a_file_for_prediction_that_cannot_be_made_costs_only_a_note(
    train_in, make_config, keras, monkeypatch
):
    recorder = Recorder()

    def fail(*arguments):
        raise RunError("only TensorFlow can make it, which is not installed.")

    monkeypatch.setattr(run_files, "convert_run", fail)
    outcome = train_in(make_config(), observer=recorder)
    assert recorder.events[-2:] == [
        "model.tflite is not written: only TensorFlow can make it, which is not "
        "installed. `predict` answers with Keras, which takes longer to start.",
        "end",
    ]
    assert not (outcome.run / "model.tflite").exists()
    assert Run(outcome.run).finished


@litert
def test_the_file_for_prediction_holds_the_weights_that_were_kept(
    train_in, make_config
):
    for kept, kind in (("best", "selected"), ("last", "last")):
        run = Run(train_in(make_config(weights=kept)).run)
        manifest = read_manifest(run.path)
        assert manifest.litert is not None
        (record,) = manifest.weights["weights.safetensors"]
        assert manifest.litert.weights_sha256 == record.sha256
        assert load_litert(run.path, manifest, kind)


def test_metrics_hold_the_figures_of_the_outcome(train_in, make_config, device):
    outcome = train_in(make_config())
    metrics = json.loads((outcome.run / "metrics.json").read_text())
    assert metrics["smoke"] is False
    assert metrics["epochs"] == 2
    assert metrics["kept"]["val_loss"] == outcome.kept.val_loss
    assert metrics["best"]["epoch"] == outcome.best.epoch
    assert metrics["last"]["epoch"] == 2
    # A fifth of 24, 23 and 23 images: 5 of each class.
    assert (metrics["training_pictures"], metrics["validation_pictures"]) == (55, 15)
    assert metrics["parameters"] == 3 * 3 * 3 * 4 + 4 + 4 * 3 + 3
    assert metrics["data"]["checksum"] == "0" * 64
    environment = json.loads((outcome.run / "environment.json").read_text())
    assert environment["device"]["description"] == device.description
    assert environment["seed"] == 0


@litert
def test_the_observer_hears_each_step_with_the_partial_batch(train_in, make_config):
    recorder = Recorder()
    train_in(make_config(), observer=recorder)
    plan, *events = recorder.events
    assert (plan.epochs, plan.steps_per_epoch, plan.training_images) == (2, 4, 55)
    names = ["accuracy", "loss"]
    # So small a network does the four steps of an epoch in one go.
    # An epoch is told when it is saved: the steps of the next may be done by then.
    assert sorted(events, key=str) == [(1, 4, names), (2, 4, names), 1, 2, "end"]
    assert events[0] == (1, 4, names)
    assert events[-2:] == [2, "end"]


def test_steps_in_one_go_are_the_same_steps(train_in, make_config):
    together = figures(train_in(make_config()))
    recorder = Recorder()
    three = make_config(steps_per_execution=3)
    assert figures(train_in(three, observer=recorder)) == together
    steps = [event[1] for event in recorder.events if isinstance(event, tuple)]
    assert steps == [3, 4, 3, 4]
    assert figures(train_in(make_config(steps_per_execution=1))) == together


def test_the_partial_batch_counts_by_its_images(
    train_in, make_config, make_dataset, keras
):
    # A rate of almost nothing: the figures are those of the start weights.
    config = make_config(
        layers=PLAIN_LAYERS,
        validation_fraction=0,
        epochs=1,
        optimizer={"SGD": 1e-12},
    )
    record = train_in(config).records[0]
    keras.utils.set_random_seed(0)
    model = build_model(config, 3)
    images = make_dataset(70).test()
    probabilities = np.array(model(images.images, training=False))
    right = probabilities[np.arange(70), images.labels]
    assert record.loss == pytest.approx(-np.log(right).mean(), abs=1e-5)
    expected = (probabilities.argmax(axis=1) == images.labels).mean()
    assert record.accuracy == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_moves_the_weights(train_in, make_config, keras, name):
    config = make_config(epochs=1, optimizer=name)
    outcome = train_in(config)
    keras.utils.set_random_seed(0)
    start = read_weights(build_model(config, 3))
    end = load_weights(outcome.run, "last", describe_arrays(start)).arrays
    assert all(np.abs(end[array] - start[array]).max() > 0 for array in start)
    assert math.isfinite(outcome.records[0].loss)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_trains_and_its_rate_is_recorded(
    train_in, make_config, schedule
):
    config = make_config(
        optimizer={"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
        learning_rate_schedule=schedule,
    )
    last_rates = {
        "Constant": [0.1, 0.1],
        # Eight steps: the last of epoch 1 is step 3 of 0..7.
        "CosineDecay": [0.05 * (1 + math.cos(math.pi * 3 / 7)), 0.0],
        "LinearDecay": [0.1 * 4 / 7, 0.0],
        "Triangle": [0.1 * (1 - 0.93 * (3 - 1.61) / (7 - 1.61)), 0.007],
        "StepDecay": [0.1, 0.01],
        "ExponentialDecay": [0.1 * 0.5**0.75, 0.1 * 0.5**1.75],
        "PiecewiseConstantDecay": [0.3, 0.7],
        "InverseTimeDecay": [0.1 / 2.5, 0.1 / 4.5],
        # Three steps, and six from step 3 on.
        "CosineDecayRestarts": [0.1, 0.05 * (1 + math.cos(math.pi * 4 / 6))],
        "ReduceLROnPlateau": [0.1, 0.1],
    }
    name = schedule if isinstance(schedule, str) else next(iter(schedule))
    found = [record.learning_rate for record in train_in(config).records]
    assert found == pytest.approx(last_rates[name], abs=1e-7)


def test_clipping_and_smoothing_and_class_weights_train(train_in, make_config):
    config = make_config(
        optimizer={"SGD": {"learning_rate": 0.1, "global_clipnorm": 1.0}},
        label_smoothing=0.1,
        class_weights="balanced",
    )
    assert math.isfinite(train_in(config).last.loss)


def test_class_weights_scale_the_loss(train_in, make_config):
    still = {"epochs": 1, "optimizer": {"SGD": 1e-12}, "layers": PLAIN_LAYERS}
    plain = train_in(make_config(**still)).last
    doubled = dict.fromkeys(["red", "green", "blue"], 2.0)
    weighed = train_in(make_config(**still, class_weights=doubled)).last
    assert weighed.loss == pytest.approx(2 * plain.loss, rel=1e-5)
    assert weighed.accuracy == plain.accuracy


def test_regularizers_are_part_of_the_loss(train_in, make_config):
    def layers(factor: float) -> list[object]:
        dense = {"units": 3, "kernel_regularizer": {"L2": factor}}
        return [*PLAIN_LAYERS[:2], {"Dense": dense}]

    still = {"epochs": 1, "optimizer": {"SGD": 1e-12}}
    without = train_in(make_config(layers=layers(0.0), **still)).last
    with_penalty = train_in(make_config(layers=layers(10.0), **still)).last
    assert with_penalty.loss > without.loss + 1
    assert with_penalty.val_loss > without.val_loss + 1


def test_early_stopping_ends_the_training(train_in, make_config):
    config = make_config(
        epochs=20,
        optimizer={"SGD": 1e-12},
        early_stopping={"monitor": "val_loss", "patience": 1, "min_delta": 0.01},
    )
    outcome = train_in(config)
    assert len(outcome.records) == 2
    assert outcome.stopped_early


def test_the_rate_falls_on_a_plateau(train_in, make_config):
    config = make_config(
        epochs=4,
        optimizer={"SGD": 1e-6},
        learning_rate_schedule={"ReduceLROnPlateau": {"patience": 1, "factor": 0.5}},
    )
    rates = [record.learning_rate for record in train_in(config).records]
    assert rates == [1e-6, 1e-6, 5e-7, 2.5e-7]


def test_a_smoke_run_is_one_epoch_on_512_images(train_in, make_config, make_dataset):
    recorder = Recorder()
    outcome = train_in(
        make_config(epochs=9, validation_fraction=0.5),
        dataset=make_dataset(1300),
        smoke=True,
        observer=recorder,
    )
    plan = recorder.events[0]
    assert (plan.epochs, plan.training_images) == (1, 512)
    assert plan.validation_images == 512
    assert outcome.diagnosis == ()
    assert json.loads((outcome.run / "metrics.json").read_text())["smoke"] is True


def test_weights_best_go_into_the_keras_model(train_in, make_config, keras):
    config = make_config(epochs=3, optimizer={"SGD": 5.0}, seed=1)
    outcome = train_in(config)
    saved = keras.models.load_model(outcome.run / "model.keras")
    specs = describe_arrays(read_weights(saved))
    kept = load_weights(outcome.run, "selected", specs)
    assert kept.epoch == outcome.best.epoch
    for name, value in read_weights(saved).items():
        assert np.array_equal(value, kept.arrays[name])


def test_a_network_that_does_not_fit_the_data_is_refused(train_in, make_config):
    with pytest.raises(UsageError) as caught:
        train_in(make_config(layers=["Flatten", {"Dense": 10}]))
    assert str(caught.value) == (
        "The last layer gives the shape (10,), but the data has 3 classes: it must "
        "give (3,), as does Dense: {units: 3}."
    )


AUGMENTATION = [
    *({"RandomFlip": {"alternate": True}}, {"RandomTranslation": 2}, "RandAugment"),
    *("RandomErasing", {"MixUp": 0.4}, "CutMix"),
]


def augmented(config: Config, *choices: object) -> Config:
    values = config.model_dump()
    data = {**values["data"], "augmentation": list(choices)}
    return config.with_data(augmentation=type(config.data)(**data).augmentation)


def test_augmentation_changes_the_training_and_the_same_seed_repeats_it(
    train_in, make_config
):
    config = augmented(make_config(seed=3, label_smoothing=0.1), *AUGMENTATION)
    first = figures(train_in(config))
    assert figures(train_in(config)) == first
    assert figures(train_in(make_config(seed=3, label_smoothing=0.1))) != first


def test_validation_images_are_not_augmented(train_in, make_config):
    still = {"epochs": 1, "optimizer": {"SGD": 1e-12}, "layers": PLAIN_LAYERS}
    plain = train_in(make_config(**still)).last
    changed = train_in(augmented(make_config(**still), *AUGMENTATION)).last
    assert changed.val_loss == pytest.approx(plain.val_loss, abs=1e-6)
    assert changed.val_accuracy == plain.val_accuracy
    assert changed.loss != pytest.approx(plain.loss, abs=1e-3)


def test_mixed_labels_go_with_class_weights(train_in, make_config):
    still = {"epochs": 1, "optimizer": {"SGD": 1e-12}, "layers": PLAIN_LAYERS}
    plain = train_in(augmented(make_config(**still), "MixUp")).last
    doubled = dict.fromkeys(["red", "green", "blue"], 2.0)
    config = make_config(**still, class_weights=doubled)
    weighed = train_in(augmented(config, "MixUp")).last
    assert weighed.loss == pytest.approx(2 * plain.loss, rel=1e-5)
    assert weighed.accuracy == plain.accuracy


def test_no_layer_of_the_augmentation_is_in_the_keras_model(
    train_in, make_config, keras
):
    outcome = train_in(augmented(make_config(epochs=1), *AUGMENTATION))
    saved = keras.models.load_model(outcome.run / "model.keras")
    assert [layer.name for layer in saved.layers] == [
        *("images_0_to_255", "normalization", "conv2d_1", "global_average_pooling2d_1"),
        *("dropout_1", "dense_1", "probabilities"),
    ]
    assert saved.input_shape == (None, 32, 32, 3)
    assert "RandAugment" in (outcome.run / "config.yaml").read_text()
