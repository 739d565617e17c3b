"""In which order the images come: a pure function of the seed and the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.training.augmentation import Augmentation

# Keeps these draws apart from every other use of the same seed. "order" in ASCII.
_STREAM = 0x6F72646572


def order_of_epoch(seed: int, epoch: int, count: int) -> np.ndarray:
    """A permutation of ``0 .. count - 1`` that nothing but the arguments decides.

    It rests on NumPy's raw bit streams, which are frozen, unlike its shuffles (NEP 19).

    Args:
        seed: 0 or more.
        epoch: Counted from 0.
        count: Number of images.

    Returns:
        int32 ``(count,)``.
    """
    import numpy as np

    draws = np.random.Philox([seed, epoch, _STREAM]).random_raw(count)
    return np.argsort(draws, kind="stable").astype(np.int32)


class Batches:
    """The batches of every epoch, as indices into the training images.

    Any batch of any epoch can be had at any time; there is no position to lose.
    """

    def __init__(
        self,
        labels: np.ndarray,
        batch_size: int,
        seed: int,
        class_weights: np.ndarray | None = None,
        drop_remainder: bool = False,
        augmentation: Augmentation | None = None,
        class_count: int = 0,
    ) -> None:
        """Plan the batches.

        Args:
            labels: Whole numbers ``(n,)``, the class of each training image.
            batch_size: Images in a batch; the last of an epoch may have fewer.
            seed: 0 or more.
            class_weights: float32 ``(classes,)``, or ``None`` for no weights.
            drop_remainder: Leave out the last batch when it has fewer images, unless
                it is the only one.
            augmentation: What changes the images, or ``None`` for nothing.
            class_count: Number of classes; needed where the augmentation mixes labels.
        """
        import numpy as np

        self.labels = labels.astype(np.int32)
        self.batch_size = batch_size
        self.seed = seed
        self.class_weights = class_weights
        self.drop_remainder = drop_remainder
        self.augmentation = augmentation
        self.class_count = class_count
        self._order = (-1, np.empty(0, dtype=np.int32))

    @property
    def steps(self) -> int:
        """Batches in an epoch, the partial last one included unless it is dropped."""
        full, rest = divmod(len(self.labels), self.batch_size)
        return full + bool(rest and not (full and self.drop_remainder))

    def batch(self, epoch: int, step: int) -> tuple[Any, ...]:
        """One batch in the form that ``fit`` takes.

        Args:
            epoch: Counted from 0.
            step: Counted from 0, less than :attr:`steps`.

        Returns:
            Inputs, labels int32 ``(b,)`` or where they are mixed float32
            ``(b, classes)``, and with class weights float32 ``(b,)``.
        """
        start = step * self.batch_size
        index = self._order_of(epoch)[start : start + self.batch_size]
        labels = self.labels[index]
        inputs = {"index": index}
        weights = self.class_weights
        each = None if weights is None else weights[labels]
        if self.augmentation is not None:
            inputs |= self.augmentation.draw(epoch, index)
            if self.augmentation.mixes_labels:
                labels = self.augmentation.mix_labels(labels, self.class_count, inputs)
                each = None if weights is None else labels @ weights
        return (inputs, labels) if each is None else (inputs, labels, each)

    def _order_of(self, epoch: int) -> np.ndarray:
        # One assignment of one tuple, because Keras asks from a thread of its own.
        known, order = self._order
        if known != epoch:
            order = order_of_epoch(self.seed, epoch, len(self.labels))
            self._order = (epoch, order)
        return order


def as_keras_dataset(batches: Batches, first_step: int = 0) -> Any:
    """``batches`` as a ``keras.utils.PyDataset`` with an ``epoch`` to set.

    Args:
        batches: Of every epoch.
        first_step: Where each epoch begins, counted from 0; the steps before are done.

    Keras reads ahead, calls ``on_epoch_end`` once before the first epoch, and makes
    the reader of each epoch after its callbacks heard ``on_epoch_begin``: there
    ``epoch`` must be set, and nowhere else. It asks for the length only once.
    """
    import keras

    offset = first_step

    class EpochOfBatches(keras.utils.PyDataset):  # type: ignore[misc]
        """The batches of one epoch."""

        epoch = 0
        first_step = offset

        def __len__(self) -> int:
            return batches.steps - self.first_step

        def __getitem__(self, step: int) -> tuple[Any, ...]:
            return batches.batch(self.epoch, self.first_step + step)

    return EpochOfBatches()
