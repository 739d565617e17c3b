"""What ``fit`` measures beside the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from cifarcnn.training.loss import holds_shares


class Accuracy(keras.metrics.MeanMetricWrapper):  # type: ignore[misc]
    """Keras's metric ``accuracy``: how often the largest logit is the right one.

    With shares in place of labels the class with the largest share is the right one.
    Its variable ``finite_steps`` counts the steps until the loss is not finite any more
    as well, since Python looks at the loss only after several steps.
    """

    def __init__(self, model: keras.Model) -> None:
        """Prepare the metric.

        Args:
            model: What is to be compiled with it.
        """
        super().__init__(_is_right, name="accuracy")
        # In a function, since Keras would take the model for a part of the metric.
        self._total_loss: Callable[[], Any] = lambda: model.metrics[0].total
        self.finite_steps = self.add_variable((), "zeros", name="finite_steps")

    def update_state(self, *arguments: Any, **keywords: Any) -> None:
        super().update_state(*arguments, **keywords)
        # Keras's own metric of the loss is the first. Its sum, once it is not finite,
        # stays so.
        finite = ops.isfinite(self._total_loss())
        self.finite_steps.assign_add(ops.cast(finite, self.dtype))

    def reset_state(self) -> None:
        super().reset_state()
        self.finite_steps.assign(0)


def _is_right(labels: Any, logits: Any) -> Any:
    if holds_shares(labels):
        labels = ops.argmax(labels, axis=-1)
    return keras.metrics.sparse_categorical_accuracy(labels, logits)
