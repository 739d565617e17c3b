"""The images on the device: only their indices travel there with each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cifarcnn.network.builder import logits_model

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cifarcnn.training.augmentation import Augmentation


_TABLE = "table"


def training_model(
    model: keras.Model, images: np.ndarray, augmentation: Augmentation | None = None
) -> keras.Model:
    """A model from indices into ``images`` to the logits of ``model``.

    It shares the weights of ``model`` and is never saved.

    Input: ``{"index": int32 (b,)}``, and the draws of the augmentation by their names.
    Output shape: ``(b, classes)``, logits.

    Args:
        model: The network, from images to probabilities.
        images: uint8 ``(n, 32, 32, 3)``; copied to the device once.
        augmentation: What changes the images in training, or ``None`` for nothing.
    """
    import keras

    index = keras.Input((), dtype="int32", name="index")
    inputs = {"index": index}
    images = _image_source(images)(index)
    if augmentation is not None:
        draws = augmentation.inputs()
        inputs |= draws
        images = augmentation.as_layer()(images, draws)
    logits = logits_model(model)(images)
    return keras.Model(inputs, logits, name="training")


def is_image_table(variable: Any) -> bool:
    """Whether a variable holds the images, which never change."""
    return bool(variable.path.rpartition("/")[2] == _TABLE and len(variable.shape) == 4)


def _image_source(images: np.ndarray) -> Any:
    import keras

    class ImageSource(keras.layers.Layer):  # type: ignore[misc]
        """Gathers rows of a table of images: ``(b,)`` to ``(b, 32, 32, 3)``."""

        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight(
                shape=images.shape,
                dtype="uint8",
                initializer=lambda shape, dtype: keras.ops.convert_to_tensor(images),
                trainable=False,
                name=_TABLE,
            )

        def call(self, index: Any) -> Any:
            return keras.ops.take(self.table, index, axis=0)

        def compute_output_spec(self, index: Any) -> Any:
            shape = (*index.shape, *images.shape[1:])
            return keras.KerasTensor(shape, dtype="uint8")

    return ImageSource(name="pictures")
