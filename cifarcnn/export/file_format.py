"""What every format has: how its file is written, asked again, and used elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from cifarcnn.literals import ExportPrecision, Resize, Views
from cifarcnn.padded_batches import predict_in_batches

Array: TypeAlias = np.ndarray[Any, Any]
# uint8 ``(n, height, width, 3)`` to float32 probabilities ``(n, classes)``.
Predict: TypeAlias = Callable[[Array], Array]
# The names that a file has for what goes in and what comes out.
INPUT = "images"
OUTPUT = "probabilities"


@dataclass(frozen=True)
class Description:
    """What whoever uses the file has to know, which goes with it.

    Attributes:
        classes: Their names, in the order of the probabilities.
        height: Of the images, in pixels.
        width: Of the images, in pixels.
        resize: How images of other proportions were brought to this size.
        views: What an answer of ``predict`` rests on; one of the file on one view.
    """

    classes: tuple[str, ...]
    height: int
    width: int
    resize: Resize
    views: Views

    def to_dict(self) -> dict[str, object]:
        """The same as JSON has it; the normalization is within the network."""
        return {
            "classes": list(self.classes),
            "image_size": [self.height, self.width],
            "resize": self.resize,
            "channels": "RGB",
            "input_type": "uint8",
            "input_range": [0, 255],
            "test_time_augmentation": self.views,
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Reduction:
    """How a LiteRT file is made smaller.

    Attributes:
        precision: What its numbers are.
        calibration: uint8 ``(n, height, width, 3)``, training images that the ranges
            of int8 numbers are chosen by; None for the other precisions.
    """

    precision: ExportPrecision = "float32"
    calibration: Array | None = None


@dataclass(frozen=True)
class Answers:
    """What the runtime of a format made of a file.

    Attributes:
        probabilities: float32 ``(n, classes)``, in the order of the images.
        load_seconds: From the file to the first answer, the runtime being imported.
        images_per_second: On the CPU, after the first batch. Both are None where the
            runtime is not here.
        note: How it was asked, where that needs saying.
    """

    probabilities: Array
    load_seconds: float | None
    images_per_second: float | None
    note: str | None = None


@dataclass(frozen=True)
class FileFormat:
    """One format.

    Attributes:
        write: Writes the model to a path that is free.
        ask: Loads the file anew in its own runtime, and asks it about images, so many
            at once; the last argument is the number of classes.
        example_imports: The modules of the example.
        example: Python lines that load ``file``, a ``Path``, and set ``names`` and
            ``row``, the probabilities of ``image``; empty: the file needs no example.
    """

    write: Callable[[keras.Model, Path, Description, Reduction], None]
    ask: Callable[[Path, Array, int, int], Answers]
    example_imports: str
    example: str


def measure(
    load: Callable[[], Predict], images: Array, batch_size: int, classes: int
) -> Answers:
    """Load a file in this process, ask it, and take the time.

    Args:
        load: From the file to what answers images, of any number.
        images: uint8 ``(n, height, width, 3)``, one at least.
        batch_size: How many at once.
        classes: How many probabilities an image gets.
    """
    start = time.perf_counter()
    predict = load()
    predict(images[:1])
    loaded = time.perf_counter()
    # Another number of images is another shape, which runtimes prepare for.
    predict_in_batches(predict, images[:batch_size], batch_size, classes)
    prepared = time.perf_counter()
    rows = predict_in_batches(predict, images, batch_size, classes)
    seconds = max(time.perf_counter() - prepared, 1e-9)
    return Answers(rows, loaded - start, len(images) / seconds)
