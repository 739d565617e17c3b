"""What a training will take, as people say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cifarcnn.training.estimate import Duration, Estimate

# Where the middle half of the steps lies further apart, a single number would promise
# more than it knows.
_NARROW = 0.2
# Less would be told as nothing at all.
_SHORTEST_SECONDS = 0.1


def describe_estimate(estimate: Estimate, seeds: int = 1) -> str:
    """One line: ``about 14 s an epoch, 7 min in all, 1.2 GB of memory``.

    Args:
        estimate: Of one training.
        seeds: How many such trainings are left, this one included.
    """
    whole, tuned = _about(estimate.whole), estimate.fine_tuned_epoch
    complete = estimate.fine_tuned_from is None or tuned is not None
    parts = [f"{_about(estimate.epoch)} an epoch"]
    if tuned is not None:
        parts.append(f"{_about(tuned)} from epoch {estimate.fine_tuned_from} on")
    if not complete:
        whole += f" up to the fine-tuning from epoch {estimate.fine_tuned_from} on"
    else:
        whole += " for what is left" if estimate.goes_on else " in all"
    parts.append(f"{'at most ' if estimate.stops_early else ''}{whole}")
    if seeds > 1 and complete:
        parts.append(f"{_about(estimate.whole.times(seeds))} for the {seeds} seeds")
    if estimate.memory_bytes is not None:
        parts.append(f"{describe_memory(estimate.memory_bytes)} of memory")
    line = f"about {', '.join(parts)}"
    minutes = estimate.max_minutes
    if minutes is not None and estimate.whole.seconds > 60 * minutes:
        line += f"; training.max_minutes ends it after {minutes:g} min"
    return line


def describe_memory(count: int) -> str:
    """``780 MB``, ``1.2 GB``."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def _about(duration: Duration) -> str:
    """One number, or two where the steps varied."""
    if duration.high - duration.low <= _NARROW * duration.seconds:
        number, unit = _round(duration.seconds, duration.seconds)
        return f"{number} {unit}"
    low, unit = _round(duration.low, duration.high)
    high, _ = _round(duration.high, duration.high)
    return f"{high} {unit}" if low == high else f"{low} to {high} {unit}"


def _round(seconds: float, greatest: float) -> tuple[str, str]:
    """A number and its unit, with no more digits than an estimate has.

    Args:
        seconds: The duration.
        greatest: Of those that are told in the same unit.
    """
    if greatest < 9.95:
        return f"{max(seconds, _SHORTEST_SECONDS):.1f}", "s"
    if greatest < 90:
        return f"{seconds:.0f}", "s"
    if greatest < 600:
        return f"{seconds / 60:.1f}", "min"
    if greatest < 5400:
        return f"{seconds / 60:.0f}", "min"
    return f"{seconds / 3600:.1f}", "h"
