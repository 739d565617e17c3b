"""What the figures of a training suggest, in plain sentences; see docs/report.md."""

from __future__ import annotations

from cifarcnn.config import Config
from cifarcnn.training.diagnosis import answers, course, steps, stuck
from cifarcnn.training.diagnosis.figures import Figures, Finding, rate_line

__all__ = [
    "Figures",
    "Finding",
    "diagnose",
    "diagnose_divergence",
    "diagnose_first_epoch",
]


def diagnose(figures: Figures) -> tuple[Finding, ...]:
    """Judge a finished training.

    Returns:
        The most important first; empty when there is nothing to say.
    """
    # Of a network that knows nothing, nothing else is worth a word.
    if nothing_learnt := answers.find_commonest(figures) or stuck.find(figures):
        return (nothing_learnt,)
    # Either explains the gap, and wants another cure.
    gap = steps.find_young_averages(figures) or course.find_overfitting(figures)
    found = (
        gap,
        course.find_high_rate(figures),
        course.find_low_rate(figures) or course.find_unfinished(figures),
        answers.find_never_answered(figures),
        steps.find_lost_time(figures),
    )
    return tuple(finding for finding in found if finding)


def diagnose_divergence(config: Config) -> Finding:
    """What a training suggests that diverged."""
    return Finding(
        "The training diverged: most often the learning rate is too high then.",
        rate_line(config, 0.1),
    )


def diagnose_first_epoch(figures: Figures) -> Finding | None:
    """Whether a training sits at chance after its first epoch, which goes on."""
    return stuck.find(figures)
