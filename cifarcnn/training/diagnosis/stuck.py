"""A network that learnt nothing."""

from __future__ import annotations

from cifarcnn.config.layers import find_pretrained, flatten_layers
from cifarcnn.training.diagnosis.figures import Figures, Finding, rate_line

# Accuracy above chance that is luck: a share of chance, and of what is left above it.
_LUCK, _LUCK_ABOVE = 0.3, 1 / 30
# So many layers in a row shrink what goes through them, when they start from Glorot's
# weights, until no gradient comes back.
_DEEP = 10
# How far from the usual learning rate one is suspicious.
_FAR = 3.0


def find(figures: Figures) -> Finding | None:
    """Whether the accuracy is that of guessing, and the likeliest cause."""
    chance = figures.chance
    luck = min(_LUCK * chance, _LUCK_ABOVE * (1 - chance))
    if figures.best_accuracy >= chance + luck:
        return None
    count = len(figures.class_counts)
    gives = f"guessing among {count} classes"
    if figures.uneven:
        gives = f"naming always {figures.class_names[figures.commonest]!r}"
    epochs = len(figures.records)
    text = (
        f"Nothing was learnt in {epochs} epoch{'s' if epochs > 1 else ''}: an accuracy "
        f"of {figures.last.accuracy:.1%} is what {gives} gives ({chance:.1%})."
    )
    cause, line = _likeliest_cause(figures)
    return Finding(f"{text} {cause}", line)


def _likeliest_cause(figures: Figures) -> tuple[str, str]:
    if depth := _depth_from_glorot(figures):
        return (
            f"{depth} layers without normalization start from Glorot's weights "
            "(glorot_uniform), through which nothing comes at any learning rate. Give "
            "each of them he_normal, or BatchNormalization behind it.",
            "kernel_initializer: he_normal",
        )
    if not figures.normalized:
        return (
            "The pictures reach the layers as 0 to 255 (data.normalization: none), "
            "which is most often too large.",
            "data: {normalization: standard}",
        )
    rate, usual = figures.learning_rate, figures.usual_rate
    name = figures.config.training.optimizer.type
    if rate < usual / _FAR:
        return (
            f"Most often the learning rate is too low then: {rate:g}, where "
            f"{usual:g} is usual for {name}.",
            rate_line(figures.config, usual / rate),
        )
    if rate > usual * _FAR:
        return (
            f"Most often the learning rate is too high then: {rate:g}, where "
            f"{usual:g} is usual for {name}.",
            rate_line(figures.config, usual / rate),
        )
    return (
        "Most often the learning rate is too high then (try a tenth of it); or too low "
        "(ten times as much).",
        rate_line(figures.config, 0.1),
    )


def _depth_from_glorot(figures: Figures) -> int:
    """How many layers stand so, if they are too many; else 0."""
    layers = flatten_layers(figures.config.model.layers)
    if find_pretrained(layers) or any("Normalization" in each.type for each in layers):
        return 0
    names = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")
    count = sum(
        any("Glorot" in getattr(getattr(each, n, None), "type", "") for n in names)
        for each in layers
    )
    return count if count >= _DEEP else 0
