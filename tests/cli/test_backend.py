"""Runs of one backend on the other, in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed"),
]

# Nothing in it is drawn at random while it learns: each backend draws its own way.
CONFIG = """\
name: tiny
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: gelu}
    - BatchNormalization
    - Flatten
    - Dense: {units: 10, activation: softmax}
training:
  epochs: 2
  batch_size: 500
  steps_per_execution: 1
  optimizer: {SGD: {learning_rate: 0.05, momentum: 0.9}}
  averaging: {ExponentialMovingAverage: 0.9}
"""
NAMES = {"tensorflow": "TensorFlow", "jax": "JAX"}

# Trains one run whole and another one up to the middle of its second epoch.
BEGIN = """
import os, signal, sys
import cifarcnn
from cifarcnn.errors import Stopped
from cifarcnn.training.observer import Observer
class Stop(Observer):
    def batch_ended(self, epoch, step, logs):
        if (epoch, step) == (2, 7):
            os.kill(os.getpid(), signal.SIGINT)
config = cifarcnn.load_config("tiny.yaml")
backend = sys.argv[1]
whole = cifarcnn.train(config, f"{backend}-whole", device="cpu", backend=backend)
try:
    cifarcnn.train(config, f"{backend}-part", device="cpu", observer=Stop())
except Stopped:
    print(whole.device.description)
"""
# Goes on with the part, and asks the whole, on the other backend.
GO_ON = """
import json, sys
import cifarcnn
from cifarcnn.training.observer import Observer
class Listener(Observer):
    notes = []
    def noted(self, sentence):
        self.notes.append(sentence)
before, backend = sys.argv[1:]
part = cifarcnn.resume(
    f"{before}-part", device="cpu", backend=backend, observer=Listener()
)
whole = cifarcnn.load_run(f"{before}-whole", device="cpu", backend=backend)
images = whole.split("test").images[:50]
explanation = whole.explain(images[0])
print(json.dumps({
    "device": part.device.description,
    "notes": Listener.notes,
    "loss": whole.evaluate("validation").loss,
    "probabilities": whole.predict(images).tolist(),
    "explained": explanation.softmax.probabilities.tolist(),
}))
"""
# Commands one after the other; after each a line.
COMMANDS = """
import json, sys
from cifarcnn.cli.main import main
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as end:
        assert not end.code, arguments
    print("ended", flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of each backend: a whole one, and one that was stopped."""
    folder = tmp_path_factory.mktemp("backends")
    (folder / "tiny.yaml").write_text(CONFIG)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    for backend, name in NAMES.items():
        assert f", {name} " in run(folder, "-c", BEGIN, backend)
    return folder


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures(folder: Path, name: str) -> list[list[float]]:
    lines = (folder / name / "history.csv").read_text().splitlines()
    columns = lines[0].split(",")
    places = [columns.index(each) for each in ("loss", "val_loss")]
    return [[float(line.split(",")[k]) for k in places] for line in lines[1:]]


@pytest.mark.parametrize("before", NAMES)
def test_a_run_of_one_is_asked_and_continued_on_the_other(
    folder: Path, before: str
) -> None:
    other = "jax" if before == "tensorflow" else "tensorflow"
    found: dict[str, Any] = json.loads(run(folder, "-c", GO_ON, before, other))
    assert f", {NAMES[other]} " in found["device"]
    (change,) = [note for note in found["notes"] if "the backend was " in note]
    assert change == (
        f"the backend was {before}, is {other} now: the results may differ in their "
        "last digits from those of a training without interruption, and further where "
        "layers such as Dropout draw random numbers"
    )
    whole = figures(folder, f"{before}-whole")
    np.testing.assert_allclose(
        figures(folder, f"{before}-part"), whole, rtol=2e-4, atol=1e-5
    )
    # Of the best epoch.
    best = min(val_loss for _, val_loss in whole)
    assert found["loss"] == pytest.approx(best, abs=1e-4)
    # LiteRT is what TensorFlow made of either run.
    from cifarcnn.litert.runtime import LiteRTModel
    from cifarcnn.loaded_run import load_run
    from cifarcnn.runs.litert_file import load_litert

    loaded = load_run(folder / f"{before}-whole", device="cpu")
    content = load_litert(loaded.path, loaded.manifest, "selected")
    images = loaded.split("test").images[:50]
    expected = LiteRTModel("it", content, 10).predict(images)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    np.testing.assert_allclose(found["explained"], expected[0], atol=1e-4)


def test_the_commands_take_it_and_the_run_keeps_the_word_of_its_config(
    folder: Path,
) -> None:
    runs = ("--run", "tensorflow-whole", "--device", "cpu", "--backend", "jax")
    program = ("-m", "cifarcnn")
    arguments = ("-c", "tiny.yaml", "--backend", "jax", "--run", "not-compiled")
    eager = ("--smoke", "--set", "training.jit_compile=false")
    commands = [
        ("evaluate", "--json", *runs),
        ("predict", "a.png", "--format", "json", *runs),
        ("explain", "a.png", "--out", "page.html", *runs),
        ("train", *arguments, *eager),
    ]
    out = run(folder, "-c", COMMANDS, json.dumps(commands))
    judged, answered, *_ = out.split("ended\n")
    assert ", JAX " in json.loads(judged)["device"]
    (keras,) = json.loads(answered)
    (fast,) = json.loads(
        run(folder, *program, "predict", "a.png", "--format", "json", *runs[:4])
    )
    assert (
        "note: training.jit_compile is false, but JAX compiles the steps always.\n"
    ) in (folder / "not-compiled/log.txt").read_text()
    assert keras["label"] == fast["label"]
    assert keras["probability"] == pytest.approx(fast["probability"], abs=1e-4)
    assert (folder / "page.html").stat().st_size > 100_000
    assert "backend: auto" in (folder / "jax-whole" / "config.yaml").read_text()


def test_told_to_stop_while_it_converts_the_training_is_finished_all_the_same(
    folder: Path,
) -> None:
    arguments = ("-c", "tiny.yaml", "--set", "training.epochs=1", "--run", "stopped")
    with subprocess.Popen(
        [sys.executable, "-m", "cifarcnn", "train", *arguments, "--backend", "jax"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        # What comes after it is the conversion.
        while not (folder / "stopped" / "model.keras").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "stopped\n"), err
    assert (
        "note: model.tflite is not written: a signal came before it was made. The "
        "training is finished, and all its other files are there. `predict` answers "
        "with Keras, which takes longer to start.\n"
    ) in err
    assert (folder / "stopped" / "metrics.json").is_file()
    assert not (folder / "stopped" / "model.tflite").exists()

    predict = [sys.executable, "-m", "cifarcnn", "predict", "a.png", "--run", "stopped"]
    for backend, written in (("jax", True), ("tensorflow", False)):
        done = subprocess.run(
            predict,
            cwd=folder,
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert (
            "note: stopped/model.tflite was missing and is written now; the next "
            "answer comes sooner.\n" in done.stderr
        ) is written
