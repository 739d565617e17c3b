"""How loss and accuracy went from epoch to epoch."""

from __future__ import annotations

from cifarcnn.training.diagnosis.figures import Figures, Finding, rate_line

# A distance between training and validation accuracy that deserves a word.
_GAP = 0.10
# The share by which the last epoch must lower the loss to promise more.
_STILL_FALLING = 0.03
# A rise of the training loss that is none of chance, and how many of them are many.
_RISE, _MANY_RISES = 0.02, 0.3
# Of a loss of almost nothing a rise says nothing: then all is known by heart.
_ALMOST_NOTHING = 0.02
# A learning rate so far below the usual one, with so small a fall of the loss in all.
_FAR_BELOW, _SMALL_FALL = 1 / 3, 0.15
_UNDERSTOOD = 0.5


def find_overfitting(figures: Figures) -> Finding | None:
    """Whether training pictures are known much better than others, and since when."""
    records, last = figures.records, figures.last
    losses = [r.val_loss for r in records if r.val_loss is not None]
    if not losses or last.val_accuracy is None or last.val_loss is None:
        return None
    if last.accuracy - last.val_accuracy < _GAP or last.val_loss <= min(losses):
        return None
    best = losses.index(min(losses)) + 1
    text = (
        "The network learns the training pictures by heart: its accuracy is "
        f"{last.accuracy:.1%} there and {last.val_accuracy:.1%} on validation. The gap "
        f"is above {100 * _GAP:.0f} points since epoch {_gap_start(figures)}, and the "
        f"validation loss was lowest after epoch {best} of {len(records)}. "
        "Augmentation, Dropout, L2 regularizers, a smaller network or early stopping "
        "help."
    )
    return Finding(text, _regularization(figures))


def _gap_start(figures: Figures) -> int:
    start = len(figures.records)
    for record in reversed(figures.records):
        if record.accuracy - (record.val_accuracy or 0.0) < _GAP:
            break
        start = record.epoch
    return start


def _regularization(figures: Figures) -> str:
    config = figures.config
    if not config.data.augmentation:
        # What a mirror image of one's own pictures means is not known.
        flip = "" if config.data.dataset == "folder" else "RandomFlip, "
        return f"data: {{augmentation: [{flip}RandomTranslation: {{pixels: 4}}]}}"
    if config.training.early_stopping is None:
        return "training: {early_stopping: {patience: 3}}"
    return "- Dropout: {rate: 0.5}"


def find_unfinished(figures: Figures) -> Finding | None:
    """Whether the loss was still falling when the training ended."""
    if len(figures.records) < 2:
        return None
    before, last = figures.records[-2], figures.last
    if (last.accuracy if last.val_accuracy is None else last.val_accuracy) == 1:
        # None is left to be recognised by more epochs.
        return None
    first, second = before.val_loss, last.val_loss
    if first is None or second is None:
        first, second = before.loss, last.loss
    losses = [r.loss if r.val_loss is None else r.val_loss for r in figures.records]
    if second > first * (1 - _STILL_FALLING) or second > min(losses):
        return None
    return Finding(
        f"The loss was still falling in the last epoch ({first:.3f} to {second:.3f}): "
        "more epochs would very likely help.",
        f"training: {{epochs: {2 * max(figures.config.training.epochs, 1)}}}",
    )


def find_high_rate(figures: Figures) -> Finding | None:
    """Whether the training loss jumps, other than by a rate that rises."""
    pairs = list(zip(figures.records, figures.records[1:], strict=False))
    rises = [
        after.epoch
        for before, after in pairs
        if after.loss > max(before.loss * (1 + _RISE), _ALMOST_NOTHING)
        and after.learning_rate <= before.learning_rate * 1.001
    ]
    if len(rises) < 2 or len(rises) < _MANY_RISES * len(pairs):
        return None
    return Finding(
        f"The training loss rose in {len(rises)} of {len(pairs) + 1} epochs, first in "
        f"epoch {rises[0]}: the learning rate ({figures.learning_rate:g}) is most "
        "often too high then.",
        rate_line(figures.config, 0.3),
    )


def find_low_rate(figures: Figures) -> Finding | None:
    """Whether the loss creeps, by a learning rate far below the usual one."""
    records, rate = figures.records, figures.learning_rate
    if len(records) < 2 or rate >= figures.usual_rate * _FAR_BELOW:
        return None
    first, last = records[0].loss, figures.last.loss
    pairs = zip(records, records[1:], strict=False)
    creeps = all(after.loss <= before.loss for before, after in pairs)
    fall = (first - last) / first if first > 0 else 1.0
    name = figures.config.training.optimizer.type
    if not creeps or fall > _SMALL_FALL or figures.best_accuracy >= _UNDERSTOOD:
        return None
    return Finding(
        f"The loss falls slowly but in every epoch ({first:.3f} to {last:.3f} in "
        f"{len(records)}), and the learning rate of {rate:g} is low: "
        f"{figures.usual_rate:g} is usual for {name}.",
        rate_line(figures.config, figures.usual_rate / rate),
    )
