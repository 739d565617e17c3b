"""What is made small: the loss, and how much each class counts in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from cifarcnn.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

ClassWeights = Literal["balanced"] | Mapping[str, float] | None


def crossentropy(label_smoothing: float, class_count: int) -> Callable[..., Any]:
    """The loss of each picture from its logits.

    With smoothing ``s`` and ``k`` classes the right class has the target
    ``1 - s + s / k`` and every other one ``s / k`` (Szegedy et al., "Rethinking the
    Inception Architecture", 2016, section 7).

    Args:
        label_smoothing: 0 or more and less than 1.
        class_count: Number of classes.

    Returns:
        A function of labels, int ``(b,)`` or shares of each class ``(b, class_count)``,
        and logits ``(b, class_count)`` that gives the loss ``(b,)``, for ``compile``.
    """
    import keras

    def loss(labels: Any, logits: Any) -> Any:
        ops = keras.ops
        if holds_shares(labels):
            right = ops.cast(labels, logits.dtype)
        else:
            labels = ops.reshape(labels, (-1,))
            if label_smoothing == 0:
                return ops.sparse_categorical_crossentropy(
                    labels, logits, from_logits=True
                )
            right = ops.one_hot(labels, class_count, dtype=logits.dtype)
        target = right * (1 - label_smoothing) + label_smoothing / class_count
        return ops.categorical_crossentropy(target, logits, from_logits=True)

    return loss


def accuracy() -> Any:
    """Keras's metric ``accuracy``: how often the largest logit is the right one.

    With shares in place of labels the class with the largest share is the right one.
    """
    import keras

    def right(labels: Any, logits: Any) -> Any:
        if holds_shares(labels):
            labels = keras.ops.argmax(labels, axis=-1)
        return keras.metrics.sparse_categorical_accuracy(labels, logits)

    return keras.metrics.MeanMetricWrapper(right, name="accuracy")


def holds_shares(labels: Any) -> bool:
    """Whether labels are a share of each class instead of the number of one."""
    return len(labels.shape) == 2 and labels.shape[-1] != 1


def weigh_classes(
    class_weights: ClassWeights, labels: np.ndarray, class_names: Sequence[str]
) -> np.ndarray | None:
    """How much a picture of each class counts in the loss.

    ``balanced`` gives each of ``k`` classes ``n / (k * count)`` of ``n`` pictures, so
    that all classes weigh the same together and the mean weight is 1. Classes that a
    mapping leaves out weigh 1.

    Args:
        class_weights: From the config.
        labels: The class of each training picture.
        class_names: In the order of the labels.

    Returns:
        float32 ``(classes,)``, or ``None`` when all count the same.

    Raises:
        UsageError: A name is no class of the data set.
    """
    import numpy as np

    if class_weights is None:
        return None
    count = len(class_names)
    if class_weights == "balanced":
        present = np.bincount(labels, minlength=count)
        # A class without a picture has no loss to weigh.
        weights = len(labels) / (count * np.maximum(present, 1))
        return np.asarray(weights, dtype=np.float32)
    unknown = [name for name in class_weights if name not in class_names]
    if unknown:
        raise UsageError(
            f"training.class_weights names {', '.join(map(repr, unknown))}, but the "
            f"classes are {', '.join(class_names)}."
        )
    return np.array([class_weights.get(n, 1.0) for n in class_names], dtype=np.float32)
