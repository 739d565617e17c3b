"""What ``--vary`` and the file of ``--space`` say of each key, as it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_text import dump_inline
from cifarcnn.config.yaml_tree import (
    LONGEST_NUMBER_DIGITS,
    Node,
    Place,
    cut,
    escape,
    quote,
    resolve,
)
from cifarcnn.errors import ConfigError, Problem

MOST_CHOICES = 100
# Up to here a float can tell whole numbers apart.
LARGEST = 2**53
_LONGEST_LABEL = 60
_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]+|\.(?!\.))?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_RANGE = re.compile(rf"({_NUMBER}) *\.\. *({_NUMBER})((?::[^:]*)*)")
_EXAMPLE = "such as 1e-4..1e-1:log, 16..256 or 8..64:step=8"
_RANGE_KEYS = ("low", "high", "log", "step")

Report = Callable[[Problem], None]


@dataclass(frozen=True)
class WrittenRange:
    """Both ends of a range, each with its place.

    Attributes:
        low: A number.
        high: A larger one.
        log: Whether equal factors are equally likely.
        step: A number above 0; None for any distance.
    """

    low: Node
    high: Node
    log: bool = False
    step: Node | None = None


# Several values, by the text that stands for each.
WrittenChoices = dict[str, Node]


def read_space(node: Node, path: str) -> WrittenRange | WrittenChoices:
    """The space that a value of YAML means.

    Args:
        node: A list of choices, ``{low: ..., high: ...}``, or a text such as
            ``1e-4..1e-1:log``.
        path: What it is a space of, for messages.

    Raises:
        ConfigError: It means none; all that is wrong at once.
    """
    if isinstance(node.value, list):
        return _read_choices(node, node.value, path)
    if isinstance(node.value, dict) and {*node.value} & {"low", "high"}:
        return _read_mapping(node, node.value, path)
    if isinstance(node.value, str) and ".." in node.value:
        return _check_range(_read_text(node, node.value, path), path)
    hint = f"such as 0.1..0.5 or a list; a fixed value is given by --set {path}=..."
    if isinstance(node.value, dict) and node.value:
        key, inner = next(iter(node.value.items()))
        if isinstance(inner.value, list | dict):
            hint = f"write the whole key of a value that varies: {path}.{key}: ..."
    message = "expected a range or several choices, found "
    raise node.place.error(path, message + node.describe(), hint)


def _read_choices(node: Node, items: list[Node], path: str) -> WrittenChoices:
    if len(items) < 2:
        found = f"only {items[0].describe()}" if items else "none"
        hint = f"a fixed value is given by --set {path}=..."
        raise node.place.error(
            path, f"expected two choices or more, found {found}", hint
        )
    if len(items) > MOST_CHOICES:
        message = f"expected at most {MOST_CHOICES} choices, found {len(items)}"
        raise node.place.error(path, message, "give a range, if these are numbers")
    problems: list[Problem] = []
    whole: dict[str, Node] = {}
    for item in items:
        text = dump_inline(item.plain())
        if text in whole:
            message = f"the choice {cut(text, _LONGEST_LABEL)} is given twice"
            problems.append(item.place.problem(path, message, "keep one of them"))
        whole[text] = item
    if problems:
        raise ConfigError(problems)
    choices: WrittenChoices = {}
    for number, (text, item) in enumerate(whole.items(), 1):
        label = escape(cut(text, _LONGEST_LABEL))
        choices[f"{label} #{number}" if label in choices else label] = item
    return choices


def _read_mapping(node: Node, members: dict[str, Node], path: str) -> WrittenRange:
    problems: list[Problem] = []
    for key, item in members.items():
        if key not in _RANGE_KEYS:
            message, hint = f"a range has no {quote(key)}", suggest(key, _RANGE_KEYS)
            problems.append(item.key_or_place.problem(path, message, hint))
    for key in ("low", "high"):
        if key not in members:
            problems.append(node.place.problem(path, f"the range needs '{key}'"))
    for key in {*members} & {"low", "high", "step"}:
        item = members[key]
        if isinstance(item.value, bool) or not isinstance(item.value, int | float):
            message = f"expected a number, found {item.describe()}"
            problems.append(item.place.problem(path, message))
    log = members.get("log")
    if log is not None and not isinstance(log.value, bool):
        message = f"expected true or false, found {log.describe()}"
        problems.append(log.place.problem(path, message))
    if problems:
        raise ConfigError(sorted(problems, key=lambda item: (item.line, item.column)))
    is_log = log is not None and log.value is True
    ends = members["low"], members["high"]
    return _check_range(WrittenRange(*ends, is_log, members.get("step")), path)


def _read_text(node: Node, text: str, path: str) -> WrittenRange:
    """``8..64:step=8`` as a range."""

    def at(start: int) -> Place:
        # In quotes or over several lines, it is not where it seems to be.
        is_plain = node.place.line_text[node.place.column - 1 :].startswith(text)
        shift = start if is_plain else 0
        return replace(node.place, column=node.place.column + shift)

    found = _RANGE.fullmatch(text)
    if found is None or max(len(found[1]), len(found[2])) > LONGEST_NUMBER_DIGITS:
        message = f"expected LOW..HIGH, found {quote(text)}"
        raise node.place.error(path, message, _EXAMPLE)
    ends = [Node(resolve(found[i]), at(found.start(i))) for i in (1, 2)]
    is_log, step = False, None
    for option in re.finditer(":([^:]*)", found[3]):
        place = at(found.start(3) + option.start() + 1)
        word, _, value = option[1].strip().partition("=")
        if word == "log" and not value:
            is_log = True
        elif word == "step" and re.fullmatch(_NUMBER, value[:LONGEST_NUMBER_DIGITS]):
            value = value[:LONGEST_NUMBER_DIGITS]
            step = Node(resolve(value), place)
        else:
            message = f"a range has no {quote(option[1])}"
            hint = suggest(word, ("log", "step=...")) if word != "step" else _EXAMPLE
            raise place.error(path, message, hint)
    return WrittenRange(ends[0], ends[1], is_log, step)


def _check_range(given: WrittenRange, path: str) -> WrittenRange:
    """The range, if its numbers make one.

    Raises:
        ConfigError: They do not.
    """
    low, high = as_number(given.low), as_number(given.high)
    step = None if given.step is None else as_number(given.step)
    problems = [
        end.place.problem(path, f"expected {expected}, found {end.describe()}")
        for end in (given.low, given.high, given.step)
        if end is not None and (expected := _find_misfit(as_number(end)))
    ]
    if problems:
        raise ConfigError(problems)
    if low >= high:
        message = f"expected the smaller number first, found {low} before {high}"
        hint = f"write {high}..{low}" if low > high else "give two different ones"
        problems.append(given.low.place.problem(path, message, hint))
    if given.log and low <= 0:
        message = f"log needs a smallest number above 0, found {low}"
        hint = "leave log out, or begin above 0"
        problems.append(given.low.place.problem(path, message, hint))
    if given.step is not None and step is not None:
        problems += _check_step(given, low, high, step, path)
    if problems:
        raise ConfigError(problems)
    return given


def _find_misfit(number: float) -> str:
    """What is expected in place of a number that no search could draw from."""
    if not math.isfinite(number):
        return "a finite number"
    return f"a number of at most {LARGEST:,}" if abs(number) > LARGEST else ""


def _check_step(
    given: WrittenRange, low: float, high: float, step: float, path: str
) -> list[Problem]:
    place = given.step.place if given.step is not None else given.low.place
    if step <= 0:
        return [place.problem(path, f"expected a step above 0, found {step}")]
    if given.log:
        message = "log and step cannot be used together"
        return [place.problem(path, message, "keep one of them")]
    count = (high - low) / step
    if low < high and (count < 1 or abs(count - round(count)) > 1e-9 * count):
        message = f"steps of {step} from {low} on do not come to {high}"
        nearest = [low + number * step for number in (int(count), int(count) + 1)]
        ends = " or ".join(f"{end:.10g}" for end in nearest if end > low)
        return [place.problem(path, message, f"end at {ends}")]
    return []


def as_number(node: Node) -> int | float:
    """The number that a node holds.

    Raises:
        TypeError: It holds none.
    """
    if not isinstance(node.value, int | float):
        raise TypeError(f"{node.value!r} is no number")
    return node.value
