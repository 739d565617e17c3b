"""What a search tells while it goes on."""

from __future__ import annotations

from collections.abc import Sequence

from cifarcnn.search.trials import SearchTrial


class SearchObserver:
    """Hears of the search and does nothing; subclass it to show it."""

    def looked(self, trials: Sequence[SearchTrial], limit: int) -> None:
        """The trials as they are now, twice a second.

        Args:
            trials: All of the study, those of other machines included.
            limit: How many were asked for.
        """

    def stopping(self) -> None:
        """A signal came, or the time is up: processes that train save it and end."""

    def worker_ended(self, why: str, number: int | None) -> None:
        """A process ended before it should; another one goes on.

        Args:
            why: A sentence without its end.
            number: Of its trial, which waits now.
        """
