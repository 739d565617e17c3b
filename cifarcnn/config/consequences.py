"""Which problems of a config merely follow from others, and are not told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cifarcnn.config.python_notation import find_python
from cifarcnn.config.yaml_tree import Place
from cifarcnn.config.yaml_typos import has_odd_character
from cifarcnn.errors import Problem


def is_cut_off(item: Any, place: Place) -> bool:
    """Whether odd spaces keep the next line from being the value: those are told."""
    following = Place(place.source, place.line + 1, 1).line_text[:1]
    return item["input"] is None and has_odd_character(following)


def columns_of_python(places: Iterable[Place]) -> set[tuple[int, int]]:
    """Where YAML took a call or a tuple apart: what stands there is told with it."""
    return {
        (place.line, place.column + further)
        for place in places
        for further in range(1, len(find_python(place)))
    }


def without_consequences(found: Iterable[tuple[bool, Problem]]) -> list[Problem]:
    """What is missing is not told where something else is said to belong there.

    Args:
        found: Each problem, and whether it is that there is nothing.
    """
    found = list(found)
    hints = "\n".join(problem.hint for _, problem in found)
    return [
        problem
        for is_missing, problem in found
        if not (
            is_missing
            and re.search(rf"belongs to {re.escape(problem.path)}(?![.\w])", hints)
        )
    ]
