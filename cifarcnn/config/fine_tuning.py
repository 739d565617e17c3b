"""Fine-tuning: the last layers of a frozen backbone learn in the last epochs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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
