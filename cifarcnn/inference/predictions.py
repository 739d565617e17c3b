"""Images through the network, in chunks, each answered for itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from cifarcnn.data.image.image_file import Noted, ignore
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.files import (
    find_free_path,
    make_stem,
    os_error_as_usage_error,
    write_atomically,
)
from cifarcnn.inference.read_images import Reader, Result
from cifarcnn.inference.sources import Source
from cifarcnn.literals import Resize

Array = np.ndarray[Any, Any]

# Enough to keep the network busy, few enough that the first answers come soon.
CHUNK = 256
UNSURE_BELOW = 0.5
MISMATCH_ABOVE = 0.4
_WORDS: dict[Resize, str] = {"crop": "cropped", "pad": "border", "stretch": "stretched"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What came of one image.

    Attributes:
        source: Where the image came from.
        pixels: What the network saw, uint8 ``(height, width, 3)``; None when
            unreadable.
        probabilities: float32 ``(classes,)``; None when unreadable.
        error: Why there are none; None when there are.
        mismatch: How far the proportions of the image were from those that the network
            takes (``TargetSize.mismatch``).
    """

    source: Source
    pixels: Array | None = None
    probabilities: Array | None = None
    error: str | None = None
    mismatch: float = 0.0


def predict_images(
    predict: Callable[[Array], Array],
    sources: Iterable[Source],
    *,
    target: TargetSize,
    test_images: Callable[[], Array],
    standard_input: BinaryIO,
    noted: Noted = ignore,
) -> Iterator[Prediction]:
    """Predict every source, in its order.

    A source that cannot be read gets a prediction with its own error and does not touch
    the others. While the network looks at one chunk of 256 images the next one is
    read; memory holds no more than these two.

    Args:
        predict: uint8 ``(n, height, width, 3)`` to probabilities ``(n, classes)``;
            called in a thread of its own, once at a time.
        sources: Where the images are.
        target: Size of the images that ``predict`` takes, and how they get it.
        test_images: Gives the test split's uint8 ``(n, height, width, 3)``; called
            once, and only when a source asks for one of them.
        standard_input: Read once, and only when a source asks for it.
        noted: Told what was left out of an image that can be used all the same: its
            name and the rest of a sentence, without a full stop.
    """
    remaining = iter(sources)
    reader = Reader(target, test_images, standard_input, noted)
    with ThreadPoolExecutor(1, "network") as network:
        before: Iterable[Prediction] = ()
        while chunk := list(islice(remaining, CHUNK)):
            results = reader.read(chunk)
            rows = network.submit(_predict_readable, predict, results)
            yield from before
            before = _join(chunk, results, rows)
        yield from before


def _predict_readable(
    predict: Callable[[Array], Array], results: Sequence[Result]
) -> Array:
    """The probabilities of the images among the results, in their order."""
    pixels = [result.pixels for result in results if not isinstance(result, str)]
    return predict(np.stack(pixels)) if pixels else np.empty((0, 0), np.float32)


def _join(
    sources: Sequence[Source], results: Sequence[Result], rows: Future[Array]
) -> Iterator[Prediction]:
    row = iter(rows.result())
    for source, result in zip(sources, results, strict=True):
        if isinstance(result, str):
            yield Prediction(source, error=result)
        else:
            pixels, mismatch = result
            yield Prediction(source, pixels, next(row), mismatch=mismatch)


def describe_doubts(
    prediction: Prediction, resize: Resize, *, below_half: bool = True
) -> str:
    """A few words about a doubtful prediction; empty when there is nothing to say.

    Said are a top probability below 0.5, and that the image was more than 40 % cut
    off, bordered or stretched to give it the network's proportions.

    Args:
        prediction: Of an image that could be read.
        resize: How it was brought to its size.
        below_half: Whether the first is said.
    """
    words = []
    probabilities = prediction.probabilities
    low = probabilities is not None and probabilities.max() < UNSURE_BELOW
    if low and below_half:
        words.append("unsure")
    if prediction.mismatch > MISMATCH_ABOVE:
        words.append(f"{prediction.mismatch:.0%} {_WORDS[resize]}")
    return ", ".join(words)


def save_input(folder: Path, prediction: Prediction) -> Path | None:
    """Write what the network saw as a PNG into ``folder``; None without an image.

    The file is named after the image; where that name is taken a number follows, and
    nothing is overwritten.

    Raises:
        UsageError: The folder cannot be made or written to.
    """
    if prediction.pixels is None:
        return None
    data = io.BytesIO()
    Image.fromarray(prediction.pixels).save(data, "PNG")
    with os_error_as_usage_error(
        f"The pictures cannot be kept in {folder}",
        ". Name another folder with --save-input DIR.",
    ):
        folder.mkdir(parents=True, exist_ok=True)
        path = find_free_path(folder, make_stem(prediction.source.name), ".png")
        write_atomically(path, data.getvalue())
    return path
