"""The Python interface, on a real trained run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.data.synthetic import SyntheticSource
from cifarcnn.errors import DataError, RunError, UsageError
from cifarcnn.prediction import open_predictor
from cifarcnn.training.observer import Observer


@pytest.fixture(scope="module")
def loaded(trained_run: Path) -> cifarcnn.LoadedRun:
    return cifarcnn.load_run(trained_run, device="cpu")


@pytest.fixture(scope="module")
def images() -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (9, 32, 32, 3)).astype(np.uint8)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, cifarcnn\n"
        "dir(cifarcnn)\n"
        "heavy = {'pydantic', 'yaml', 'click', 'rich', 'numpy', 'keras'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_the_public_names_are_these() -> None:
    names = ["LoadedRun", "build_model", "load_config", "load_run", "resume", "train"]
    names.append("write_evaluation")
    assert cifarcnn.__all__ == names
    assert set(names) <= set(dir(cifarcnn))
    assert all(callable(getattr(cifarcnn, name)) for name in names)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError) as caught:
        cifarcnn.trian  # noqa: B018
    assert str(caught.value) == "module 'cifarcnn' has no attribute 'trian'"


def test_build_model_gives_an_ordinary_untrained_keras_model(
    loaded: cifarcnn.LoadedRun,
) -> None:
    import keras

    model = cifarcnn.build_model(loaded.config)
    assert isinstance(model, keras.Model)
    assert model.output_shape == (None, 10)
    # 3*3*3*8+8, 4*8, 3*3*8*16+16, 16*10+10
    assert model.count_params() == 224 + 32 + 1168 + 170


def test_train_leaves_a_finished_run_that_loads_again(trained_run: Path) -> None:
    names = {path.name for path in trained_run.iterdir()}
    assert {
        "config.yaml",
        "environment.json",
        "history.csv",
        "last.safetensors",
        "manifest.json",
        "metrics.json",
        "model.keras",
        "weights.safetensors",
    } <= names
    loaded = cifarcnn.load_run(trained_run, device="cpu")
    assert loaded.path == trained_run
    assert loaded.run.finished
    assert loaded.device.kind == "cpu"
    assert loaded.class_names[:2] == ("airplane", "automobile")


@pytest.mark.usefixtures("no_litert")
def test_train_tells_the_observer_in_order_and_resolves_standard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained_run: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    heard = []

    class Recorder(Observer):
        def device_started(self, device: Any) -> None:
            heard.append("device")

        def data_opened(self, dataset: Any) -> None:
            heard.append("data")

        def run_created(self, run: Any) -> None:
            heard.append("run")

        def training_started(self, plan: Any) -> None:
            heard.append("training")

    config = cifarcnn.load_config(
        trained_run.parent / "small.yaml", {"data.normalization": "standard"}
    )
    run = cifarcnn.train(config, device="cpu", smoke=True, observer=Recorder())
    assert heard == ["device", "data", "run", "training"]
    assert run.path == Path("runs/small-1")
    statistics = run.config.data.normalization
    assert not isinstance(statistics, str)
    images, _ = run.dataset.training(0.1, 0)
    mean = images.images.mean(axis=(0, 1, 2)) / 255
    assert statistics.mean == pytest.approx(mean, abs=1e-4)


def test_a_run_on_pictures_that_are_drawn_otherwise_now_does_not_go_on(
    tmp_path: Path, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(trained_run, tmp_path / "run")
    store = SyntheticSource.decode

    def draw_otherwise(self: SyntheticSource) -> Any:
        decoded = store(self)
        decoded.training.images[0] ^= 1
        return decoded

    monkeypatch.setattr(SyntheticSource, "decode", draw_otherwise)
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RunError) as caught:
        cifarcnn.resume(run, {"training.epochs": 3}, device="cpu")
    assert str(caught.value) == (
        f"{run} was trained on other pictures than those that this version of cifarcnn "
        "draws: their checksums differ. Go on with the version that began it, or train "
        "anew."
    )


@pytest.mark.parametrize(
    ("callbacks", "found"),
    [
        ([print], "callbacks holds <built-in function print>, which is not an"),
        (None, "callbacks is None, but must be a list of Keras callbacks."),
    ],
)
def test_callbacks_of_another_kind_are_refused_before_there_is_a_run(
    tmp_path: Path, trained_run: Path, callbacks: Any, found: str
) -> None:
    config = cifarcnn.load_config(trained_run.parent / "small.yaml")
    with pytest.raises(UsageError) as caught:
        cifarcnn.train(
            config, tmp_path / "new", device="cpu", smoke=True, callbacks=callbacks
        )
    assert str(caught.value).startswith(found)
    assert not (tmp_path / "new").exists()


def test_the_loaded_network_is_the_one_in_model_keras(
    loaded: cifarcnn.LoadedRun, images: np.ndarray[Any, Any]
) -> None:
    import keras

    plain = keras.models.load_model(loaded.path / "model.keras")
    expected = plain.predict(images, verbose=0)
    assert np.abs(loaded.predict(images) - expected).max() < 1e-6
    assert plain.inputs[0].name == "images_0_to_255"


def test_the_exported_models_name_their_classes(loaded: cifarcnn.LoadedRun) -> None:
    with zipfile.ZipFile(loaded.path / "model.keras") as archive:
        metadata = json.loads(archive.read("metadata.json"))
    assert metadata["class_names"] == list(loaded.class_names)
    assert metadata["keras_version"] == loaded.manifest.origin.versions["keras"]
    with zipfile.ZipFile(loaded.path / "model.tflite") as archive:
        labels = archive.read("labels.txt").decode()
    assert labels.splitlines() == list(loaded.class_names)


def test_predict_gives_a_row_of_probabilities_for_each_image(
    loaded: cifarcnn.LoadedRun, images: np.ndarray[Any, Any]
) -> None:
    found = loaded.predict(images)
    assert found.shape == (9, 10) and found.dtype == np.float32
    assert found.sum(axis=1) == pytest.approx(np.ones(9), abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "kind", "shown"),
    [
        ((32, 32, 3), "uint8", "uint8 (32, 32, 3)"),
        ((1, 32, 32, 3), "float32", "float32 (1, 32, 32, 3)"),
        ((1, 3, 32, 32), "uint8", "uint8 (1, 3, 32, 32)"),
    ],
)
def test_predict_refuses_other_arrays(
    loaded: cifarcnn.LoadedRun, shape: tuple[int, ...], kind: str, shown: str
) -> None:
    with pytest.raises(UsageError) as caught:
        loaded.predict(np.zeros(shape, kind))
    assert str(caught.value) == (
        f"The pictures are {shown}, but the network takes uint8 (n, 32, 32, 3): red, "
        "green and blue from 0 to 255."
    )


def test_evaluate_judges_every_image_of_the_test_split(
    loaded: cifarcnn.LoadedRun,
) -> None:
    test = loaded.dataset.test()
    found = loaded.evaluate()
    rows = loaded.predict(test.images)
    assert found.examples == len(test.labels)
    assert found.accuracy == np.mean(rows.argmax(axis=1) == test.labels)
    assert tuple(found.per_class) == loaded.class_names


def test_evaluate_on_validation_repeats_the_figures_of_the_training(
    loaded: cifarcnn.LoadedRun,
) -> None:
    kept = loaded.run.read_metrics()["kept"]
    assert isinstance(kept, dict)
    found = loaded.evaluate("validation")
    assert found.accuracy == pytest.approx(kept["val_accuracy"], abs=1e-6)
    assert found.loss == pytest.approx(kept["val_loss"], abs=1e-4)
    assert loaded.epoch == kept["epoch"]


def test_best_and_last_weights_can_be_asked_for(trained_run: Path) -> None:
    last = cifarcnn.load_run(trained_run, weights="last", device="cpu")
    assert (last.weights, last.epoch) == ("last", 2)
    assert cifarcnn.load_run(trained_run, device="cpu").weights == "best"


def copy_with_config(trained_run: Path, target: Path, *change: str) -> Path:
    """A copy of the run whose config was another one from the beginning."""
    import hashlib

    shutil.copytree(trained_run, target)
    config, manifest = target / "config.yaml", target / "manifest.json"
    assert change[0] in config.read_text()
    config.write_text(config.read_text().replace(*change))
    content = json.loads(manifest.read_text())
    digest = hashlib.sha256(config.read_bytes()).hexdigest()
    content["config_sha256"] = digest
    # As a run has it that was written before there was one.
    del content["sha256"]
    content["format"] = 1
    manifest.write_text(json.dumps(content))
    return target


def test_a_run_without_validation_images_says_so(
    trained_run: Path, tmp_path: Path
) -> None:
    path = copy_with_config(
        trained_run,
        tmp_path / "x",
        "validation_fraction: 0.1",
        "validation_fraction: 0",
    )
    with pytest.raises(UsageError) as caught:
        cifarcnn.load_run(path, device="cpu").evaluate("validation")
    assert str(caught.value) == (
        f"{path} was trained without validation pictures (data.validation_fraction is "
        "0). Judge it on the test split."
    )


def test_best_weights_that_were_not_kept_are_not_pretended(
    trained_run: Path, tmp_path: Path
) -> None:
    path = copy_with_config(
        trained_run, tmp_path / "x", "weights: best", "weights: last"
    )
    assert cifarcnn.load_run(path, device="cpu").weights == "last"
    for load in (
        lambda: cifarcnn.load_run(path, weights="best", device="cpu"),
        lambda: open_predictor(path, weights="best", device="cpu"),
    ):
        with pytest.raises(UsageError) as caught:
            load()
        assert str(caught.value) == (
            f"{path} kept the weights of its last epoch, as training.weights says, and "
            "not those of its best one. Leave --weights out."
        )


def test_another_architecture_does_not_get_the_weights(
    trained_run: Path, tmp_path: Path
) -> None:
    path = copy_with_config(trained_run, tmp_path / "x", "filters: 16", "filters: 17")
    with pytest.raises(RunError) as caught:
        cifarcnn.load_run(path, device="cpu")
    assert str(caught.value) == (
        f"{path / 'manifest.json'} does not fit the network of config.yaml: the array "
        "'conv2d_2/kernel' is float32 (3, 3, 8, 16), but float32 (3, 3, 8, 17) is "
        "needed. Restore it from a copy of the run, or train again."
    )


def test_a_number_of_classes_that_contradicts_the_config_is_refused(
    trained_run: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    shutil.copytree(trained_run, path)
    manifest = path / "manifest.json"
    content = json.loads(manifest.read_text())
    content["origin"]["class_names"].pop()
    # As a run has it that was written before there was one.
    del content["sha256"]
    content["format"] = 1
    manifest.write_text(json.dumps(content))
    with pytest.raises(RunError) as caught:
        cifarcnn.load_run(path, device="cpu")
    assert str(caught.value) == (
        f"{manifest} names 9 classes, but config.yaml has 10. The files do not belong "
        "together."
    )


def test_data_with_other_classes_is_refused(trained_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "x"
    shutil.copytree(trained_run, path)
    manifest = path / "manifest.json"
    content = json.loads(manifest.read_text())
    content["origin"]["class_names"][0] = "plane"
    # As a run has it that was written before there was one.
    del content["sha256"]
    content["format"] = 1
    manifest.write_text(json.dumps(content))
    with pytest.raises(DataError) as caught:
        cifarcnn.load_run(path, device="cpu").evaluate()
    names = "automobile, bird, cat, deer, dog, frog, horse, ship, truck"
    assert str(caught.value) == (
        f"drawn by code has the classes airplane, {names}, but expected were, in this "
        f"order, plane, {names}."
    )


def test_data_path_says_where_the_data_lies_now(trained_run: Path) -> None:
    run = cifarcnn.load_run(trained_run, device="cpu", data_path="/elsewhere")
    with pytest.raises(UsageError) as caught:
        run.evaluate()
    assert "/elsewhere" in str(caught.value)


@pytest.fixture
def own_images(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("mug", "pot"):
            folder = tmp_path / "mine" / split / name
            folder.mkdir(parents=True)
            for index in range(4):
                pixels = generator.integers(0, 256, (32, 32, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "mine"


def folder_config(folder: Path, units: int, **data: Any) -> Any:
    config = folder.parent / "mine.yaml"
    document = {
        "data": {"dataset": "folder", "path": str(folder), **data},
        "model": {"layers": ["Flatten", {"Dense": {"units": units}}]},
    }
    config.write_text(json.dumps(document))
    return cifarcnn.load_config(config)


def test_the_classes_of_a_folder_are_counted_when_the_config_does_not_name_them(
    own_images: Path,
) -> None:
    model = cifarcnn.build_model(folder_config(own_images, 2))
    assert model.output_shape == (None, 2)


@pytest.mark.usefixtures("no_litert")
def test_a_run_on_ones_own_images_knows_their_classes(
    own_images: Path, tmp_path: Path
) -> None:
    config = folder_config(own_images, 2, validation_fraction=0.25)
    run = cifarcnn.train(config, tmp_path / "run", device="cpu", smoke=True)
    assert run.class_names == ("mug", "pot")
    assert run.evaluate().examples == 8
    assert run.evaluate("validation").examples == 2


def test_classes_that_the_folder_does_not_have_are_refused_before_a_run_is_made(
    own_images: Path, tmp_path: Path
) -> None:
    config = folder_config(own_images, 2, classes=["mug", "cup"])
    with pytest.raises(DataError) as caught:
        cifarcnn.train(config, tmp_path / "run", device="cpu")
    assert str(caught.value) == (
        f"The class folders of {own_images} are not the classes of data.classes, which "
        "must name them all: cup has no folder there; pot is not expected."
    )
    assert not (tmp_path / "run").exists()


def test_a_colour_that_never_changes_cannot_be_divided_by_its_deviation(
    own_images: Path, tmp_path: Path
) -> None:
    for path in own_images.rglob("*.png"):
        pixels = np.array(Image.open(path))
        pixels[..., 2] = 0
        Image.fromarray(pixels).save(path)
    config = folder_config(own_images, 2, normalization="standard")
    with pytest.raises(DataError) as caught:
        cifarcnn.train(config, tmp_path / "run", device="cpu")
    assert str(caught.value) == (
        "The blue is the same everywhere in the training pictures, so that "
        "data.normalization: standard has no deviation to divide by. Set "
        "data.normalization: unit."
    )
    assert not (tmp_path / "run").exists()


def test_explain_tells_what_predict_says_and_where_the_patches_come_from(
    loaded: cifarcnn.LoadedRun, images: np.ndarray[Any, Any]
) -> None:
    found = loaded.explain(images[0], name="noise", wanted_class="frog")
    expected = loaded.predict(images[:1])[0]
    assert np.array_equal(found.prediction.probabilities, expected)
    assert found.class_names == loaded.class_names
    assert found.prediction.wanted == loaded.class_names.index("frog")
    assert found.network_input.name == "noise"
    notice = loaded.manifest.origin.data.notice
    for patches in (
        found.exciting_patches,
        loaded.explain_model().exciting_patches,
    ):
        count = len(loaded.split("validation"))
        assert (patches.split, patches.images) == ("validation", count)
        assert patches.note == (
            f"The patches come from {count:,} of the {count:,} validation pictures. "
            f"They are {notice}."
        )


@pytest.mark.usefixtures("no_litert")
def test_train_and_resume_take_keras_callbacks_of_ones_own(
    own_images: Path, tmp_path: Path
) -> None:
    import keras

    class Listener(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            heard.append((epoch, sorted(logs)))
            # Three of the five epochs that are to come are enough.
            self.model.stop_training = epoch == planned + 2

    heard: list[Any] = []
    config = folder_config(own_images, 2, validation_fraction=0)
    planned = config.training.epochs
    run = cifarcnn.train(config, tmp_path / "run", device="cpu", callbacks=[Listener()])
    assert heard == [(epoch, ["accuracy", "loss"]) for epoch in range(planned)]
    longer = {"training.epochs": planned + 5}
    run = cifarcnn.resume(run.path, longer, device="cpu", callbacks=[Listener()])
    assert [epoch for epoch, _ in heard[planned:]] == [
        planned,
        planned + 1,
        planned + 2,
    ]
    assert len(run.run.read_history()) == planned + 3
