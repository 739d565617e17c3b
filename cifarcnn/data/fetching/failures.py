"""Why a source did not give the archive. What is wrong here is a ``DataError``."""

from __future__ import annotations


class SourceFailure(Exception):
    """One source failed; another one, or another attempt, may not.

    Attributes:
        cause: For the user, a sentence without the address.
        final: Whether it would fail again in the same way.
        unreachable: Whether there was not even a connection.
        retry_after: Seconds that the server asked for, or ``None``.
    """

    def __init__(
        self,
        cause: str,
        *,
        final: bool = False,
        unreachable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.final = final
        self.unreachable = unreachable
        self.retry_after = retry_after


class TooSlow(SourceFailure):
    """A source gave less than it should.

    Attributes:
        rate: What it gave, in bytes per second.
    """

    def __init__(self, rate: float, floor: float) -> None:
        super().__init__(
            f"it is slow: {rate / 1000:,.0f} kB/s, less than {floor / 1000:,.0f} kB/s."
        )
        self.rate = rate
