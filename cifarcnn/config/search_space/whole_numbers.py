"""Whether the config takes whole numbers only, where a range of them is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cifarcnn.config.search_space.space import check_changes
from cifarcnn.config.search_space.tree_changes import Change
from cifarcnn.config.yaml_tree import Node


def takes_whole_numbers_only(
    root: Node, change: Change, others: Sequence[Change]
) -> bool:
    """Whether a number with a fraction is refused in the place of a whole one.

    That is asked of the config itself: a parameter of a block has no type of its own.

    Args:
        root: The config as it is written.
        change: A whole number, where it may vary.
        others: Choices of layers, one of which may be the first to use a block.
    """
    if not isinstance(change.value.value, int):
        return False
    fraction = replace(change.value, value=change.value.value + 0.5)
    probe = replace(change, value=fraction)
    tried = [[probe]]
    if change.way[0] == "blocks":
        tried += [[probe, other] for other in others]
    return any(_is_refused(root, changes) for changes in tried)


def _is_refused(root: Node, changes: Sequence[Change]) -> bool:
    # Told at the value, or at the key, as the times of Repeat are.
    places = {changes[0].value.place, changes[0].place}
    at = {(place.source.name, place.line, place.column) for place in places}
    return any(
        problem.message.startswith("expected a whole number")
        and (problem.file, problem.line, problem.column) in at
        for problem in check_changes("", root, changes).problems
    )
