"""Pictures of mixed sizes at a size of the user's own, from training to explanation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.literals import Resize

pytestmark = pytest.mark.slow

CONFIG = """
name: shapes
data:
  dataset: folder
  path: shapes
  image_size: [24, 40]
  resize: RESIZE
  validation_fraction: 0.25
  augmentation:
    - RandomFlip
    - RandomTranslation: 4
    - RandomRotation: 0.05
    - RandomErasing: 8
    - MixUp: 0.2
model:
  layers:
    - Resizing: {height: 48, width: 60}
    - Conv2D: {filters: 6, kernel_size: 3, strides: 2, activation: relu}
    - MaxPooling2D
    - Conv2D: {filters: 8, kernel_size: 3, activation: relu}
    - GlobalAveragePooling2D
    - Dense: {units: 2, activation: softmax}
training: {epochs: 2, batch_size: 8}
"""
ON_ITS_SIDE = 6


def draw_shape(name: str, seed: int) -> Image.Image:
    """A disc or a bar, brighter than the noise around it, of any size."""
    random = np.random.default_rng(seed)
    height, width = random.integers(12, 120, 2)
    rows, columns = np.mgrid[:height, :width]
    across, down = columns / width - 0.5, rows / height - 0.5
    inside = across**2 + down**2 < 0.1 if name == "disc" else abs(across) < 0.1
    pixels = random.integers(0, 100, (height, width, 3)) + 150 * inside[..., None]
    return Image.fromarray(pixels.astype(np.uint8))


def draw_folder(root: Path) -> None:
    seed = 0
    for split, count in (("train", 24), ("test", 9)):
        for name in ("bar", "disc"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                seed += 1
                image = draw_shape(name, seed)
                if number % 3 == 0:
                    exif = Image.Exif()
                    exif[0x0112] = ON_ITS_SIDE
                    image.save(folder / f"{number:02}.jpg", exif=exif, quality=95)
                elif number % 3 == 1:
                    image.convert("L").save(folder / f"{number:02}.webp", lossless=True)
                else:
                    image.save(folder / f"{number:02}.png")


@pytest.fixture(scope="module", params=["crop", "pad", "stretch"])
def run(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    shared_cache: Path,
) -> Any:
    """A folder to be in, and the run that was trained in it."""
    import cifarcnn

    folder = tmp_path_factory.mktemp(request.param)
    draw_folder(folder / "shapes")
    (folder / "shapes.yaml").write_text(CONFIG.replace("RESIZE", request.param))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        config = cifarcnn.load_config("shapes.yaml")
        yield cifarcnn.train(config, device="cpu")


def target_of(run: Any) -> TargetSize:
    return TargetSize(24, 40, cast(Resize, run.config.data.resize))


def test_what_is_predicted_is_what_was_judged(run: Any, call: Callable) -> None:
    files = sorted(Path("shapes/test").rglob("*.*"))
    assert len(files) == 18
    called = call("predict", *files, "--format", "json", "--save-input", "seen")
    assert called.code == 0 and called.err == ""  # LiteRT answers
    answers = json.loads(called.out)
    split = run.split("test")
    probabilities = run.predict(split.images)
    for place, (path, answer) in enumerate(zip(files, answers, strict=True)):
        pixels = read_image(path, path.name, target_of(run))
        assert pixels.shape == (24, 40, 3)
        assert np.array_equal(split.images[place], pixels)
        assert answer["probability"] == pytest.approx(
            probabilities[place].max(), abs=1e-5
        )
        # What the network sees is what the user is shown.
        name = path.stem if path.parent.name == "bar" else f"{path.stem}-2"
        with Image.open(Path("seen") / f"{name}.png") as seen:
            assert np.array_equal(np.asarray(seen), pixels)
    judged = json.loads(call("evaluate", "--json").out)
    right = [
        answer["label"] == path.parent.name
        for path, answer in zip(files, answers, strict=True)
    ]
    assert judged["accuracy"] == pytest.approx(np.mean(right))
    beside = call("evaluate", "--data", "shapes/test", "--json")
    assert json.loads(beside.out)["confusion_matrix"] == judged["confusion_matrix"]


def test_keras_answers_the_same(run: Any, call: Callable) -> None:
    path = Path("shapes/test/disc/00.jpg")
    fast, slow = (
        json.loads(call("predict", path, "--format", "json", *more).out)[0]
        for more in ([], ["--keras"])
    )
    assert fast["probability"] == pytest.approx(slow["probability"], abs=1e-5)


def test_the_way_to_resize_is_kept_with_the_run(run: Any) -> None:
    resize = run.config.data.resize
    assert f"  resize: {resize}\n" in (run.path / "config.yaml").read_text()
    manifest = json.loads((run.path / "manifest.json").read_text())
    assert manifest["litert"]["resize"] == resize
    words = {
        "crop": "the middle is used",
        "pad": "they get black borders",
        "stretch": "they are stretched",
    }
    notes = " ".join(run.dataset.training_notes(run.config))
    assert f"pictures are not of the shape 40x24: {words[resize]}" in notes


def test_a_training_that_goes_on_comes_to_the_same_weights(
    run: Any, tmp_path: Path
) -> None:
    import cifarcnn

    half = cifarcnn.load_config("shapes.yaml", {"training.epochs": 1})
    half = half.with_data(resize=run.config.data.resize)
    cifarcnn.train(half, tmp_path / "half", device="cpu")
    whole = cifarcnn.resume(tmp_path / "half", {"training.epochs": 2}, device="cpu")
    digests = {
        hashlib.sha256((path / "last.safetensors").read_bytes()).hexdigest()
        for path in (run.path, whole.path)
    }
    assert len(digests) == 1


def test_it_cannot_change_in_the_middle(run: Any, call: Callable) -> None:
    other = "stretch" if run.config.data.resize == "pad" else "pad"
    called = call(
        "train",
        *("--resume", run.path, "--set", "training.epochs=3"),
        *("--set", f"data.resize={other}"),
    )
    assert called.code == 2
    assert "data.resize" in called.err


def test_it_is_explained(run: Any, call: Callable) -> None:
    path = Path("shapes/test/disc/03.jpg")
    found = run.explain(path)
    pixels = read_image(path, path.name, target_of(run))
    assert np.array_equal(found.network_input.pixels, pixels)
    assert found.network_input.resize == run.config.data.resize
    assert found.convolution.input.shape == (48, 60, 3)
    assert found.grad_cam.on_input(found.grad_cam.difference).shape == (24, 40)
    units = found.exciting_patches.units
    assert all(patch.box.bottom <= 24 for unit in units for patch in unit.patches)
    called = call("explain", path, "--out", "shown.html")
    assert called.code == 0
    page = Path("shown.html").read_text()
    assert "These 24 × 40 × 3 = 2,880 numbers" in page
