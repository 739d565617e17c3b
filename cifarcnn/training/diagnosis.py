"""What the figures of a training suggest, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from cifarcnn.training.observer import EpochRecord

# Below this multiple of blind guessing nothing was learnt.
_CHANCE_FACTOR = 1.3
# A distance between training and validation accuracy that deserves a word.
_GAP = 0.10
# The share by which the last epoch must lower the loss to promise more.
_STILL_FALLING = 0.03


def diagnose(
    records: Sequence[EpochRecord], class_count: int, *, normalized: bool = False
) -> tuple[str, ...]:
    """Judge the history of a finished training.

    Args:
        records: One for each epoch, at least one.
        class_count: Number of classes.
        normalized: Whether the pixels are known to reach the layers in a good size.

    Returns:
        Sentences for the user; empty when there is nothing to say.
    """
    if _at_chance(records, class_count):
        return (
            f"Nothing was learnt: an accuracy of {records[-1].accuracy:.1%} is what "
            f"guessing among {class_count} classes gives. Most often the learning rate "
            "is too high (try a tenth of it); or too low (try ten times as much)"
            + (
                "."
                if normalized
                else "; or the pictures reach the layers as 0 to 255 "
                "(data.normalization: none)."
            ),
        )
    judgements = (_overfitting(records), _unfinished(records))
    return tuple(sentence for sentence in judgements if sentence)


def _at_chance(records: Sequence[EpochRecord], class_count: int) -> bool:
    best = max(max(r.accuracy, r.val_accuracy or 0.0) for r in records)
    return best < _CHANCE_FACTOR / class_count


def _overfitting(records: Sequence[EpochRecord]) -> str | None:
    last = records[-1]
    losses = [r.val_loss for r in records if r.val_loss is not None]
    if not losses or last.val_accuracy is None or last.val_loss is None:
        return None
    turned = last.val_loss > min(losses)
    if last.accuracy - last.val_accuracy < _GAP or not turned:
        return None
    best = losses.index(min(losses)) + 1
    return (
        "The network learns the training pictures by heart: its accuracy is "
        f"{last.accuracy:.1%} there and {last.val_accuracy:.1%} on validation, whose "
        f"loss was lowest after epoch {best} of {len(records)}. Dropout, L2 "
        "regularizers, a smaller network or training.early_stopping help."
    )


def _unfinished(records: Sequence[EpochRecord]) -> str | None:
    if len(records) < 2:
        return None
    before, last = records[-2], records[-1]
    first, second = before.val_loss, last.val_loss
    if first is None or second is None:
        first, second = before.loss, last.loss
    if second > first * (1 - _STILL_FALLING):
        return None
    return (
        f"The loss was still falling in the last epoch ({first:.3f} to {second:.3f}): "
        "more epochs would very likely help."
    )
