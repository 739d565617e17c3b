"""What a diagnosis is made from, and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cifarcnn.config import Config
from cifarcnn.config.layers import find_pretrained
from cifarcnn.runs.history import EpochRecord


@dataclass(frozen=True)
class Finding:
    """A sentence or two, and what to try next.

    Attributes:
        text: What is to be seen, and what it most often means.
        line: One line of YAML: for the whole config (it can stand below ``extends``),
            or, where it begins with ``-`` or names no section, for the layers.
    """

    text: str
    line: str

    def __str__(self) -> str:
        return f"{self.text} Try next: {self.line}"


@dataclass(frozen=True)
class Figures:
    """What is known of a training.

    Attributes:
        config: Its config.
        records: One for each epoch, at least one.
        class_names: The classes.
        class_counts: How many training images each class has.
        steps_per_epoch: Batches in an epoch.
        confusion: Validation images, ``[true][answer]``, by the weights that were
            kept; ``None`` where there are none or they were not asked.
    """

    config: Config
    records: Sequence[EpochRecord]
    class_names: Sequence[str]
    class_counts: Sequence[int]
    steps_per_epoch: int
    confusion: Sequence[Sequence[int]] | None = None

    @property
    def last(self) -> EpochRecord:
        """The record of the last epoch."""
        return self.records[-1]

    @property
    def best_accuracy(self) -> float:
        """The highest accuracy of any epoch, in training or validation."""
        return max(max(r.accuracy, r.val_accuracy or 0.0) for r in self.records)

    @property
    def commonest(self) -> int:
        """The class with the most training images."""
        return max(range(len(self.class_counts)), key=self.class_counts.__getitem__)

    @property
    def chance(self) -> float:
        """The accuracy of whoever always names the commonest class.

        With weights for the classes that is not what a network falls back to: one over
        the number of classes then.
        """
        if self.config.training.class_weights is not None:
            return 1 / len(self.class_counts)
        return self.class_counts[self.commonest] / sum(self.class_counts)

    @property
    def uneven(self) -> bool:
        """Whether the commonest class has half as many images again as its share."""
        share = self.class_counts[self.commonest] / sum(self.class_counts)
        return share > 1.5 / len(self.class_counts)

    @property
    def learning_rate(self) -> float:
        """The highest of any epoch."""
        return max(record.learning_rate for record in self.records)

    @property
    def usual_rate(self) -> float:
        """What Keras's optimizer of this name begins with."""
        fields = type(self.config.training.optimizer).model_fields
        return float(fields["learning_rate"].default)

    @property
    def normalized(self) -> bool:
        """Whether the pixels are known to reach the layers in a good size."""
        pretrained = find_pretrained(self.config.model.layers)
        return self.config.data.normalization != "none" or pretrained is not None


def rate_line(config: Config, factor: float) -> str:
    """Another learning rate, with one digit, as a line of YAML."""
    optimizer = config.training.optimizer
    rate = float(f"{optimizer.learning_rate * factor:.1g}")
    return f"training: {{optimizer: {{{optimizer.type}: {{learning_rate: {rate:g}}}}}}}"
