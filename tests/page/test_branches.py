"""Branches stand below one another, and every way leads on."""

from __future__ import annotations

from cifarcnn.config.summary import Row
from cifarcnn.page.branches import Layout, Place, Way

SHAPE = (8, 8, 4)


def conv(name: str, *branch: int) -> Row:
    return Row(name, "Conv2D", SHAPE, 1, 1, branch)


def quiet(*branch: int) -> Row:
    return Row("quiet", "Activation", SHAPE, 0, 0, branch)


def lay(*rows: Row) -> tuple[tuple[float, int], list[Place], list[Way]]:
    layout = Layout(lambda row: row.type in ("Conv2D", "Concatenate"))
    return layout.lay(rows), layout.places, layout.ways


def places(found: list[Place]) -> list[tuple[str, float, int]]:
    return [(p.row.name if p.row else "input", p.slot, p.lane) for p in found]


def test_without_branches_all_stand_in_one_lane() -> None:
    size, found, ways = lay(conv("a"), quiet(), conv("b"))
    assert size == (3, 1)
    assert places(found) == [("input", 0, 0), ("a", 1, 0), ("b", 2, 0)]
    assert ways == [Way(0, (), 1), Way(1, (), 2)]


def test_branches_stand_below_one_another_and_meet_in_the_next_box() -> None:
    joined = Row("join", "Concatenate", SHAPE, 0, 0, branches=3)
    size, found, ways = lay(
        conv("a", 0), conv("b", 1), conv("c", 1), quiet(2), joined, conv("d")
    )
    assert size == (5, 3)
    assert places(found) == [
        ("input", 0, 0), ("a", 1, 0), ("b", 1, 1), ("c", 2, 1), ("join", 3, 0),
        ("d", 4, 0),
    ]  # fmt: skip
    assert not any(place.sign for place in found)
    assert set(ways) == {
        Way(0, ((1, 0),), 1), Way(0, ((1, 1),), 2), Way(2, (), 3),
        Way(1, (), 4), Way(3, (), 4),
        # The branch without a box is a line of its own.
        Way(0, ((1, 2),), 4), Way(4, (), 5),
    }  # fmt: skip


def test_what_joins_without_a_box_is_a_sign() -> None:
    inner = Row("times", "Multiply", SHAPE, 0, 0, (0,), branches=2)
    outer = Row("plus", "Add", SHAPE, 0, 0, branches=2)
    size, found, ways = lay(conv("a", 0), conv("gate", 0, 1), inner, outer)
    assert size == (4, 3)
    assert places(found) == [
        ("input", 0, 0), ("a", 1, 0), ("gate", 2, 1), ("times", 3, 0), ("plus", 3.5, 0),
    ]  # fmt: skip
    assert [place.sign for place in found] == [False, False, False, True, True]
    assert set(ways) == {
        Way(0, ((1, 0),), 1),
        # Around the gate: the first branch of the product is empty.
        Way(1, ((2, 0),), 3), Way(1, ((2, 1),), 2), Way(2, (), 3),
        # The empty shortcut, below the lane of the gate.
        Way(3, (), 4), Way(0, ((1, 2),), 4),
    }  # fmt: skip
