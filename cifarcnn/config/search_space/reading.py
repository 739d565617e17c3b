"""From ``--vary`` and ``--space`` to a search space that has been checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.config.loading import check_tree, read_tree
from cifarcnn.config.schema import SPELLINGS, Config
from cifarcnn.config.search_space.feasibility import find_impossible
from cifarcnn.config.search_space.fixed_keys import find_fixed
from cifarcnn.config.search_space.keys import find_way
from cifarcnn.config.search_space.parameters import Choices, Range
from cifarcnn.config.search_space.sources import (
    VARIED,
    Entry,
    read_option,
    read_space_file,
)
from cifarcnn.config.search_space.space import SearchSpace, Varied
from cifarcnn.config.search_space.tree_changes import Change, Way, join_way
from cifarcnn.config.search_space.whole_numbers import takes_whole_numbers_only
from cifarcnn.config.search_space.written_spaces import (
    WrittenChoices,
    WrittenRange,
    as_number,
    read_space,
)
from cifarcnn.config.yaml_text import parse
from cifarcnn.config.yaml_tree import Node, Place, escape
from cifarcnn.errors import ConfigError, Problem, UsageError

MOST_PARAMETERS = 100


def read_search_space(
    base: str | Path | Config,
    vary: Sequence[str],
    space_file: Path | None = None,
    settings: Iterable[str] = (),
) -> SearchSpace:
    """Read what may vary, and see that it can.

    Args:
        base: The config to begin with: a YAML file, the name of a shipped config, or
            a checked config.
        vary: Keys with what they may be, such as ``training.batch_size=64,128``.
        space_file: A YAML file with further ones.
        settings: Overrides of the config as ``--set`` has them.

    Raises:
        ConfigError: The config is wrong, or what may vary does not fit it; all
            problems at once.
        UsageError: A file cannot be read, nothing may vary, or there is no such config.
    """
    if isinstance(base, Config):
        name, root = "the config", parse(base.to_yaml(), "the config")
    else:
        name, root = str(base), read_tree(base, settings)
    config = check_tree(name, root).require_config()
    entries, problems = _gather_entries(vary, space_file)
    read: list[_Read] = []
    for entry in entries:
        try:
            read.append(_read_entry(entry, root, config, read))
        except ConfigError as error:
            problems += error.problems
    varied: list[Varied] = []
    for each in read:
        try:
            varied.append(each.to_varied(root, read))
        except ConfigError as error:
            problems += error.problems
    space = SearchSpace(name, root, config, tuple(varied))
    problems += find_impossible(space, is_whole=not problems)
    if problems:
        # Those of a file in its order, behind those of the command line.
        unique = sorted(dict.fromkeys(problems), key=_order)
        raise ConfigError(unique)
    return space


def _gather_entries(
    vary: Sequence[str], space_file: Path | None
) -> tuple[list[Entry], list[Problem]]:
    """What is written of each key, and what cannot be read.

    Raises:
        UsageError: The file cannot be read, or nothing may vary, or too much.
    """
    problems: list[Problem] = []
    entries: list[Entry] = []
    for text in vary:
        try:
            entries.append(read_option(text))
        except ConfigError as error:
            problems += error.problems
    if space_file is not None:
        try:
            entries += read_space_file(space_file)
        except ConfigError as error:
            problems += error.problems
    if not entries and not problems:
        raise UsageError(
            "Nothing may vary: give --vary KEY=SPACE, such as --vary "
            "training.batch_size=64,128, or --space with a file."
        )
    if len(entries) > MOST_PARAMETERS:
        raise UsageError(
            f"{len(entries)} values may vary; at most {MOST_PARAMETERS} can."
        )
    return entries, problems


def _order(problem: Problem) -> tuple[bool, int, int]:
    if problem.file == VARIED:
        return False, 0, 0
    return True, problem.line, problem.column


@dataclass(frozen=True)
class _Read:
    """One entry that has been read, before it is known what numbers the config takes.

    Attributes:
        key: The whole way to the value, as text.
        way: The same.
        place: Where the key is written.
        written: What the value may be.
    """

    key: str
    way: Way
    place: Place
    written: WrittenRange | WrittenChoices

    def layer_choices(self) -> list[Change]:
        """Its choices, where they are layers or stand in one."""
        if isinstance(self.written, WrittenRange) or self.way[0] != "model":
            return []
        return [Change(self.way, node, self.place) for node in self.written.values()]

    def to_varied(self, root: Node, read: Sequence[_Read]) -> Varied:
        """What it may be, as a parameter.

        Raises:
            ConfigError: Its step is no whole number where its values must be.
        """
        given = self.written
        if not isinstance(given, WrittenRange):
            return Varied(Choices(self.key, (*given,)), self.way, self.place, given)
        low, high = as_number(given.low), as_number(given.high)
        is_integer = isinstance(high, int) and takes_whole_numbers_only(
            root,
            Change(self.way, given.low, self.place),
            [change for each in read for change in each.layer_choices()],
        )
        step = None if given.step is None else as_number(given.step)
        if given.step is not None and is_integer and not isinstance(step, int):
            message = f"expected a whole number as step, found {step}"
            raise given.step.place.error(self.key, message)
        if not is_integer:
            low, high = float(low), float(high)
        parameter = Range(self.key, low, high, given.log, step, is_integer)
        ends = {"low": given.low, "high": given.high}
        return Varied(parameter, self.way, self.place, ends)


def _read_entry(
    entry: Entry, root: Node, config: Config, others: Sequence[_Read]
) -> _Read:
    """What one key may be.

    Raises:
        ConfigError: It may not vary, or does so already, or what it may be is wrong.
    """
    way = find_way(entry.key, entry.place, root, config)
    key = escape(join_way(way))
    if fixed := find_fixed(way):
        raise entry.place.error(key, f"this may not vary: {fixed[1]}")
    for other in others:
        if clash := _find_clash(way, other):
            raise entry.place.error(key, clash, "keep one of them")
    return _Read(key, way, entry.place, read_space(entry.space, key))


def _find_clash(way: Way, other: _Read) -> str:
    """Why a value cannot vary beside another; nothing where it can."""
    key = other.key
    if way == other.way:
        return "it is given twice"
    for step, its_step in zip(way, other.way, strict=False):
        if step != its_step:
            both = {str(step), str(its_step)}
            return f"it cannot be there beside {key}" if both <= {*SPELLINGS} else ""
    if len(way) < len(other.way):
        return f"{key}, which varies too, lies within it"
    return f"it lies within {key}, which varies too"
