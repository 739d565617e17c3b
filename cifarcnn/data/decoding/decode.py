"""Many files decoded: a few in this process, more by others."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence

from cifarcnn.cpu import usable_cores
from cifarcnn.data.decoding.file_reading import DecodedFile, decode_file
from cifarcnn.data.decoding.processes import WorkerPool
from cifarcnn.data.image.image_file import silent_pillow
from cifarcnn.data.image.target_size import TargetSize

# A process takes about as long to start.
_START_SECONDS = 0.3
_BATCH_SECONDS = 0.1
_MOST_IN_BATCH = 64


def decode_files(
    paths: Sequence[str], target: TargetSize
) -> Generator[tuple[int, DecodedFile]]:
    """Yield each file with its number in ``paths``, in whatever order they come.

    The first are decoded here, for as long as other processes take to start; where
    more than that is left, as many of them as there are cores do the rest. Close the
    iterator where it is left early.

    Args:
        paths: Of the files.
        target: What each image is brought to.

    Raises:
        DataError: One process after the other is ended by the system.
    """
    start = time.monotonic()
    left = dict.fromkeys(range(len(paths)))
    with silent_pillow():
        for number, path in enumerate(paths):
            yield number, decode_file(path, target)
            del left[number]
            spent = time.monotonic() - start
            if spent > _START_SECONDS:
                break
        else:
            return
        each = spent / (number + 1)
        processes = min(usable_cores(), int(len(left) * each / _START_SECONDS))
        if processes > 1:
            size = min(max(int(_BATCH_SECONDS / each), 1), _MOST_IN_BATCH)
            size = min(size, math.ceil(len(left) / processes))
            numbers = list(left)
            starts = range(0, len(numbers), size)
            batches = (tuple(numbers[start : start + size]) for start in starts)
            with WorkerPool(paths, target, batches) as pool:
                for number, file in pool.decode(processes):
                    del left[number]
                    yield number, file
        # Where no process can be started.
        for number in left:
            yield number, decode_file(paths[number], target)
