"""The loss that training makes small: cross-entropy with label smoothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops


def crossentropy(label_smoothing: float, class_count: int) -> Callable[..., Any]:
    """The loss of each image from its logits.

    With smoothing ``s`` and ``k`` classes the right class has the target
    ``1 - s + s / k`` and every other one ``s / k`` (Szegedy et al., "Rethinking the
    Inception Architecture", 2016, section 7). Keras's own takes either whole numbers
    or shares, and smooths only these.

    Args:
        label_smoothing: 0 or more and less than 1.
        class_count: Number of classes.

    Returns:
        A function of labels, int ``(b,)`` or shares of each class ``(b, class_count)``,
        and logits ``(b, class_count)`` that gives the loss ``(b,)``, for ``compile``.
    """

    def loss(labels: Any, logits: Any) -> Any:
        if holds_shares(labels):
            right = ops.cast(labels, logits.dtype)
        else:
            # Keras has made numbers with a point of them.
            labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
            if label_smoothing == 0:
                return ops.sparse_categorical_crossentropy(
                    labels, logits, from_logits=True
                )
            right = ops.one_hot(labels, class_count, dtype=logits.dtype)
        target = right * (1 - label_smoothing) + label_smoothing / class_count
        return ops.categorical_crossentropy(target, logits, from_logits=True)

    return loss


def holds_shares(labels: Any) -> bool:
    """Whether labels are a share of each class instead of the number of one."""
    return len(labels.shape) == 2 and labels.shape[-1] != 1
