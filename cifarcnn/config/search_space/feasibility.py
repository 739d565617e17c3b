"""What of a search space can never exist, found before the first trial."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cifarcnn.config.loading import Checked
from cifarcnn.config.search_space.fixed_keys import find_changed
from cifarcnn.config.search_space.parameters import Range, Value
from cifarcnn.config.search_space.space import SearchSpace, Varied, check_changes
from cifarcnn.config.search_space.tree_changes import Change, join_way
from cifarcnn.config.yaml_tree import Node, quote
from cifarcnn.errors import Problem

# All combinations are looked at where there are at most so many; each takes some ms.
MOST_COMBINATIONS = 64
# And where there are more, so many with each value that cannot exist by itself.
_TRIED = 12
_NOT_NULL = "take null out of the choices"
# What null may have been meant for, where it has a name.
_NONE: dict[tuple[str, ...], str] = {
    ("training", "learning_rate_schedule"): "Constant",
    ("data", "normalization"): "none",
    ("data", "augmentation"): "[]",
}


@dataclass(frozen=True)
class _Alone:
    """One value of a parameter, all else being as in the config.

    Attributes:
        varied: The parameter.
        value: The value; of a range one of its ends.
        node: As it is written.
        checked: What came of it.
    """

    varied: Varied
    value: Value
    node: Node
    checked: Checked

    def problems(self) -> Iterator[Problem]:
        """Why it cannot be; what is not told at its own place is told there too."""
        own = {self.node.place.source.name, self.varied.place.source.name}
        key, at = self.varied.parameter.key, self.varied.place
        for problem in self.checked.problems:
            is_of_key = (problem.line, problem.column) == (at.line, at.column)
            if problem.file not in own:
                what = f"{problem.path}: {problem.message}"
            elif self.checked.fits_schema and is_of_key:
                # Of the layer that the value made what it is.
                what = problem.message
            else:
                is_null = self.node.value is None and problem.message.endswith(" null")
                yield replace(problem, hint=self._mend_null()) if is_null else problem
                continue
            what = f"{self.text()} cannot be here: {what}"
            yield self.node.place.problem(key, what, problem.hint)

    def _mend_null(self) -> str:
        name = _NONE.get(tuple(map(str, self.varied.way)))
        return f"write {name} in place of null" if name else _NOT_NULL

    def text(self) -> str:
        """The value as it is called in a message."""
        return self.value if isinstance(self.value, str) else quote(self.value)


def find_impossible(space: SearchSpace, *, is_whole: bool) -> list[Problem]:
    """Values that can exist in no combination, and those that change nothing.

    Args:
        space: Whose parameters have been read.
        is_whole: Whether it has all of them; others were refused already.
    """
    problems: list[Problem] = []
    doubtful: list[_Alone] = []
    for varied in space.varied:
        alone = [*_look_alone(space, varied)]
        for each in alone:
            if each.checked.config is None:
                doubtful.append(each)
            elif changed := find_changed(space.base, each.checked.config):
                key = varied.parameter.key
                message = f"{join_way(changed[0])} may not vary: {changed[1]}"
                hint = "a choice takes the place of all that the config has there"
                problems.append(each.node.place.problem(key, message, hint))
        problems += _find_same(space, alone)
    if not is_whole:
        # Another parameter might have helped.
        doubtful = [each for each in doubtful if not each.checked.fits_schema]
    return problems + _find_never_possible(space, doubtful, is_whole=is_whole)


def _look_alone(space: SearchSpace, varied: Varied) -> Iterator[_Alone]:
    for text, node in varied.choices.items():
        changes = [Change(varied.way, node, varied.place)]
        checked = check_changes(space.name, space.root, changes)
        parameter = varied.parameter
        value: Value = text
        if isinstance(parameter, Range):
            value = parameter.low if text == "low" else parameter.high
        yield _Alone(varied, value, node, checked)


def _find_same(space: SearchSpace, alone: Sequence[_Alone]) -> Iterator[Problem]:
    """Values that make the same config as others."""
    way = alone[0].varied.way
    layers = [each for each in space.varied if each.way[0] in ("model", "blocks")]
    if way[0] == "blocks" and len(layers) > 1:
        # A choice of layers may use what this block does not do now.
        return
    for number, each in enumerate(alone):
        for other in alone[:number]:
            config = each.checked.config
            if config is not None and config == other.checked.config:
                message = f"{each.text()} makes the same config as {other.text()}"
                key = each.varied.parameter.key
                yield each.node.place.problem(key, message, "keep one of them")
                break


def _find_never_possible(
    space: SearchSpace, doubtful: list[_Alone], *, is_whole: bool
) -> list[Problem]:
    """Of values that cannot exist by themselves those that never can.

    Where none can exist at all, whatever tells why.
    """
    count = math.prod(parameter.count or 0 for parameter in space.parameters)
    first = {parameter.key: parameter.value(0) for parameter in space.parameters}
    if is_few := 0 < count <= MOST_COMBINATIONS:
        has_any, left = _look_at_all(space, doubtful)
    else:
        has_any, left = _look_at_some(space, doubtful, first)
    has_any = has_any or not is_whole
    if not has_any and not left:
        # Those of which no value can be: they are what is wrong.
        failed = Counter(each.varied.parameter.key for each in doubtful)
        left = [
            each
            for each in doubtful
            if failed[each.varied.parameter.key] == len(each.varied.choices)
        ]
    if left:
        return [problem for each in left for problem in each.problems()]
    if has_any:
        return []
    found = space.check(first).problems
    tried = f"none of the {count} combinations"
    if not is_few:
        tried = f"none of {_TRIED} combinations that were drawn"
    message = f"{tried} can exist; of the first: {found[0].path}: {found[0].message}"
    varied = space.varied[0]
    return [varied.place.problem(varied.parameter.key, message, found[0].hint)]


def _look_at_all(
    space: SearchSpace, doubtful: list[_Alone]
) -> tuple[bool, list[_Alone]]:
    """Whether any combination can exist, and the values that are in none of these."""
    has_any, left = False, doubtful
    for values in _all_combinations(space):
        if has_any and not any(_holds(values, each) for each in left):
            continue
        if space.check(values).config is not None:
            has_any = True
            left = [each for each in left if not _holds(values, each)]
    return has_any, left


def _look_at_some(
    space: SearchSpace, doubtful: list[_Alone], first: dict[str, Value]
) -> tuple[bool, list[_Alone]]:
    """The same, by chance; that layers do not fit together says nothing then."""
    chance = random.Random(0)

    def fits(values: dict[str, Value]) -> bool:
        return space.check(values).config is not None

    drawn = (_draw(space, chance) for _ in range(_TRIED - 1))
    has_any = any(fits(values) for values in itertools.chain([first], drawn))
    left = []
    for each in doubtful:
        own = {each.varied.parameter.key: each.value}
        if not each.checked.fits_schema and not any(
            fits(_draw(space, chance) | own) for _ in range(_TRIED)
        ):
            left.append(each)
    return has_any, left


def _holds(values: Mapping[str, Value], each: _Alone) -> bool:
    return values[each.varied.parameter.key] == each.value


def _all_combinations(space: SearchSpace) -> Iterator[dict[str, Value]]:
    """Every combination; of what cannot be counted the beginnings of the ranges."""
    parameters = space.parameters
    counts = [range(parameter.count or 1) for parameter in parameters]
    for numbers in itertools.product(*counts):
        pairs = zip(parameters, numbers, strict=True)
        yield {parameter.key: parameter.value(number) for parameter, number in pairs}


def _draw(space: SearchSpace, chance: random.Random) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for parameter in space.parameters:
        if isinstance(parameter, Range) and parameter.count is None:
            values[parameter.key] = chance.uniform(parameter.low, parameter.high)
        else:
            number = chance.randrange(parameter.count or 1)
            values[parameter.key] = parameter.value(number)
    return values
