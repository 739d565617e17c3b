"""Images through the network, in chunks, each answered for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from cifarcnn.inference.read_images import Reader
from cifarcnn.inference.sources import Source

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.inference.read_images import Result

    Array = np.ndarray[Any, Any]
    Predict = Callable[[Array], Array]

# Enough to keep the network busy, few enough that the first answers come soon.
CHUNK = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one image.

    Attributes:
        source: Where the image came from.
        pixels: What the network saw, uint8 ``(32, 32, 3)``; None when unreadable.
        probabilities: float32 ``(classes,)``; None when unreadable.
        error: Why the image has no answer; None when it has one.
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


def predict_images(
    predict: Predict,
    sources: Iterable[Source],
    *,
    test_images: Callable[[], Array],
    standard_input: BinaryIO,
) -> Iterator[Answer]:
    """Answer every source, in its order.

    A source that cannot be read gets an answer with its own error and does not touch
    the others. While the network looks at one chunk of 256 images the next one is
    read; memory holds no more than these two.

    Args:
        predict: uint8 ``(n, 32, 32, 3)`` to probabilities ``(n, classes)``; called
            in a thread of its own, once at a time.
        sources: Where the images are.
        test_images: Gives the test split's uint8 ``(n, 32, 32, 3)``; called once, and
            only when a source asks for one of them.
        standard_input: Read once, and only when a source asks for it.
    """
    remaining = iter(sources)
    with (
        Reader(test_images, standard_input) as reader,
        ThreadPoolExecutor(1, "network") as network,
    ):
        before: tuple[list[Source], list[Result], Future[Array]] | None = None
        while chunk := list(islice(remaining, CHUNK)):
            results = reader.read(chunk)
            rows = network.submit(_ask, predict, results)
            if before is not None:
                yield from _answer(*before)
            before = chunk, results, rows
        if before is not None:
            yield from _answer(*before)


def _ask(predict: Predict, results: Sequence[Result]) -> Array:
    """The probabilities of the images among the results, in their order."""
    import numpy as np

    pixels = [result for result in results if not isinstance(result, str)]
    return predict(np.stack(pixels)) if pixels else np.empty((0, 0), np.float32)


def _answer(
    sources: Sequence[Source], results: Sequence[Result], rows: Future[Array]
) -> Iterator[Answer]:
    row = iter(rows.result())
    for source, result in zip(sources, results, strict=True):
        if isinstance(result, str):
            yield Answer(source, error=result)
        else:
            yield Answer(source, result, next(row))
