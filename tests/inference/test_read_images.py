"""Many sources at once, small and large, good and bad."""

from __future__ import annotations

import io
import itertools
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.inference import read_images
from cifarcnn.inference.predictions import CHUNK, predict_images
from cifarcnn.inference.sources import Source

TARGET = TargetSize(32, 32, "crop")

Array = np.ndarray[Any, Any]
TEXT = "this is text (its name ends in .png); expected a PNG, JPEG, WebP, BMP or GIF "
REFUSALS = {
    1: f"{TEXT}picture.",
    3: "the file begins with nothing but zero bytes: it is damaged. Copy or download "
    "it again, or save it anew.",
}


def no_test_images() -> Array:
    raise AssertionError("nobody asked for a test picture")


def read(sources: list[Source]) -> list[Array | str]:
    return read_images.Reader(TARGET, no_test_images, io.BytesIO()).read(sources)


def means(images: Array) -> Array:
    """Stands for a network: the mean of each channel."""
    rows: Array = images.mean(axis=(1, 2), dtype=np.float64).astype(np.float32) / 256
    return rows


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Small ones, large ones and damaged ones of both sizes, in turn."""
    folder = tmp_path_factory.mktemp("many")
    generator = np.random.default_rng(0)
    paths = []
    for number in range(120):
        path = folder / f"{number:03}.png"
        kind = number % 6
        if kind in (1, 3):
            path.write_bytes([b"hello", bytes(100_000)][kind // 3])
        else:
            side = 160 if kind == 5 else 32
            pixels = generator.integers(0, 256, (side, side, 3), np.uint8)
            Image.fromarray(pixels).save(path, compress_level=1)
        paths.append(path)
    return paths


def test_large_and_bad_images_among_many_disturb_none(files: list[Path]) -> None:
    sizes = {path.stat().st_size > read_images._LARGE_BYTES for path in files}
    assert sizes == {True, False}
    results = read([Source(str(path), path=path) for path in files])
    for number, (path, result) in enumerate(zip(files, results, strict=True)):
        if number % 6 in REFUSALS:
            assert result == REFUSALS[number % 6]
        else:
            assert isinstance(result, read_images.Reading)
            assert np.array_equal(result.pixels, read_image(path, path.name, TARGET))


def test_answers_come_in_order_with_the_row_of_their_own_image(
    files: list[Path],
) -> None:
    order = [files[index * 7 % len(files)] for index in range(3 * CHUNK + 5)]
    answers = list(
        predict_images(
            means,
            [Source(str(path), path=path) for path in order],
            target=TARGET,
            test_images=no_test_images,
            standard_input=io.BytesIO(),
        )
    )
    assert [answer.source.path for answer in answers] == order
    for answer in answers:
        if answer.error is None:
            assert answer.pixels is not None and answer.probabilities is not None
            assert np.array_equal(answer.probabilities, means(answer.pixels[None])[0])
        else:
            number = files.index(Path(answer.source.name))
            assert answer.error == REFUSALS[number % 6]
            assert answer.pixels is None and answer.probabilities is None


def test_large_images_are_read_in_other_threads(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, bool] = {}
    real = read_images.decode_image

    def watch(data: bytes, name: str, *arguments: Any) -> tuple[Array, float]:
        seen[name] = threading.current_thread() is threading.main_thread()
        return real(data, name, *arguments)

    monkeypatch.setattr(read_images, "decode_image", watch)
    read([Source(path.name, path=path) for path in files])
    assert len(seen) == len(files)
    for path in files:
        assert seen[path.name] == (path.stat().st_size <= read_images._LARGE_BYTES)


def test_one_chunk_is_read_ahead_and_no_more(files: list[Path]) -> None:
    taken = 0

    def endless() -> Iterator[Source]:
        nonlocal taken
        for path in itertools.cycle(files[:1]):
            taken += 1
            yield Source(str(path), path=path)

    answers = predict_images(
        means,
        endless(),
        target=TARGET,
        test_images=no_test_images,
        standard_input=io.BytesIO(),
    )
    for expected in (2, 3):
        for _ in range(CHUNK):
            next(answers)
        assert taken == expected * CHUNK
    threads = threading.active_count()
    answers.close()
    assert threading.active_count() < threads


def test_a_failing_network_is_not_taken_for_a_bad_image(files: list[Path]) -> None:
    def fail(images: Array) -> Array:
        raise RuntimeError("broken")

    answers = predict_images(
        fail,
        [Source("a", path=files[0])],
        target=TARGET,
        test_images=no_test_images,
        standard_input=io.BytesIO(),
    )
    with pytest.raises(RuntimeError, match="broken"):
        list(answers)


def test_pillows_warnings_are_neither_heard_nor_switched_off_for_good(
    tmp_path: Path,
) -> None:
    # A palette with an alpha for each entry: Pillow warns when it is made RGB.
    path = tmp_path / "palette.png"
    image = Image.new("P", (32, 32))
    image.info["transparency"] = bytes(range(256))
    image.save(path, transparency=bytes(range(256)))
    before = list(warnings.filters)
    (result,) = read([Source("x", path=path)])
    assert isinstance(result, read_images.Reading)
    assert warnings.filters == before


def test_a_file_that_is_gone_is_no_large_one(tmp_path: Path) -> None:
    found = read(
        [Source("x", path=tmp_path / "gone.png"), Source("y", path=Path("\0"))]
    )
    assert found == ["there is no such file.", "this is not the name of a file."]


def test_images_come_in_the_size_of_the_network(files: list[Path]) -> None:
    reader = read_images.Reader(
        TargetSize(20, 20, "crop"), no_test_images, io.BytesIO()
    )
    for result in reader.read([Source("s", path=files[0]), Source("l", files[5])]):
        assert isinstance(result, read_images.Reading)
        assert result.pixels.shape == (20, 20, 3)
