"""A bound on what a file may cost that is small and takes long to decode."""

from __future__ import annotations

import io

from cifarcnn.errors import ImageError

MAX_READS = 2_000_000


def open_bounded(data: bytes) -> io.BytesIO:
    """The bytes of a file as a file that can be read at most 2,000,000 times."""
    # A shorter one has not so many pieces, and is read faster without counting.
    return _BoundedFile(data) if len(data) > MAX_READS else io.BytesIO(data)


class _BoundedFile(io.BytesIO):
    """The bytes of a file, given out in a limited number of pieces.

    Each chunk, block or run of a file costs its reader some calls, so that their
    number bounds the time and the memory that a file cut into tiny pieces takes.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As ``BytesIO.read``.

        Raises:
            ImageError: It is called for the 2,000,001st time.
        """
        self._reads += 1
        if self._reads > MAX_READS:
            raise ImageError(
                "it is cut into too many small pieces, which take too long to read. "
                "Save it anew."
            )
        return super().read(size)
