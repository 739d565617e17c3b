"""``evaluate --temperature`` fits one number, ``predict --temperature`` uses it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.prediction import open_predictor
from cifarcnn.temperature import apply_temperature, fit_temperature

Call = Callable[..., Any]
IMAGES = np.random.default_rng(3).integers(0, 256, (5, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def run(
    trained_run: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy that has a temperature."""
    path = tmp_path_factory.mktemp("temperature") / "run"
    shutil.copytree(trained_run, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        cifarcnn.load_run(path, device="cpu").fit_temperature()
    return path


def test_evaluate_fits_keeps_and_judges_with_it(
    trained_run: Path, tmp_path: Path, call: Call
) -> None:
    path = Path(shutil.copytree(trained_run, tmp_path / "run"))
    done = call("evaluate", "--run", path, "--temperature", "--json")
    assert done.code == 0, done.err
    assert f"written: {path}/temperature.json\n" in done.err
    found = json.loads(done.out)
    loaded = cifarcnn.load_run(path, device="cpu")
    validation, test = loaded.evaluate("validation"), loaded.evaluate("test")
    expected = fit_temperature(validation.probabilities, validation.labels)
    fitted = found["temperature"]
    assert fitted["temperature"] == pytest.approx(expected, rel=1e-4)
    assert fitted["validation_pictures"] == validation.examples
    assert fitted["loss_before"] == pytest.approx(validation.loss, abs=1e-6)
    assert fitted["calibration_error_before"] == pytest.approx(
        validation.calibration_error, abs=1e-4
    )
    assert fitted["loss"] <= fitted["loss_before"]
    # The answers stay, their loss is another.
    assert found["confusion_matrix"] == [list(row) for row in test.confusion_matrix]
    assert found["loss"] != pytest.approx(test.loss, abs=1e-4)
    kept = json.loads((path / "temperature.json").read_text())
    digest = hashlib.sha256((path / "weights.safetensors").read_bytes()).hexdigest()
    assert kept == fitted | {"weights_sha256": digest}
    again = call("evaluate", "--run", path, "--temperature", "--split", "validation")
    assert again.code == 0
    assert (
        f"temperature {expected:.3f}, fitted on {validation.examples:,} validation "
        f"pictures: loss {fitted['loss_before']:.4f} to {fitted['loss']:.4f}, "
    ) in again.out
    assert "note: the temperature was fitted on the pictures that are judged" in (
        again.err
    )


def test_without_the_option_nothing_changes(
    run: Path, trained_run: Path, call: Call
) -> None:
    found = json.loads(call("evaluate", "--run", run, "--json").out)
    before = json.loads(call("evaluate", "--run", trained_run, "--json").out)
    assert found["temperature"] is None
    assert (found["loss"], found["brier_score"]) == (
        before["loss"],
        before["brier_score"],
    )
    plain = cifarcnn.load_run(trained_run, device="cpu").predict(IMAGES)
    assert np.array_equal(cifarcnn.load_run(run, device="cpu").predict(IMAGES), plain)


def test_predict_uses_it_without_keras_as_with_it(
    run: Path, tmp_path: Path, call: Call
) -> None:
    plain = cifarcnn.load_run(run, device="cpu").predict(IMAGES)
    kept = json.loads((run / "temperature.json").read_text())["temperature"]
    expected = apply_temperature(plain, kept)
    for keras in (False, True):
        found = open_predictor(run, temperature=True, keras=keras).predict(IMAGES)
        assert np.abs(found - expected).max() < 1e-4
    Image.fromarray(IMAGES[0]).save(tmp_path / "photo.png")
    script = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'cifarcnn.config'):\n"
        "    sys.modules[name] = None\n"
        "from cifarcnn.cli.main import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "predict", "photo.png", "--temperature"]
        + ["--run", str(run), "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)
    assert entry["probability"] == pytest.approx(expected[0].max(), abs=1e-4)


def test_each_of_several_networks_has_its_own(
    run: Path, trained_run: Path, tmp_path: Path, call: Call
) -> None:
    other = Path(shutil.copytree(trained_run, tmp_path / "other"))
    both = ["--run", run, "--run", other]
    refused = call("predict", "test:0", *both, "--temperature")
    assert refused.code == 1
    assert f"{other} has no temperature yet. Fit one on its" in refused.err
    found = json.loads(call("evaluate", *both, "--temperature", "--json").out)
    kept = [
        json.loads((path / "temperature.json").read_text())["temperature"]
        for path in (run, other)
    ]
    assert found["temperature"] is None
    assert [each["temperature"] for each in found["ensemble"]] == kept
    alone = json.loads(call("evaluate", "--run", run, "--temperature", "--json").out)
    assert found["ensemble"][0]["loss"] == pytest.approx(alone["loss"])
    assert call("predict", "test:0", *both, "--temperature").code == 0


def test_pictures_of_ones_own_are_judged_at_that_of_the_validation(
    run: Path, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "sorted" / "cat").mkdir(parents=True)
    Image.fromarray(IMAGES[0]).save(tmp_path / "sorted" / "cat" / "a.png")
    kept = json.loads((run / "temperature.json").read_text())
    done = call(
        *("evaluate", "--run", run, "--data", tmp_path / "sorted"),
        *("--temperature", "--json"),
    )
    assert done.code == 0, done.err
    fitted = json.loads(done.out)["temperature"]
    assert fitted["validation_pictures"] == kept["validation_pictures"]
    assert fitted["temperature"] == pytest.approx(kept["temperature"], rel=1e-4)


def test_other_views_than_those_of_predict_are_refused(run: Path, call: Call) -> None:
    refused = call("evaluate", "--run", run, "--temperature", "--tta", "mirror")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.endswith(
        f"error: A temperature is fitted to the answers of predict, and {run} has the "
        "test-time augmentation none there, not mirror. Leave --tta out.\n"
    )


def test_a_run_without_validation_pictures_is_refused(
    trained_run: Path, tmp_path: Path, call: Call
) -> None:
    path = Path(shutil.copytree(trained_run, tmp_path / "run"))
    config = path / "config.yaml"
    config.write_text(
        config.read_text().replace("validation_fraction: 0.1", "validation_fraction: 0")
    )
    manifest = json.loads((path / "manifest.json").read_text())
    # As a run has it that was written before there was a checksum.
    del manifest["sha256"]
    manifest |= {
        "format": 1,
        "config_sha256": hashlib.sha256(config.read_bytes()).hexdigest(),
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    refused = call("evaluate", "--run", path, "--temperature")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.endswith(
        f"error: {path} was trained without validation pictures "
        "(data.validation_fraction is 0), and a temperature is fitted on these alone: "
        "the network is too sure of those that it learnt from, and those of the test "
        "are for judging.\n"
    )
    assert not (path / "temperature.json").exists()


EASY = """
name: easy
data: {dataset: folder, path: pictures, image_size: 8, test_fraction: 0.3}
model: {layers: [Flatten, Dense: {units: 2, activation: softmax}]}
training: {epochs: 20, batch_size: 4, optimizer: {Adam: {learning_rate: 0.02}}}
"""


def test_where_none_fits_the_figures_are_printed_and_the_reason_is_said(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(40):
        dark = number % 2
        path = tmp_path / "pictures" / ("light", "dark")[dark] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number if dark else 255 - number).save(path)
    Path("easy.yaml").write_text(EASY)
    trained = call("train", "--config", "easy.yaml", "--run", "run", "--device", "cpu")
    assert trained.code == 0, trained.err
    done = call("evaluate", "--run", "run", "--temperature", "--device", "cpu")
    assert done.code == 1
    assert "\naccuracy " in done.out
    assert "\ncalibration error 0." in done.out and "temperature" not in done.out
    assert (
        "error: run gets no temperature and is judged without one. No temperature "
        "fits: 100.00% of the "
    ) in done.err
    assert "written" not in done.err and not Path("run/temperature.json").exists()
    as_json = call("evaluate", "--run", "run", "--temperature", "--json")
    assert as_json.code == 1 and json.loads(as_json.out)["temperature"] is None
