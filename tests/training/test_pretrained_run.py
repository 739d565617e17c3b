"""A finished run as the backbone of another: frozen, its features kept, fine-tuned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from cifarcnn.config import Config, load_config
from cifarcnn.errors import RunError, Stopped, UsageError
from cifarcnn.runs import Run
from cifarcnn.training.resume import plan_resume
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data
from tests.training.test_resume import Interrupter, Listener, result

pytestmark = pytest.mark.usefixtures("no_litert", "own_cache")

# With all that a frozen layer must not do: draw, move statistics, be held, or add to
# the loss.
BASE = [
    {"Conv2D": {"filters": 6, "kernel_size": 3, "strides": 4, "use_bias": False,
                "kernel_constraint": {"MaxNorm": {"max_value": 0.1}}}},
    {"BatchNormalization": {"momentum": 0.5}},
    {"Activation": "relu"},
    {"SpatialDropout2D": 0.2},
    {"Residual": [{"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same",
                              "kernel_regularizer": {"L2": 0.1}}},
                  {"BatchNormalization": {"momentum": 0.5}}]},
    {"Activation": "relu"},
    "MaxPooling2D",
    {"Conv2D": {"filters": 4, "kernel_size": 3, "padding": "same",
                "activation": "leaky_relu", "activity_regularizer": {"L2": 0.1}}},
    "GlobalAveragePooling2D",
    {"Dense": {"units": 3, "activation": "softmax"}},
]  # fmt: skip
FLIP = {"RandomFlip": {"mode": "horizontal"}}
# Of the optimizer, the penalties, and the averages, to be kept from frozen weights.
HARD = {
    "optimizer": {"AdamW": {"learning_rate": 0.02, "weight_decay": 0.1}},
    "averaging": {"ExponentialMovingAverage": {"momentum": 0.9}},
}


@pytest.fixture
def own_cache(tmp_path_factory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder: Path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CIFARCNN_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def bases() -> dict[str, Run]:
    return {}


@pytest.fixture
def fit(keras, make_dataset, device) -> Callable[..., Run]:
    def fit(
        config: Config, place: Run, observer: Any = None, resume: Any = None
    ) -> Run:
        data = load_training_data(config, make_dataset(70))
        train(config, data, place, device, observer=observer, resume=resume)
        return place

    return fit


@pytest.fixture
def base(bases, fit, make_config, tmp_path_factory) -> Run:
    """A finished run, made once; not to be changed."""
    if not bases:
        place = Run.create(tmp_path_factory.mktemp("base") / "runs", "base")
        bases["base"] = fit(make_config(layers=BASE, epochs=2), place)
    return bases["base"]


@pytest.fixture
def configure(base: Run, tmp_path: Path) -> Callable[..., Config]:
    """A config whose first layer is the run."""

    def configure(
        augmentation: Any = (FLIP,),
        pretrained: Any = None,
        alone: bool = False,
        **training: Any,
    ) -> Config:
        layer = {"run": str(base.path), **(pretrained or {})}
        config: dict[str, Any] = {
            "name": "new",
            "data": {
                "dataset": "folder", "path": "unused", "validation_fraction": 0.2,
                "normalization": "none", "augmentation": list(augmentation),
            },
            "model": {
                "layers": [
                    {"Pretrained": layer},
                    *([] if layer.get("pooling") else ["GlobalAveragePooling2D"]),
                    {"Dropout": 0.2},
                    {"Dense": {"units": 3, "activation": "softmax"}},
                ]
            },
            "training": {
                "epochs": 3, "batch_size": 16, "steps_per_execution": 1,
                "optimizer": {"Adam": 0.02}, **training,
            },
        }  # fmt: skip
        if alone:
            config["model"]["layers"] = [{"Pretrained": layer}]
        file = tmp_path / "new.yaml"
        file.write_text(json.dumps(config))
        return load_config(file)

    return configure


def weights_of(run: Run, name: str = "weights.safetensors") -> dict[str, np.ndarray]:
    return load_file(run.path / name)


def frozen(run: Run) -> dict[str, bytes]:
    return {
        name.removeprefix("pretrained_1/"): array.tobytes()
        for name, array in weights_of(run).items()
        if name.startswith("pretrained_1/")
    }


def place(tmp_path: Path, name: str) -> Run:
    return Run.create(tmp_path / "runs", name)


MOVING = {"RandomTranslation": 2}


@pytest.mark.parametrize("augmentation", [[FLIP], [MOVING]])
@pytest.mark.parametrize("training", [{}, HARD])
def test_frozen_weights_have_the_bytes_of_the_run(
    fit, configure, base: Run, tmp_path: Path, augmentation: Any, training: Any
):
    run = fit(configure(augmentation, **training), place(tmp_path, "new"))
    trained = {name: array.tobytes() for name, array in weights_of(base).items()}
    found = frozen(run)
    # Up to the last layer that gives maps.
    assert {*trained} - {*found} == {"dense_1/kernel", "dense_1/bias"}
    assert all(found[name] == trained[name] for name in found)
    assert "batch_normalization_1/moving_variance" in found
    # Nothing is kept for them by the optimizer.
    newest = max((run.path / "checkpoint").glob("*.safetensors"))
    shapes = [array.shape for array in load_file(newest).values()]
    assert shapes.count((3, 3, 6, 6)) <= 2  # of now and of the best epoch


def history(run: Run) -> list[list[float]]:
    keys = ("loss", "accuracy", "val_loss", "val_accuracy")
    return [[float(row[key]) for key in keys] for row in run.read_history()]


@pytest.mark.parametrize(
    "augmentation",
    [[], [FLIP], [{"RandomFlip": {"alternate": True}}, {"RandomFlip": "vertical"}]],
)
def test_with_features_a_training_comes_to_what_it_comes_to_without(
    fit, configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, augmentation: Any
):
    config = configure(augmentation, **HARD)
    listener = Listener()
    with_features = fit(config, place(tmp_path, "with"), listener)
    assert any("are computed once, and kept" in note for note in listener.notes)
    monkeypatch.setattr(
        "cifarcnn.training.training_models.count_fixed_layers", lambda layers: 0
    )
    without = fit(config, place(tmp_path, "without"))
    np.testing.assert_allclose(history(with_features), history(without), rtol=1e-4)
    ours, theirs = weights_of(with_features), weights_of(without)
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5)


def test_features_of_before_are_used_again_and_give_the_same_bits(
    fit, configure, own_cache: Path, tmp_path: Path
):
    config = configure()
    first = fit(config, place(tmp_path, "first"))
    [file] = (own_cache / "features").iterdir()
    listener = Listener()
    second = fit(config, place(tmp_path, "second"), listener)
    assert any("come from the cache: 0.0 MB" in note for note in listener.notes)
    assert result(second) == result(first)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    listener = Listener()
    third = fit(config, place(tmp_path, "third"), listener)
    assert any("are computed once" in note for note in listener.notes)
    assert result(third) == result(first)


def test_where_images_move_every_epoch_computes_the_frozen_layers(
    fit, configure, own_cache: Path, tmp_path: Path
):
    listener = Listener()
    fit(configure([FLIP, MOVING], epochs=1), place(tmp_path, "new"), listener)
    assert listener.notes == [
        "RandomTranslation changes the pictures anew in every epoch, which thus "
        "computes the frozen layers; with RandomFlip alone they would be computed once."
    ]
    assert not (own_cache / "features").exists()


def test_where_no_feature_can_be_kept_they_are_held_in_memory(
    fit, configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = configure()
    first = fit(config, place(tmp_path, "first"))
    file = tmp_path / "a file"
    file.touch()
    monkeypatch.setenv("CIFARCNN_CACHE", str(file))
    listener = Listener()
    second = fit(config, place(tmp_path, "second"), listener)
    assert listener.notes == [
        "the features of the frozen layers are computed once, and held in memory: "
        f"0.0 MB; {file}/features: Not a directory"
    ]
    assert result(second) == result(first)


TUNE = {"epochs": 4, "fine_tune": {"from_epoch": 3, "layers": 3, "learning_rate": 0.01}}


@pytest.mark.parametrize("training", [{}, HARD])
@pytest.mark.parametrize("augmentation", [[FLIP], [MOVING]])
def test_fine_tuning_trains_the_last_layers_alone(
    fit, configure, base: Run, tmp_path: Path, augmentation: Any, training: Any
):
    config = configure(augmentation, weights="last", **training, **TUNE)
    run = fit(config, place(tmp_path, "new"))
    trained = {name: array.tobytes() for name, array in weights_of(base).items()}
    found = frozen(run)
    # Activation, MaxPooling2D, Conv2D.
    assert {name for name in found if found[name] != trained[name]} == {
        "conv2d_3/kernel",
        "conv2d_3/bias",
    }
    rates = [row["learning_rate"] for row in run.read_history()]
    assert rates == ["0.02", "0.02", "0.01", "0.01"]


def test_fine_tuning_all_layers_leaves_the_statistics(
    fit, configure, base: Run, tmp_path: Path
):
    tune = {"from_epoch": 2, "learning_rate": 0.01}
    config = configure(weights="last", fine_tune=tune)
    found = frozen(fit(config, place(tmp_path, "new")))
    same = [name for name in found if found[name] == weights_of(base)[name].tobytes()]
    assert same == [
        f"batch_normalization_{number}/moving_{kind}"
        for number in (1, 2)
        for kind in ("mean", "variance")
    ]


def test_without_frozen_a_backbone_trains_with_all_it_has(
    fit, configure, base: Run, tmp_path: Path
):
    config = configure(pretrained={"trainable": True}, epochs=1)
    found = frozen(fit(config, place(tmp_path, "new")))
    assert all(found[name] != weights_of(base)[name].tobytes() for name in found)


def test_what_a_run_had_frozen_is_trained_and_fine_tuned_with_it(
    fit, configure, base: Run, tmp_path: Path
):
    middle = fit(configure(epochs=1), place(tmp_path, "middle"))
    before = weights_of(middle)
    for name, given, training in (
        ("trained", {"trainable": True}, {"epochs": 1}),
        ("tuned", {}, {"epochs": 2, "fine_tune": {"from_epoch": 2}}),
    ):
        config = configure(pretrained={"run": str(middle.path), **given}, **training)
        after = weights_of(fit(config, place(tmp_path, name)), "last.safetensors")
        kept = {key: after.get(f"pretrained_1/{key}") for key in before}
        same = [
            key
            for key, array in kept.items()
            if array is not None and array.tobytes() == before[key].tobytes()
        ]
        statistics = [key for key in before if "/moving_" in key]
        assert sorted(same) == ([] if name == "trained" else sorted(statistics)), name


WAYS = {
    "features": {},
    "images": {"augmentation": [MOVING]},
    "averages": {**HARD, **TUNE},
    "lookahead": {
        **TUNE,
        "averaging": {"Lookahead": {"every_steps": 3}},
        "learning_rate_schedule": "CosineDecay",
        "augmentation": [MOVING],
    },
    "plateau": {
        **TUNE,
        "optimizer": {"SGD": 1e-9},
        "learning_rate_schedule": {"ReduceLROnPlateau": {"patience": 1}},
        "precision": "mixed_bfloat16",
    },
}
# In the frozen part, in the last step before the fine-tuning, and in the fine-tuning.
CUTS = [(1, 2), (2, 4), (3, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_cut_anywhere_it_comes_to_the_same(
    fit, configure, base: Run, own_cache: Path, tmp_path: Path, way: str
):
    config = configure(**WAYS[way])
    whole = result(fit(config, place(tmp_path, "whole")))
    run = place(tmp_path, "cut")
    for epoch, step in CUTS:
        plan = plan_resume(run, config) if (run.path / "config.yaml").exists() else None
        with pytest.raises(Stopped):
            fit(config, run, Interrupter(epoch, step), plan)
        # Computed anew, or found: the bits are the same.
        if epoch == 1:
            shutil.rmtree(own_cache, ignore_errors=True)
    fit(config, run, resume=plan_resume(run, config))
    assert result(run) == whole


@pytest.mark.slow
@pytest.mark.parametrize("way", ["averages", "lookahead"])
def test_gone_on_from_the_end_of_the_epoch_before_fine_tuning_it_is_the_same(
    fit, configure, tmp_path: Path, way: str
):
    config = configure(**WAYS[way])
    whole = result(fit(config, place(tmp_path, "whole")))
    run = place(tmp_path, "cut")
    with pytest.raises(Stopped):
        fit(config, run, Interrupter(3, 1))
    newest = max((run.path / "checkpoint").glob("*.safetensors"))
    newest.unlink()
    assert max((run.path / "checkpoint").iterdir()).name.startswith("epoch-0002-step-0")
    fit(config, run, resume=plan_resume(run, config))
    assert result(run) == whole


def test_the_run_can_be_resumed_and_loaded_when_its_backbone_is_gone(
    fit, configure, base: Run, tmp_path: Path
):
    moved = tmp_path / "moved"
    shutil.copytree(base.path, moved)
    config = configure(pretrained={"run": str(moved)})
    run = place(tmp_path, "new")
    with pytest.raises(Stopped):
        fit(config, run, Interrupter(1, 2))
    shutil.rmtree(moved)
    again = load_config(run.config_path)
    assert again == config
    fit(again, run, resume=plan_resume(run, again))
    from cifarcnn.loaded_run import load_run

    loaded = load_run(run.path)
    assert loaded.predict(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 3)
    with pytest.raises(RunError, match=r"moved has no trained weights to load"):
        fit(again, place(tmp_path, "anew"))


def test_early_stopping_before_the_fine_tuning_ends_the_training(
    fit, configure, tmp_path: Path
):
    stopping = {"patience": 1, "min_delta": 10.0}
    config = configure(early_stopping=stopping, epochs=6, fine_tune={"from_epoch": 5})
    run = fit(config, place(tmp_path, "new"))
    assert len(run.read_history()) == 2


def test_in_plain_keras_the_network_is_the_same(fit, configure, keras, tmp_path: Path):
    from cifarcnn.loaded_run import load_run

    run = fit(configure(), place(tmp_path, "new"))
    images = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8)
    plain = keras.models.load_model(run.path / "model.keras")
    ours = load_run(run.path).predict(images)
    np.testing.assert_allclose(plain.predict_on_batch(images), ours, atol=1e-6)
    assert not plain.get_layer("pretrained_1").trainable


def test_a_run_taken_to_its_end_has_one_softmax(
    base: Run, configure, keras, tmp_path: Path
):
    from cifarcnn.loaded_run import load_run
    from cifarcnn.network.builder import build_model
    from cifarcnn.training.backbone_weights import load_run_weights

    config = configure(pretrained={"up_to": "dense_1", "trainable": True}, alone=True)
    network = build_model(config, 3)
    load_run_weights(network.get_layer("pretrained_1"), base.path)
    images = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8)
    np.testing.assert_allclose(
        network.predict_on_batch(images), load_run(base.path).predict(images), atol=1e-6
    )


def test_a_network_of_half_precision_is_widened(tmp_path: Path):
    from safetensors.numpy import load_file

    from cifarcnn.config import load_config
    from cifarcnn.network.builder import build_model
    from cifarcnn.runs.shipped_runs import find_shipped_run
    from cifarcnn.training.backbone_weights import load_run_weights

    (tmp_path / "new.yaml").write_text(
        "data: {dataset: synthetic}\nmodel:\n  layers:\n"
        "    - Pretrained: {run: speedrun, pooling: avg}\n"
        "    - Dense: {units: 10, activation: softmax}\n"
    )
    network = build_model(load_config(tmp_path / "new.yaml"), 10)
    backbone = network.get_layer("pretrained_1")
    run = find_shipped_run("speedrun")
    assert run is not None
    load_run_weights(backbone, run)
    stored = load_file(run / "weights.safetensors")["conv2d_7/kernel"]
    kernel = np.asarray(backbone.get_layer("conv2d_7").kernel)
    assert (stored.dtype, kernel.dtype) == (np.float16, np.float32)
    np.testing.assert_array_equal(kernel, stored)


@pytest.mark.parametrize("pooling", [None, "avg"])
def test_an_explanation_looks_at_the_last_maps_of_the_backbone(
    fit, configure, tmp_path: Path, pooling: str | None
):
    from cifarcnn.loaded_run import load_run

    config = configure(epochs=1, pretrained={"pooling": pooling})
    loaded = load_run(fit(config, place(tmp_path, "new")).path)
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    found = loaded.explain(image).grad_cam
    assert found.layer == "pretrained_1"
    # Maps of 8x8 cells, pooled by two.
    assert found.shape == (4, 4, 4)


@pytest.mark.slow
def test_a_network_of_keras_is_frozen_has_features_and_is_fine_tuned(
    fit, make_config, tmp_path: Path
):
    config = make_config(
        layers=[
            {"Pretrained": {"application": "MobileNetV2", "weights": "none"}},
            "GlobalAveragePooling2D",
            {"Dense": {"units": 3, "activation": "softmax"}},
        ],
        epochs=2,
        weights="last",
        fine_tune={"from_epoch": 2, "layers": 4, "learning_rate": 0.01},
    )
    listener = Listener()
    run = fit(config, place(tmp_path, "new"), listener)
    assert any("are computed once, and kept" in note for note in listener.notes)
    first, second = sorted((run.path / "checkpoint").glob("*.safetensors"))
    # A normalization, a convolution, its normalization, and an activation.
    changed = [
        name
        for name, array in load_file(first).items()
        if name.startswith("model/")
        and array.tobytes() != load_file(second)[name].tobytes()
    ]
    shapes = {load_file(first)[name].shape for name in changed}
    tuned = {(320,), (1, 1, 320, 1280), (1280,)}
    assert shapes == tuned | {(1280, 3), (3,)}
    assert len(changed) <= 7


@pytest.mark.slow
def test_weights_within_a_network_of_keras_are_known_once_it_is_built(
    fit, make_config, tmp_path: Path
):
    application = {"application": "MobileNetV2", "weights": "none", "pooling": "avg"}

    def train_with(*patterns: str) -> None:
        config = make_config(
            layers=[{"Pretrained": application | {"trainable": True}}, {"Dense": 3}],
            epochs=1,
            learning_rate_multipliers=dict.fromkeys(patterns, 0.5),
        )
        fit(config, place(tmp_path, f"run-{len(patterns)}"))

    with pytest.raises(UsageError) as caught:
        train_with("pretrained_1/Conv11/kernel")
    assert str(caught.value) == (
        "No weight of the network is called 'pretrained_1/Conv11/kernel'; did you mean "
        "pretrained_1/Conv1/kernel?"
    )
    train_with("pretrained_1/Conv1/kernel", "pretrained_1/block_*")
