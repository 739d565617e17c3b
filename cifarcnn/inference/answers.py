"""Pictures through the network, in chunks, each answered for itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from cifarcnn.config.recipe import Views
from cifarcnn.data.picture import MAX_BYTES, read_picture
from cifarcnn.errors import CifarcnnError, PictureError
from cifarcnn.inference.sources import Source
from cifarcnn.network.forward import predict_probabilities

if TYPE_CHECKING:
    import keras
    import numpy as np

    Array = np.ndarray[Any, Any]

# Enough to keep the network busy, few enough that the first answers come soon.
CHUNK = 256


@dataclass(frozen=True)
class Answer:
    """What came of one picture.

    Attributes:
        source: Where the picture came from.
        pixels: What the network saw, uint8 ``(32, 32, 3)``; None when unreadable.
        probabilities: float32 ``(classes,)``; None when unreadable.
        error: Why the picture has no answer; None when it has one.
    """

    source: Source
    pixels: Array | None = None
    probabilities: Array | None = None
    error: str | None = None

    def top(self, count: int, class_names: Sequence[str]) -> list[tuple[str, float]]:
        """The ``count`` most probable classes, or all when there are fewer.

        Of equally probable classes the first in the order of the classes comes first.
        """
        if self.probabilities is None:
            return []
        order = (-self.probabilities).argsort(kind="stable")[:count]
        return [
            # The shortest decimal that names this float32: 0.93, not 0.930000007.
            (class_names[index], float(str(self.probabilities[index])))
            for index in order
        ]


def predict_pictures(
    model: keras.Model,
    sources: Iterable[Source],
    *,
    test_images: Callable[[], Array],
    standard_input: BinaryIO,
    views: Views = "none",
) -> Iterator[Answer]:
    """Answer every source, in its order.

    A source that cannot be read gets an answer with its own error and does not touch
    the others. Memory holds one chunk of 256 pictures.

    Args:
        model: uint8 ``(n, 32, 32, 3)`` to probabilities ``(n, classes)``.
        sources: Where the pictures are.
        test_images: Gives the test split's uint8 ``(n, 32, 32, 3)``; called once, and
            only when a source asks for one of them.
        standard_input: Read once, and only when a source asks for it.
        views: What each answer rests on (``evaluation.test_time_augmentation``).
    """
    reader = _Reader(test_images, standard_input)
    remaining = iter(sources)
    while chunk := [reader.read(source) for source in islice(remaining, CHUNK)]:
        yield from _answer(model, chunk, views)


def _answer(
    model: keras.Model, chunk: Sequence[Answer], views: Views
) -> Iterator[Answer]:
    import numpy as np

    pixels = [answer.pixels for answer in chunk if answer.pixels is not None]
    rows: Iterator[Array] = iter(())
    if pixels:
        rows = iter(predict_probabilities(model, np.stack(pixels), CHUNK, views))
    for answer in chunk:
        if answer.pixels is None:
            yield answer
        else:
            yield Answer(answer.source, answer.pixels, next(rows))


class _Reader:
    """Reads sources; what can be had only once is kept."""

    def __init__(
        self, test_images: Callable[[], Array], standard_input: BinaryIO
    ) -> None:
        self._open_test_images = test_images
        self._standard_input = standard_input
        self._test_images: Array | None = None
        self._input_bytes: bytes | None = None

    def read(self, source: Source) -> Answer:
        """The pixels of a source, or the reason why there are none."""
        if source.error is not None:
            return Answer(source, error=source.error)
        try:
            return Answer(source, pixels=self._pixels(source))
        except CifarcnnError as error:
            return Answer(source, error=str(error))

    def _pixels(self, source: Source) -> Array:
        if source.test_index is not None:
            return self._test_picture(source.test_index)
        if source.path is not None:
            return read_picture(source.path, source.name)
        if self._input_bytes is None:
            # One byte more than is allowed, so that read_picture sees the excess.
            self._input_bytes = self._standard_input.read(MAX_BYTES + 1)
        return read_picture(io.BytesIO(self._input_bytes), source.name)

    def _test_picture(self, index: int) -> Array:
        if self._test_images is None:
            self._test_images = self._open_test_images()
        if index >= len(self._test_images):
            raise PictureError(
                f"the test split has the pictures 0 to {len(self._test_images) - 1}."
            )
        picture: Array = self._test_images[index]
        return picture
