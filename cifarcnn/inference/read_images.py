"""Sources to pixels, a chunk at a time, large images side by side."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE
from cifarcnn.data.image.image_file import (
    MAX_BYTES,
    read_image_unfiltered,
    silent_pillow,
)
from cifarcnn.errors import CifarcnnError, ImageError
from cifarcnn.inference.sources import Source
from cifarcnn.litert.runtime import usable_cores

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]
    Result = Array | str

# From about this size on an image takes longer to decode, which Pillow does outside
# Python's lock, than threads take to hand that lock to one another. Below it two
# threads are slower than one.
_LARGE_BYTES = 32_768
# Each may hold an image of 50 megapixels, 200 MB, while it shrinks it.
_MOST_THREADS = 4
_SIZE = CIFAR_IMAGE_SHAPE[:2]


class Reader:
    """Reads sources; what can be had only once is kept.

    To be closed, or used as a context manager.
    """

    def __init__(
        self, test_images: Callable[[], Array], standard_input: BinaryIO
    ) -> None:
        """Prepare to read.

        Args:
            test_images: Gives the test split's uint8 ``(n, 32, 32, 3)``; called once,
                and only when a source asks for one of them.
            standard_input: Read once, and only when a source asks for it.
        """
        self._open_test_images = test_images
        self._standard_input = standard_input
        self._test_images: Array | None = None
        self._input_bytes: bytes | None = None
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def read(self, sources: Sequence[Source]) -> list[Result]:
        """For each source its pixels, uint8 ``(32, 32, 3)``, or why there are none."""
        with silent_pillow():
            # The large ones first, so that the others are read beside them.
            begun = {
                place: self._begin(source)
                for place, source in enumerate(sources)
                if len(sources) > 1 and _is_large(source)
            }
            results = [
                "" if place in begun else self._read(source)
                for place, source in enumerate(sources)
            ]
            for place, future in begun.items():
                results[place] = future.result()
        return results

    def _begin(self, source: Source) -> Future[Result]:
        if self._pool is None:
            threads = min(usable_cores(), _MOST_THREADS)
            self._pool = ThreadPoolExecutor(threads, "pictures")
        return self._pool.submit(self._read, source)

    def _read(self, source: Source) -> Result:
        if source.error is not None:
            return source.error
        try:
            return self._pixels(source)
        except CifarcnnError as error:
            return str(error)

    def _pixels(self, source: Source) -> Array:
        if source.test_index is not None:
            return self._test_image(source.test_index)
        if source.path is not None:
            return read_image_unfiltered(source.path, source.name, _SIZE)
        if self._input_bytes is None:
            # One byte more than is allowed, so that the excess is seen.
            self._input_bytes = self._standard_input.read(MAX_BYTES + 1)
        return read_image_unfiltered(io.BytesIO(self._input_bytes), source.name, _SIZE)

    def _test_image(self, index: int) -> Array:
        if self._test_images is None:
            self._test_images = self._open_test_images()
        if index >= len(self._test_images):
            raise ImageError(
                f"the test split has the pictures 0 to {len(self._test_images) - 1}."
            )
        image: Array = self._test_images[index]
        return image


def _is_large(source: Source) -> bool:
    if source.path is None:
        return False
    try:
        return os.stat(source.path).st_size > _LARGE_BYTES
    except (OSError, ValueError):
        return False
