"""Random numbers that nothing but the seed, the epoch and the image decides."""

from __future__ import annotations

from functools import cached_property

import numpy as np

# Keep these draws apart from every other use of the same seed. "chance", "always" in
# ASCII.
_STREAM = 0x6368616E6365
_FIXED_STREAM = 0x616C77617973
# float64 holds 53 bits; the rest of the 64 would be rounded, perhaps up to 1.
_SPARE_BITS = 11


class RandomDraws:
    """The random numbers of one operation.

    They rest on NumPy's raw bit streams, which are frozen, unlike its distributions
    (NEP 19). Each image has its own numbers in each epoch, whatever batch it is in.
    """

    def __init__(self, seed: int, place: int, count: int) -> None:
        """Open the stream of an operation.

        Args:
            seed: 0 or more.
            place: Which operation it is, counted from 1.
            count: Number of training images.
        """
        self.seed = seed
        self.place = place
        self.count = count
        self._drawn: tuple[int, np.ndarray | None] = (-1, None)

    def draw(self, epoch: int, index: np.ndarray, columns: int) -> np.ndarray:
        """New numbers in every epoch.

        Args:
            epoch: Counted from 0.
            index: The images, ``(..., b)``.
            columns: How many numbers for an image, the same in every call.

        Returns:
            float64 ``(..., b, columns)``, 0 or more and less than 1.
        """
        # One assignment of one tuple: the next epoch is drawn in a thread of its own.
        drawn, table = self._drawn
        if drawn != epoch or table is None:
            table = self._table([self.seed, epoch, self.place, _STREAM], columns)
            self._drawn = (epoch, table)
        numbers: np.ndarray = table[index]
        return numbers

    def draw_once(self, index: np.ndarray) -> np.ndarray:
        """A number for each image that is the same in every epoch.

        Returns:
            float64 ``(..., b)``, 0 or more and less than 1.
        """
        numbers: np.ndarray = self._fixed[index]
        return numbers

    @cached_property
    def _fixed(self) -> np.ndarray:
        return self._table([self.seed, self.place, _FIXED_STREAM], 1)[:, 0]

    def _table(self, key: list[int], columns: int) -> np.ndarray:
        raw = np.random.Philox(key).random_raw(self.count * columns)
        table: np.ndarray = (raw >> np.uint64(_SPARE_BITS)) * 2.0 ** (_SPARE_BITS - 64)
        return table.reshape(self.count, columns)


def whole_numbers(draws: np.ndarray, low: int, high: np.ndarray | int) -> np.ndarray:
    """Draws of 0 to 1 as whole numbers of ``low`` to ``high``, both included: int32."""
    # The largest draw times a small whole number may be rounded up to the next.
    numbers = np.minimum(low + np.floor(draws * (high - low + 1)), high)
    return np.asarray(numbers, dtype=np.int32)
