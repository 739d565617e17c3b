"""A newcomer's way with a folder of pictures: every command, from `init` to `explain`.

The pictures have many sizes and forms, as those that people have.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.config.loading import check_config

RIGHT_TOP = 6  # the EXIF orientation of an image whose first row is its right side


def sixteen_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def turned(image: Image.Image) -> Image.Image:
    image = image.transpose(Image.Transpose.ROTATE_90)
    image.getexif()[0x0112] = RIGHT_TOP
    return image


# The ending of a file, and what is written into it.
FORMS: dict[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
    "colours": (".png", lambda image: image),
    "palette": (".png", lambda image: image.quantize(32)),
    "grey": (".png", lambda image: image.convert("L")),
    "transparent": (".png", lambda image: image.convert("RGBA")),
    "16-bit": (".png", sixteen_bits),
    "photo": (".JPG", lambda image: image),
    "grey-photo": (".jpeg", lambda image: image.convert("L")),
    "print": (".jpg", lambda image: image.convert("CMYK")),
    "turned": (".jpg", turned),
    "web": (".webp", lambda image: image),
    "bitmap": (".bmp", lambda image: image),
    "animation": (".gif", lambda image: image),
}


def save(images: Iterator[Image.Image], folder: Path) -> None:
    """Write images into a new folder, in all forms by turns."""
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        form = [*FORMS][number % len(FORMS)]
        suffix, change = FORMS[form]
        changed = change(image)
        path = folder / f"{number:03} {form}{suffix}"
        changed.save(path, exif=changed.getexif(), quality=90, lossless=True)


def go(call: Callable[..., Any], folder: str, *settings: str) -> dict[str, Any]:
    """All commands, one after another; what `evaluate` says.

    Args:
        folder: Of pictures, in the current folder.
        settings: For the training.
    """
    written = call("init", "--from-folder", folder)
    assert written.code == 0, written.err
    config = written.out.strip()
    assert check_config(config).problems == ()
    shown = call("data", "show", "--config", config, "--out", "all.png")
    assert shown.code == 0, shown.err
    assert Path("all.png").stat().st_size > 1000
    given = [part for setting in settings for part in ("--set", setting)]
    trained = call("train", "--config", config, *given)
    assert trained.code == 0, trained.err
    judged = call("evaluate", "--json")
    assert judged.code == 0, judged.err
    examples = sorted(Path(folder).rglob("000*.*")) + sorted(Path(folder).rglob("*01*"))
    predicted = call("predict", *examples, "--format", "json")
    assert predicted.code == 0, predicted.err
    answers = json.loads(predicted.out)
    assert [answer["image"] for answer in answers] == [*map(str, examples)]
    explained = call("explain", examples[0], "--out", "why.html")
    assert explained.code == 0, explained.err
    assert "<html" in Path("why.html").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(judged.out)
    return document


def stripes(across: bool, count: int, first: int = 0) -> Iterator[Image.Image]:
    """Dark and light stripes: what is turned wrongly is of the other class."""
    for seed in range(first, first + count):
        random = np.random.default_rng((seed, across))
        height, width = random.integers(16, 60, 2)
        dark, light = random.integers(0, 80, 3), random.integers(150, 256, 3)
        place = np.arange(height if across else width) + random.integers(0, 8)
        row = np.where((place // 4 % 2)[:, None], dark, light).astype(np.uint8)
        other = (int(width if across else height), 1, 1)
        pixels = np.tile(row, other)
        yield Image.fromarray(pixels.transpose(1, 0, 2) if across else pixels)


def test_pictures_of_every_form_in_two_splits_go_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, across in (("across", True), ("down", False)):
        save(stripes(across, 36), tmp_path / "lines" / "train" / name)
        save(stripes(across, 12, 99), tmp_path / "lines" / "test" / name)
    document = go(call, "lines", "training.epochs=2")
    assert document["examples"] == 24
    assert set(document["per_class"]) == {"across", "down"}


@pytest.mark.slow
def test_lines_are_told_apart_whichever_way_a_file_is_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, across in (("across", True), ("down", False)):
        save(stripes(across, 120), tmp_path / "lines" / name)
    document = go(call, "lines", "training.epochs=15")
    assert document["accuracy"] > 0.9
    assert 10 <= document["examples"] <= 50
    assert set(document["per_class"]) == {"across", "down"}


# --- photographs that packages bring -------------------------------------------------

PHOTOGRAPHS = {
    "skimage/data": ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"),
    "sklearn/datasets/images": ("china.jpg", "flower.jpg"),
}


def photographs() -> list[Path]:
    found = []
    for place, names in PHOTOGRAPHS.items():
        package, _, inside = place.partition("/")
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            folder = Path(spec.submodule_search_locations[0], inside)
            found += [folder / name for name in names]
    return found


def pieces(path: Path, count: int) -> Iterator[Image.Image]:
    """Parts of a photograph, of many sizes."""
    photograph = Image.open(path).convert("RGB")
    for seed in range(count):
        random = np.random.default_rng(seed)
        width, height = random.integers(80, 200, 2)
        left = random.integers(0, photograph.width - width)
        top = random.integers(0, photograph.height - height)
        yield photograph.crop((left, top, left + width, top + height))


@pytest.mark.slow
def test_pieces_of_photographs_go_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable
) -> None:
    found = photographs()
    if len(found) < 2:
        pytest.skip("neither scikit-image nor scikit-learn is installed")
    monkeypatch.chdir(tmp_path)
    for path in found:
        save(pieces(path, 60), tmp_path / "photographs" / path.stem)
    document = go(call, "photographs", "training.epochs=12")
    assert document["accuracy"] > 0.8


@pytest.mark.slow
@pytest.mark.real_data
def test_real_pictures_go_the_whole_way(
    real_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable,
) -> None:
    from cifarcnn.data.dataset import open_dataset

    monkeypatch.chdir(tmp_path)
    dataset = open_dataset("cifar10", real_data)
    split = dataset.training(0, 0)[0]
    for label, name in enumerate(dataset.class_names):
        members = np.flatnonzero(split.labels == label)[:60]
        images = (
            Image.fromarray(split.images[place]).resize((32 + number, 40))
            for number, place in enumerate(members)
        )
        save(images, tmp_path / "things" / name)
    document = go(call, "things", "training.epochs=4")
    assert document["accuracy"] > 0.15
