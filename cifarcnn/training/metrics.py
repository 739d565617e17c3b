"""What ``fit`` measures beside the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from cifarcnn.engine.mirrored_strategy import (
    current_replica,
    replica_count,
    sum_over_replicas,
)
from cifarcnn.network.training_layers import BatchMask
from cifarcnn.training.loss import holds_shares


class Accuracy(keras.metrics.MeanMetricWrapper):  # type: ignore[misc]
    """Keras's metric ``accuracy``: how often the largest logit is the right one.

    With shares in place of labels the class with the largest share is the right one.
    Its variable ``finite_steps`` counts the steps until the loss is not finite any more
    as well, since Python looks at the loss only after several steps.
    """

    def __init__(self, model: keras.Model, batch_mask: BatchMask | None = None) -> None:
        """Prepare the metric.

        Args:
            model: What is to be compiled with it.
            batch_mask: Which rows of a batch count; ``None``: all.
        """
        super().__init__(_is_right, name="accuracy")
        self.batch_mask = batch_mask or BatchMask()
        # In a function, since Keras would take the model for a part of the metric.
        self._total_loss: Callable[[], Any] = lambda: model.metrics[0].total
        self.finite_steps = self.add_variable((), "zeros", name="finite_steps")

    def update_state(self, labels: Any, logits: Any, sample_weight: Any = None) -> None:
        if self.batch_mask.images is not None:
            sample_weight = self.batch_mask.images
        super().update_state(labels, logits, sample_weight)
        # Keras's own metric of the loss is the first. Its sum, once it is not finite,
        # stays so.
        (total,) = sum_over_replicas([ops.convert_to_tensor(self._total_loss())])
        # What replicas count is added up.
        if not current_replica():
            finite = ops.isfinite(total)
            self.finite_steps.assign_add(ops.cast(finite, self.dtype))

    def reset_state(self) -> None:
        super().reset_state()
        self.finite_steps.assign(0)


def count_images(loss: keras.metrics.Mean, batch_mask: BatchMask) -> None:
    """Have the mean of the loss go by images, where Keras takes rows for them.

    A replica counts its part of those of the whole batch.
    """
    update = loss.update_state

    def update_state(value: Any, sample_weight: Any = None) -> None:
        whole, replicas = batch_mask.whole, replica_count()
        images = sample_weight if whole is None else ops.sum(whole)
        if replicas > 1:
            images = ops.cast(images, "float32") / replicas
        update(value, images)

    loss.update_state = update_state


def _is_right(labels: Any, logits: Any) -> Any:
    if holds_shares(labels):
        labels = ops.argmax(labels, axis=-1)
    return keras.metrics.sparse_categorical_accuracy(labels, logits)
