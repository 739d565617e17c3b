"""Where the layers of a network stand beside and below one another, branches too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cifarcnn.config.summary import Row

# How many slots a sign takes that joins branches.
SIGN_SLOTS = 0.5


@dataclass(frozen=True)
class Place:
    """What is drawn of one layer.

    Attributes:
        row: The layer; None for the input.
        slot: How far from the left it begins, in slots of one box.
        lane: How far from the top it is, in lanes.
        sign: Whether it is only a sign of what joins branches, not a box.
    """

    row: Row | None
    slot: float
    lane: int
    sign: bool = False


@dataclass(frozen=True)
class Way:
    """From what is drawn to the next that takes its result.

    Attributes:
        start: Which place it begins at.
        turns: Slots at whose beginning it changes to a lane.
        end: Which place it ends at; -1 while that is not known.
    """

    start: int
    turns: tuple[tuple[float, int], ...] = ()
    end: int = -1


@dataclass
class Layout:
    """Places from left to right, branches in lanes of their own, and the ways.

    Attributes:
        is_drawn: Which layers have a box.
        places: In the order of the network, the input first.
        ways: Between them.
    """

    is_drawn: Callable[[Row], bool]
    places: list[Place] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)

    def lay(self, rows: Sequence[Row]) -> tuple[float, int]:
        """Lay out a whole network; gives the number of slots and of lanes."""
        self.places.append(Place(None, 0, 0))
        slots, lanes, _ = self._sequence(rows, 0, 1, 0, [Way(0)])
        return slots, lanes

    def _sequence(
        self, rows: Sequence[Row], depth: int, slot: float, lane: int, open: list[Way]
    ) -> tuple[float, int, list[Way]]:
        """Layers one after the other.

        Args:
            rows: With those of branches, which come before what joins them.
            depth: Within how many layers with branches these stand.
            slot: Where to begin.
            lane: The lane; branches take those below it too.
            open: The ways that lead here.

        Returns:
            The slot after them, the first free lane below, and the ways that lead on.
        """
        free, within = lane + 1, []
        for row in rows:
            if len(row.branch) > depth:
                within.append(row)
                continue
            if row.branches:
                slot, below, open = self._branches(
                    row.branches, within, depth, slot, lane, open
                )
                free, within = max(free, below), []
            sign = row.branches > 0 and not self.is_drawn(row)
            if sign or self.is_drawn(row):
                open = [self._place(Place(row, slot, lane, sign), open)]
                slot += SIGN_SLOTS if sign else 1
        return slot, free, open

    def _branches(
        self,
        count: int,
        rows: Sequence[Row],
        depth: int,
        slot: float,
        lane: int,
        open: list[Way],
    ) -> tuple[float, int, list[Way]]:
        """Branches below one another, from the same slot on."""
        ends: list[Way] = []
        last, free = slot, lane
        for number in range(count):
            inside = [row for row in rows if row.branch[depth] == number]
            turned = [Way(way.start, (*way.turns, (slot, free))) for way in open]
            after, free, found = self._sequence(inside, depth + 1, slot, free, turned)
            ends += found
            last = max(last, after)
        return last, free, ends

    def _place(self, place: Place, open: list[Way]) -> Way:
        number = len(self.places)
        self.places.append(place)
        self.ways += [Way(way.start, way.turns, number) for way in open]
        return Way(number)
