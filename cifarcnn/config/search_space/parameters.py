"""What may vary in a search: a range of numbers, or one of several choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Range:
    """A number between two others.

    Attributes:
        key: The dotted way to it, such as ``training.optimizer.Adam.learning_rate``.
        low: The smallest value.
        high: The largest value; it is one of them.
        log: Whether equal factors are equally likely, not equal differences.
        step: The distance of the values from ``low`` on; None for any.
        is_integer: Whether the config takes whole numbers only.
    """

    key: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    is_integer: bool = False

    @property
    def count(self) -> int | None:
        """How many values there are; None where they cannot be counted."""
        step = self._distance
        return None if step is None else round((self.high - self.low) / step) + 1

    def value(self, number: int) -> float:
        """The value of a number, from 0 on, where they can be counted."""
        value = self.low + number * (self._distance or 0)
        # 0.3 in place of 0.30000000000000004, which could be too much.
        return value if self.is_integer else min(self.high, float(f"{value:.15g}"))

    @property
    def _distance(self) -> float | None:
        return self.step or (1 if self.is_integer else None)


@dataclass(frozen=True)
class Choices:
    """One of several values, which may be whole layers.

    Attributes:
        key: The dotted way to it, such as ``model.layers[3]``.
        choices: A short text for each, as YAML has it; no two are the same.
    """

    key: str
    choices: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.choices)

    def value(self, number: int) -> str:
        """The choice of a number, from 0 on."""
        return self.choices[number]


Parameter: TypeAlias = Range | Choices
# Of a range a number, of choices the text of one.
Value: TypeAlias = str | int | float
