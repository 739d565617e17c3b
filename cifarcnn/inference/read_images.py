"""Sources to pixels, a chunk at a time, large images side by side."""

from __future__ import annotations

import contextlib
import io
import os
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from cifarcnn.cpu import usable_cores
from cifarcnn.data.daemon_thread import start_daemon
from cifarcnn.data.image.image_file import (
    MAX_BYTES,
    Noted,
    decode_image,
    ignore,
    read_bytes,
    silent_pillow,
)
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import CifarcnnError, ImageError
from cifarcnn.inference.sources import Source, describe_test_split

Array = np.ndarray[Any, Any]


class Reading(NamedTuple):
    """An image that was read.

    Attributes:
        pixels: uint8 ``(height, width, 3)``.
        mismatch: How far its proportions were from these (``TargetSize.mismatch``).
    """

    pixels: Array
    mismatch: float


# An image, or why there is none.
Result = Reading | str

# From about this size on an image takes longer to decode, which Pillow does outside
# Python's lock, than threads take to hand that lock to one another. Below it two
# threads are slower than one.
_LARGE_BYTES = 32_768
# Each may hold an image of 50 megapixels, 200 MB, while it shrinks it.
_MOST_THREADS = 4


class Reader:
    """Reads sources; what can be had only once is kept.

    Args:
        target: What every image is brought to.
        test_images: Gives the test split's uint8 ``(n, height, width, 3)``; called
            once, and only when a source asks for one of them.
        standard_input: Read once, and only when a source asks for it.
        noted: Told, in the order of the sources, what was left out of an image.
    """

    def __init__(
        self,
        target: TargetSize,
        test_images: Callable[[], Array],
        standard_input: BinaryIO,
        noted: Callable[[str], object] = ignore,
    ) -> None:
        self._target = target
        self._test_images = cache(test_images)
        # One byte more than is allowed, so that the excess is seen.
        self._input_bytes = cache(lambda: standard_input.read(MAX_BYTES + 1))
        self._noted = noted

    def read(self, sources: Sequence[Source]) -> list[Result]:
        """For each source its image, or why there is none."""
        results: list[Result] = [""] * len(sources)
        notes: list[list[str]] = [[] for _ in sources]
        large = deque(
            place
            for place, source in enumerate(sources)
            if len(sources) > 1 and _is_large(source)
        )
        small = set(range(len(sources))).difference(large)

        def read_large() -> None:
            with contextlib.suppress(IndexError):  # none is left
                while True:
                    place = large.popleft()
                    results[place] = self._read(sources[place], notes[place].append)

        with silent_pillow():
            # These first, so that the others are read beside them.
            count = min(usable_cores(), _MOST_THREADS, len(large))
            threads = [start_daemon(read_large) for _ in range(count)]
            try:
                for place in sorted(small):
                    results[place] = self._read(sources[place], notes[place].append)
                for thread in threads:
                    thread.result()
            finally:
                large.clear()
        for source, said in zip(sources, notes, strict=True):
            for note in said:
                self._noted(f"{source.name}: {note}")
        return results

    def _read(self, source: Source, noted: Noted) -> Result:
        if source.error is not None:
            return source.error
        try:
            if source.test_index is not None:
                image = pick_test_image(self._test_images(), source.test_index)
                return Reading(image, 0.0)
            file = source.path or io.BytesIO(self._input_bytes())
            data = read_bytes(file)
            return Reading(*decode_image(data, source.name, self._target, noted))
        except CifarcnnError as error:
            return str(error)


def pick_test_image(images: Array, index: int) -> Array:
    """Image ``index`` of the test split, uint8 ``(height, width, 3)``.

    Args:
        images: Of the whole split, uint8 ``(n, height, width, 3)``.
        index: From 0 on.

    Raises:
        ImageError: There is no such image.
    """
    if index >= len(images):
        raise ImageError(describe_test_split(len(images)))
    image: Array = images[index]
    return image


def _is_large(source: Source) -> bool:
    if source.path is None:
        return False
    try:
        return os.stat(source.path).st_size > _LARGE_BYTES
    except (OSError, ValueError):
        return False
