"""Random changes of the training pictures, drawn by NumPy and done by Keras.

The draws, a few numbers a picture, are made on the host and depend on nothing but the
seed, the epoch and the pictures of the batch. They travel beside the indices; the
pictures are changed on the device, inside the compiled step, by operations of static
shape and in whole numbers, so that every engine gives the same pictures to the bit.
"""

from __future__ import annotations

from cifarcnn.training.augmentation.pipeline import Augmentation, build_augmentation

__all__ = ["Augmentation", "build_augmentation"]
