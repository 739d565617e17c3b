"""A file is proven before it gets its name; what goes wrong leaves nothing."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.errors import RunError
from cifarcnn.export import export as export_module
from cifarcnn.export.export import (
    TOLERANCES,
    Exported,
    export_network,
    find_format,
)
from cifarcnn.export.file_format import Answers, Description, Reduction

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def loaded(trained_run: Path) -> Any:
    return cifarcnn.load_run(trained_run, device="cpu", backend="tensorflow")


@pytest.fixture(scope="module")
def exports(loaded: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run in every format, by format."""
    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = {
            name: loaded.export(name)
            for name in ("saved_model", "onnx", "litert", "keras")
        }
        made["int8"] = loaded.export("litert", "quantized.tflite", precision="int8")
    return {
        name: replace(each, path=folder / each.path, example=folder / each.example)
        for name, each in made.items()
    }


def test_the_names_are_the_runs_and_the_figures_are_of_the_validation_pictures(
    exports: Any,
) -> None:
    names = {name: each.path.name for name, each in exports.items()}
    assert names == {
        "saved_model": "small-1-saved-model",
        "onnx": "small-1.onnx",
        "litert": "small-1.tflite",
        "keras": "small-1.keras",
        "int8": "quantized.tflite",
    }
    for each in exports.values():
        assert (each.examples, each.origin) == (1_000, "validation pictures")
        assert each.notes == () and each.load_seconds > 0
        assert each.file.images_per_second > 0 and each.network.size_bytes > 1_000
        if each.precision == "float32":
            assert each.largest_difference < 1e-5
            assert each.labels_agreeing == 1_000
            assert each.file.accuracy == each.network.accuracy > 0.2


@pytest.mark.parametrize("name", ["saved_model", "onnx", "litert", "keras", "int8"])
def test_the_example_says_what_predict_says(
    name: str, exports: Any, loaded: Any, tmp_path: Path
) -> None:
    images = loaded.split("validation").images
    # The surest, since the network has hardly learnt anything.
    image = images[loaded.predict(images).max(axis=1).argmax()]
    Image.fromarray(image).save(tmp_path / "photo.png")
    done = subprocess.run(
        [sys.executable, exports[name].example, tmp_path / "photo.png"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    row = loaded.predict(image[None])[0]
    label, share = done.stdout.split()
    assert label == loaded.class_names[row.argmax()]
    tolerance = 5 if name == "int8" else 0.11
    assert float(share.rstrip("%")) == pytest.approx(100 * row.max(), abs=tolerance)


def test_every_file_says_its_classes_and_what_was_done_to_pictures(
    exports: Any, loaded: Any
) -> None:
    import onnx

    paths = {name: each.path for name, each in exports.items()}
    names = list(loaded.class_names)
    text = (paths["saved_model"] / "assets.extra/description.json").read_text()
    expected = {
        "classes": names,
        "image_size": [32, 32],
        "resize": "crop",
        "channels": "RGB",
        "input_type": "uint8",
        "input_range": [0, 255],
        "test_time_augmentation": "none",
    }
    assert json.loads(text) == expected
    for name in ("litert", "int8"):
        with zipfile.ZipFile(paths[name]) as archive:
            assert json.loads(archive.read("description.json")) == expected
            assert archive.read("labels.txt").decode().splitlines() == names
    with zipfile.ZipFile(paths["keras"]) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    assert (metadata["class_names"], metadata["resize"]) == (names, "crop")
    kept = {entry.key: entry.value for entry in onnx.load(paths["onnx"]).metadata_props}
    assert json.loads(kept["classes"]) == names
    assert (kept["image_size"], kept["resize"]) == ("[32, 32]", "crop")


def export(
    path: Path, build_network: Any, description: Any, checked_on: Any, **changes: Any
) -> Exported:
    network = build_network({"Conv2D": {"filters": 4, "kernel_size": 9}}, "Flatten")
    given = {"file_format": "litert", "reduction": Reduction(), **changes}
    return export_network(
        network, description, path=path, checked_on=checked_on, **given
    )


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the files of a format answer otherwise than they do."""

    def change(to: Any) -> None:
        right = find_format("litert")

        def ask(*arguments: Any) -> Answers:
            answers = right.ask(*arguments)
            return replace(answers, probabilities=to(answers.probabilities))

        changed = replace(right, ask=ask)
        monkeypatch.setattr(export_module, "find_format", lambda name: changed)

    return change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda rows: rows + np.float32(0.25), "up to 0.25"),
        (lambda rows: rows * np.nan, "up to nan"),
    ],
)
def test_a_file_that_answers_otherwise_leaves_nothing(
    change: Any,
    found: str,
    answering: Any,
    tmp_path: Path,
    build_network: Any,
    description: Any,
    checked_on: Any,
) -> None:
    answering(change)
    path = tmp_path / "net.tflite"
    with pytest.raises(RunError) as caught:
        export(path, build_network, description, checked_on)
    assert str(caught.value) == (
        f"{path} is not made: its probabilities differ from the network's by {found}, "
        "on 40 pictures of noise, where 0.0001 would be all right."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_less_accurate_file_is_warned_of(
    answering: Any,
    tmp_path: Path,
    build_network: Any,
    description: Any,
    checked_on: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(TOLERANCES, "float32", 2.0)
    kept: list[Any] = []
    answering(lambda rows: kept.append(rows) or rows)
    export(tmp_path / "a.tflite", build_network, description, checked_on)
    # The network is right on all pictures, and the file is wrong on one of 40.
    known = replace(checked_on, labels=kept[0].argmax(axis=1))
    monkeypatch.undo()
    monkeypatch.setitem(TOLERANCES, "float32", 2.0)
    answering(lambda rows: np.concatenate([np.roll(rows[:1], 1, axis=1), rows[1:]]))
    path = tmp_path / "b.tflite"
    exported = export(path, build_network, description, known)
    assert exported.warning == (
        f"{path} is 2.50% less accurate than the network: 97.50% instead of 100.00%, "
        "on 40 pictures of noise."
    )
    assert (exported.labels_agreeing, exported.file.accuracy) == (39, 0.975)
    # Where no accuracy is known, other labels are told, but for a few.
    unknown = replace(checked_on, labels=None)
    path = tmp_path / "c.tflite"
    assert export(path, build_network, description, unknown).warning is None
    answering(lambda rows: np.concatenate([np.roll(rows[:4], 1, axis=1), rows[4:]]))
    path = tmp_path / "d.tflite"
    assert export(path, build_network, description, unknown).warning == (
        f"{path} names another class than the network for 10% of 40 pictures of "
        "noise. How accurate it is is not known."
    )


def test_the_reason_of_a_converter_is_passed_on(
    tmp_path: Path,
    build_network: Any,
    description: Any,
    checked_on: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no such kernel\nand a hundred lines more")

    changed = replace(find_format("onnx"), write=fail)
    monkeypatch.setattr(export_module, "find_format", lambda name: changed)
    path = tmp_path / "net.onnx"
    with pytest.raises(RunError) as caught:
        export(path, build_network, description, checked_on, file_format="onnx")
    assert str(caught.value) == f"{path} cannot be made: no such kernel"
    assert list(tmp_path.iterdir()) == []


def test_of_many_classes_a_damaged_weight_shows_in_shares(
    tmp_path: Path, keras: Any, checked_on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(x))
    answers = keras.layers.Dense(2_000, activation="softmax", name="end")(x)
    model = keras.Model(images, answers)
    names = tuple(map(str, range(2_000)))
    right = find_format("keras")
    given = {
        "model": model,
        "description": Description(names, 32, 32, "crop", "none"),
        "file_format": "keras",
        "checked_on": checked_on,
        "reduction": Reduction(),
    }
    assert export_network(path=tmp_path / "right.keras", **given).path.is_file()

    def damage(model: Any, path: Path, *rest: Any) -> None:
        bias = model.get_layer("end").bias
        kept = np.array(bias)
        bias.assign(kept + np.eye(1, 2_000, 7, dtype=np.float32)[0] * 0.1)
        right.write(model, path, *rest)
        bias.assign(kept)

    changed = replace(right, write=damage)
    monkeypatch.setattr(export_module, "find_format", lambda name: changed)
    path = tmp_path / "net.keras"
    with pytest.raises(RunError) as caught:
        export_network(path=path, **given)
    said = str(caught.value)
    assert said.startswith(f"{path} is not made: its probabilities differ from the ")
    assert " of the largest one, on 40 pictures of noise, where 0.10% would be " in said
    # The largest difference alone would have let it pass.
    rows = np.asarray(model.predict(checked_on.images, verbose=0))
    assert rows[:, 7].max() * 0.11 < TOLERANCES["float32"]


def test_a_file_that_its_runtime_does_not_load_is_not_made(
    tmp_path: Path,
    build_network: Any,
    description: Any,
    checked_on: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = find_format("keras")

    def damage(model: Any, path: Path, *rest: Any) -> None:
        right.write(model, path, *rest)
        path.write_bytes(path.read_bytes()[:500])

    changed = replace(right, write=damage)
    monkeypatch.setattr(export_module, "find_format", lambda name: changed)
    path = tmp_path / "net.keras"
    with pytest.raises(RunError) as caught:
        export(path, build_network, description, checked_on, file_format="keras")
    assert str(caught.value).startswith(
        f"{path} is not made: plain Keras does not load it: "
    )
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, sys
sys.path.insert(0, {root!r})
import cifarcnn
loaded = cifarcnn.load_run({run!r}, device="cpu", backend="tensorflow")
loaded.dataset
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))
for name, out in (
    ("keras", "n.keras"),
    ("onnx", "n.onnx"),
    ("saved_model", "n"),
    ("litert", "n.tflite"),
    ("web", "n.html"),
):
    try:
        loaded.export(name, out)
    except cifarcnn.errors.CifarcnnError as error:
        print(type(error).__name__, error)
"""


def test_where_there_is_no_room_nothing_is_left(
    trained_run: Path, tmp_path: Path
) -> None:
    root = str(Path(cifarcnn.__file__).parents[1])
    script = FULL.format(root=root, run=str(trained_run))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.splitlines() == [
        f"RunError {name} is not written: File too large, there or in the temporary "
        f"folder {tempfile.gettempdir()}. Nothing is left of it."
        for name in ("n.keras", "n.onnx", "n", "n.tflite", "n.html")
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_signal_leaves_nothing(trained_run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cifarcnn", "export", "--format", "keras"]
    process = subprocess.Popen(
        [*command, "--run", trained_run, "--out", tmp_path / "net.keras"],
        stderr=subprocess.DEVNULL,
    )
    # It is being made, or is proven in a process of its own.
    while process.poll() is None and not list(tmp_path.rglob("net.keras")):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert list(tmp_path.iterdir()) == []


def test_of_a_strangers_run_the_checked_weights_are_exported(
    trained_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained_run, tmp_path / "run")
    (tmp_path / "run/model.tflite").write_bytes(b"a file that does harm")
    stranger = cifarcnn.load_run(tmp_path / "run", device="cpu", backend="tensorflow")
    exported = stranger.export("litert", tmp_path / "n.tflite")
    assert exported.labels_agreeing == 1_000
    assert b"harm" not in exported.path.read_bytes()


def test_what_a_process_says_of_a_file_is_what_it_found(exports: Any) -> None:
    found = exports["onnx"]
    assert Exported.from_dict(json.loads(json.dumps(found.to_dict()))) == found


ON_JAX = """
import sys
sys.path.insert(0, {root!r})
import cifarcnn
loaded = cifarcnn.load_run({run!r}, device="cpu", backend="jax")
for name in ("keras", "onnx"):
    found = loaded.export(name, "net." + name)
    print(found.path, found.labels_agreeing, found.largest_difference < 1e-5)
"""


def test_where_keras_runs_on_jax_a_process_with_tensorflow_writes_the_file(
    trained_run: Path, tmp_path: Path
) -> None:
    pytest.importorskip("jax")
    root = str(Path(cifarcnn.__file__).parents[1])
    script = ON_JAX.format(root=root, run=str(trained_run))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.splitlines() == ["net.keras 1000 True", "net.onnx 1000 True"]
