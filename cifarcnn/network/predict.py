"""One way through the network for everything that asks it for an answer."""

from __future__ import annotations

from collections.abc import Iterator

import keras

from cifarcnn.evaluation_batch import choose_batch_size
from cifarcnn.literals import Views
from cifarcnn.network.test_time_augmentation import average_views
from cifarcnn.padded_batches import Array, predict_in_batches


def predict_probabilities(
    model: keras.Model,
    images: Array,
    batch_size: int | None = None,
    views: Views = "none",
) -> Array:
    """The probabilities of every image, from one view of it or from several.

    Args:
        model: uint8 ``(n, height, width, 3)`` to probabilities ``(n, classes)``.
        images: uint8 ``(n, height, width, 3)``, any ``n``, also 0.
        batch_size: How many at once; for fewer images the next power of two. None: as
            :func:`evaluation_batch_size` says.
        views: What the answers rest on (``evaluation.test_time_augmentation``).

    Returns:
        float32 ``(n, classes)``, in the order of the images.
    """
    leave_out_xla(model)

    def answer(batch: Array) -> Array:
        # The views of all images at once would take their memory several times.
        return average_views(model.predict_on_batch, batch, views)

    size = batch_size or evaluation_batch_size(model)
    return predict_in_batches(answer, images, size, model.output_shape[-1])


def evaluation_batch_size(model: keras.Model) -> int:
    """How many images a network, or one with others in it, looks at at once."""
    return choose_batch_size(_output_shapes(model))


def _output_shapes(model: keras.Model) -> Iterator[tuple[int, ...]]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _output_shapes(layer)
        yield tuple(layer.output.shape[1:])


def leave_out_xla(model: keras.Model) -> None:
    """Have ``predict_on_batch`` of a model that was never compiled do without XLA.

    TensorFlow would take it, which costs seconds per process and is slower on a CPU.
    """
    if keras.backend.backend() == "tensorflow" and not model.compiled:
        model.jit_compile = False
