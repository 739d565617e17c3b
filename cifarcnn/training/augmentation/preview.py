"""What the network would see of a few images, by the code that trains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cifarcnn.network.weights import to_numpy

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.training.augmentation.pipeline import Augmentation


def preview(
    augmentation: Augmentation,
    images: np.ndarray,
    index: np.ndarray,
    epochs: Sequence[int],
) -> np.ndarray:
    """Images as they are, and as they would be in some epochs.

    Each is what the network sees of this image in this epoch of a training with the
    same seed; only the partners of mixed images are chosen among those shown, and
    not among their batch. Keras must have been started.

    Args:
        augmentation: What changes the images.
        images: uint8 ``(n, 32, 32, 3)``, the training images.
        index: int32 ``(b,)``, which of them are shown.
        epochs: Counted from 0.

    Returns:
        uint8 ``(b, 1 + len(epochs), 32, 32, 3)``; the first is the image itself.
    """
    import numpy as np

    chosen = images[index]
    seen = [
        to_numpy(augmentation.apply(chosen, augmentation.draw(epoch, index)))
        for epoch in epochs
    ]
    return np.stack([chosen, *seen], axis=1)
