"""From ``--vary`` and ``--space`` to a search space that has been checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
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
from cifarcnn.config.search_space.space import SearchSpace, Varied, check_changes
from cifarcnn.config.search_space.tree_changes import Change, Way, join_way
from cifarcnn.config.search_space.written_spaces import (
    WrittenRange,
    as_number,
    read_space,
)
from cifarcnn.config.yaml_text import parse
from cifarcnn.config.yaml_tree import Node, Place
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
    varied: list[Varied] = []
    for entry in entries:
        try:
            varied.append(_read_entry(entry, root, config, varied))
        except ConfigError as error:
            problems += error.problems
    space = SearchSpace(name, root, config, tuple(varied))
    problems += find_impossible(space, is_whole=not problems)
    if problems:
        # Those of a file in its order, behind those of the command line.
        unique = sorted(dict.fromkeys(problems), key=_order)
        raise ConfigError(unique)
    return space


def _order(problem: Problem) -> tuple[bool, int, int]:
    if problem.file == VARIED:
        return False, 0, 0
    return True, problem.line, problem.column


def _read_entry(
    entry: Entry, root: Node, config: Config, others: Sequence[Varied]
) -> Varied:
    """What one key may be.

    Raises:
        ConfigError: It may not vary, or does so already, or what it may be is wrong.
    """
    way = find_way(entry.key, entry.place, root, config)
    key = join_way(way)
    if fixed := find_fixed(way):
        raise entry.place.error(key, f"this may not vary: {fixed[1]}")
    for other in others:
        if clash := _find_clash(way, other):
            raise entry.place.error(key, clash, "keep one of them")
    written = read_space(entry.space, key)
    if not isinstance(written, WrittenRange):
        return Varied(Choices(key, (*written,)), way, entry.place, written)
    return _read_range(written, way, entry.place, root)


def _find_clash(way: Way, other: Varied) -> str:
    """Why a value cannot vary beside another; nothing where it can."""
    key = other.parameter.key
    if way == other.way:
        return "it is given twice"
    for step, its_step in zip(way, other.way, strict=False):
        if step != its_step:
            both = {str(step), str(its_step)}
            return f"it cannot be there beside {key}" if both <= {*SPELLINGS} else ""
    if len(way) < len(other.way):
        return f"{key}, which varies too, lies within it"
    return f"it lies within {key}, which varies too"


def _read_range(given: WrittenRange, way: Way, place: Place, root: Node) -> Varied:
    """The range, of whole numbers where the config takes no others.

    Raises:
        ConfigError: Its step is no whole number then.
    """
    key, step = join_way(way), given.step
    low, high = (as_number(end) for end in (given.low, given.high))
    is_integer = isinstance(low, int) and isinstance(high, int)
    if is_integer:
        # Asked of the config itself: a parameter of a block has no type of its own.
        probe = replace(given.low, value=low + 0.5)
        found = check_changes(key, root, [Change(way, probe, place)]).problems
        at = probe.place
        is_integer = any(
            problem.message.startswith("expected a whole number")
            and (problem.line, problem.column) == (at.line, at.column)
            and problem.file == at.source.name
            for problem in found
        )
    if is_integer and step is not None and not isinstance(step.value, int):
        message = f"expected a whole number as step, found {step.describe()}"
        raise step.place.error(key, message)
    if not is_integer:
        low, high = float(low), float(high)
    distance = None if step is None else as_number(step)
    parameter = Range(key, low, high, given.log, distance, is_integer)
    return Varied(parameter, way, place, {"low": given.low, "high": given.high})
