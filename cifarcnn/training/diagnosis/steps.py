"""What so many steps, and the time beside them, mean."""

from __future__ import annotations

from cifarcnn.config.layers import flatten_layers
from cifarcnn.config.layers.normalization import BatchNormalization
from cifarcnn.training.diagnosis.figures import Figures, Finding

# What may be left of the averages' beginning.
_LEFT = 0.05
# How much worse validation is where that is to be seen.
_GAP = 0.10
# A share of the time of an epoch that is much, and epochs that are worth the word.
_LOST, _SECONDS, _EPOCHS = 1 / 3, 5.0, 3


def find_young_averages(figures: Figures) -> Finding | None:
    """Whether the averages of batch normalization have seen too few steps."""
    layers = flatten_layers(figures.config.model.layers)
    momenta = [each.momentum for each in layers if isinstance(each, BatchNormalization)]
    best = max(figures.records, key=lambda record: record.val_accuracy or 0.0)
    if not momenta or best.val_accuracy is None:
        return None
    steps = figures.steps_per_epoch * len(figures.records)
    left = max(momenta) ** steps
    if left < _LEFT or figures.last.accuracy - best.val_accuracy < _GAP:
        return None
    # With it a hundredth is left, in steps of a tenth.
    momentum = max(int(10 * 0.01 ** (1 / steps)) / 10, 0.1)
    return Finding(
        "The averages of batch normalization, which validation and predict use, have "
        f"not settled: after {steps} steps with momentum {max(momenta):g}, {left:.0%} "
        f"of them is still what they began with (accuracy {figures.last.accuracy:.1%} "
        f"in training, {best.val_accuracy:.1%} on validation). More steps or a lower "
        "momentum help.",
        f"- BatchNormalization: {{momentum: {momentum:g}}}",
    )


def find_lost_time(figures: Figures) -> Finding | None:
    """Whether much of an epoch is not spent in its steps."""
    # The first one compiles.
    records = figures.records[1:]
    fraction = figures.config.data.validation_fraction
    if len(records) < _EPOCHS - 1 or fraction <= 0:
        return None
    images = sum(figures.class_counts)
    whole = sum(record.duration_seconds for record in records) / len(records)
    steps = sum(images / record.pictures_per_second for record in records)
    lost = whole - steps / len(records)
    if whole < _SECONDS or lost < _LOST * whole:
        return None
    return Finding(
        f"Of the {whole:.1f} s of an epoch {lost:.1f} s are spent outside the steps: "
        "on validation and on saving. Fewer validation pictures take less.",
        f"data: {{validation_fraction: {fraction / 2:g}}}",
    )
