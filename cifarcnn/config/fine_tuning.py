"""Fine-tuning: the last layers of a frozen backbone learn in the last epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from cifarcnn.config.layers import flatten_layers
from cifarcnn.config.layers.base import Layer
from cifarcnn.config.layers.pretrained import Pretrained
from cifarcnn.config.named_choice import Strict
from cifarcnn.config.optimizers import Rate


class FineTune(Strict):
    """The last epochs, in which the last layers of a frozen `Pretrained` learn too.

    The optimizer begins anew with a rate that stays; the schedule is of the epochs
    before. Statistics of batch normalizations are never moved.
    """

    from_epoch: Annotated[int, Field(ge=2, le=100_000)]
    """First epoch of the fine-tuning; epochs count from 1, as in the table."""
    layers: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How many of its Keras layers learn, from the last one back; null: all."""
    learning_rate: Rate = 1e-5
    """Learning rate of the fine-tuning."""

    def find_misfits(
        self, epochs: int, layers: Sequence[Layer]
    ) -> Iterator[tuple[str, str, str]]:
        """What does not fit a training: the key, what was found, and the way out.

        Args:
            epochs: Of the training.
            layers: Of the network.
        """
        if self.from_epoch > epochs:
            yield (
                "from_epoch",
                f"fine-tuning begins with epoch {self.from_epoch}, but there are "
                f"{epochs} epochs",
                f"use from_epoch: {max(epochs, 2)} or less, or more epochs",
            )
        backbones = [
            layer
            for layer in flatten_layers(list(layers))
            if isinstance(layer, Pretrained) and not layer.trainable
        ]
        if not backbones:
            yield (
                "",
                "fine-tuning unfreezes the last layers of a Pretrained, but the "
                "network has no frozen one",
                "remove fine_tune, or use a Pretrained with trainable: false",
            )
        for backbone in backbones:
            count = backbone.layer_count()
            if self.layers is not None and self.layers > count:
                yield (
                    "layers",
                    f"{self.layers} layers are to learn, but {backbone.name} has "
                    f"{count}",
                    "use null for all of them",
                )
