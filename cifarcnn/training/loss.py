"""What is made small: the loss, and how much each class counts in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from cifarcnn.errors import UsageError

if TYPE_CHECKING:
    import keras
    import numpy as np

ClassWeights = Literal["balanced"] | Mapping[str, float] | None


def crossentropy(label_smoothing: float, class_count: int) -> Callable[..., Any]:
    """The loss of each image from its logits.

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


def accuracy(model: keras.Model) -> Any:
    """Keras's metric ``accuracy``: how often the largest logit is the right one.

    With shares in place of labels the class with the largest share is the right one.
    Its variable ``finite_steps`` counts the steps until the loss is not finite any more
    as well, since Python looks at the loss only after several steps.

    Args:
        model: What is to be compiled with it.
    """
    import keras

    def right(labels: Any, logits: Any) -> Any:
        if holds_shares(labels):
            labels = keras.ops.argmax(labels, axis=-1)
        return keras.metrics.sparse_categorical_accuracy(labels, logits)

    class Accuracy(keras.metrics.MeanMetricWrapper):  # type: ignore[misc]
        """The mean of ``right``, beside the number of finite steps."""

        def __init__(self) -> None:
            super().__init__(right, name="accuracy")
            self.finite_steps = self.add_variable((), "zeros", name="finite_steps")

        def update_state(self, *arguments: Any, **keywords: Any) -> None:
            super().update_state(*arguments, **keywords)
            # The loss is the first of the metrics. Its sum, once it is not finite,
            # stays so.
            finite = keras.ops.isfinite(model.metrics[0].total)
            self.finite_steps.assign_add(keras.ops.cast(finite, self.dtype))

        def reset_state(self) -> None:
            super().reset_state()
            self.finite_steps.assign(0)

    return Accuracy()


def holds_shares(labels: Any) -> bool:
    """Whether labels are a share of each class instead of the number of one."""
    return len(labels.shape) == 2 and labels.shape[-1] != 1


def weigh_classes(
    class_weights: ClassWeights, labels: np.ndarray, class_names: Sequence[str]
) -> np.ndarray | None:
    """How much an image of each class counts in the loss.

    ``balanced`` gives each of ``k`` classes ``n / (k * count)`` of ``n`` images, so
    that all classes weigh the same together and the mean weight is 1. Classes that a
    mapping leaves out weigh 1.

    Args:
        class_weights: From the config.
        labels: The class of each training image.
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
        # A class without an image has no loss to weigh.
        weights = len(labels) / (count * np.maximum(present, 1))
        return np.asarray(weights, dtype=np.float32)
    unknown = [name for name in class_weights if name not in class_names]
    if unknown:
        raise UsageError(
            f"training.class_weights names {', '.join(map(repr, unknown))}, but the "
            f"classes are {', '.join(class_names)}."
        )
    return np.array([class_weights.get(n, 1.0) for n in class_names], dtype=np.float32)
