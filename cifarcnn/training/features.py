"""Features of frozen layers, computed once for each image in place of once an epoch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from cifarcnn.config import Config
from cifarcnn.config.layers.base import Layer
from cifarcnn.config.layers.dense import Activation
from cifarcnn.config.layers.pooling import POOLINGS
from cifarcnn.config.layers.pretrained import Pretrained
from cifarcnn.network.layer_output import layer_output
from cifarcnn.network.predict import leave_out_xla
from cifarcnn.training.augmentation.flip_and_translate import RandomFlip
from cifarcnn.training.augmentation.pipeline import Augmentation
from cifarcnn.training.batch_order import order_of_epoch
from cifarcnn.training.input_pipeline import TrainingBatches
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.training_data import TrainingData

# Always so many images at once, so that the same images have the same bits.
BATCH_SIZE = 64
# Without weights, and the same whenever they are asked.
_PURE = (*POOLINGS, Activation)

Array = np.ndarray[Any, Any]


def count_fixed_layers(layers: Sequence[Layer]) -> int:
    """How many layers, from the first one on, give the same in every epoch.

    Returns:
        0 where none of them is a frozen backbone: there is little to save.
    """
    fixed = list(itertools.takewhile(_is_fixed, layers))
    return len(fixed) if any(isinstance(item, Pretrained) for item in fixed) else 0


def _is_fixed(layer: Layer) -> bool:
    if isinstance(layer, Pretrained):
        return not layer.trainable
    return isinstance(layer, _PURE)


def split_flips(
    augmentation: Augmentation | None,
) -> tuple[tuple[RandomFlip, ...], str | None]:
    """The operations that only mirror, and the name of one that does more."""
    operations = list(augmentation.operations.values()) if augmentation else []
    flips = tuple(item for item in operations if isinstance(item, RandomFlip))
    others = (type(item).__name__ for item in operations if item not in flips)
    return flips, next(others, None)


@dataclass(frozen=True)
class FeatureNetworks:
    """A network cut in two behind its fixed layers.

    Attributes:
        fixed: From uint8 images to features, float32.
        rest: From features to logits.
    """

    fixed: keras.Model
    rest: keras.Model


def cut_network(
    trained: keras.Model, logits: keras.Model, name: str
) -> FeatureNetworks:
    """Cut a network; the layers are shared with it.

    Args:
        trained: From images to probabilities.
        logits: The same up to the logits.
        name: Of its last fixed layer.
    """
    features = layer_output(trained, name)
    exact = keras.layers.Identity(dtype="float32")(features)
    return FeatureNetworks(
        keras.Model(trained.input, exact, name="fixed"),
        keras.Model(features, logits.output, name="logits"),
    )


@dataclass(frozen=True)
class FeatureRows:
    """Which images, and which views of them, the rows of a table of features are of.

    The first view is the image itself: of the images to learn from and behind them of
    those to validate by. The other views, mirrored in each way that the augmentation
    may mirror, are of the former alone.

    Attributes:
        data: The images.
        flips: What mirrors them.
    """

    data: TrainingData
    flips: tuple[RandomFlip, ...]

    @property
    def count(self) -> int:
        """How many rows there are."""
        return (self._learned << len(self.flips)) + self._validated

    @property
    def _learned(self) -> int:
        return len(self.data.split.labels)

    @property
    def _validated(self) -> int:
        return len(self.data.validation.labels) if self.data.validation else 0

    def numbers(self, epoch: int, index: Array) -> Array:
        """The rows of the images ``index`` as an epoch shows them: int32 ``(n,)``."""
        view = np.zeros(len(index), np.int64)
        for flip in self.flips:
            view = 2 * view + flip.draw(epoch, index)["flipped"]
        start = view * self._learned + (view > 0) * self._validated
        return (start + index).astype(np.int32)

    def plain_batches(self) -> Iterator[Array]:
        """The images of the first view, ``BATCH_SIZE`` at a time, at an end fewer."""
        yield from _in_batches(self.data.split.images)
        if self.data.validation is not None:
            yield from _in_batches(self.data.validation.images)

    def batches(self) -> Iterator[Array]:
        """The images of all rows, in the same way."""
        yield from self.plain_batches()
        _, *views = itertools.product((False, True), repeat=len(self.flips))
        for view in views:
            axes = [
                2 if flip.mode == "horizontal" else 1
                for flip, flipped in zip(self.flips, view, strict=True)
                if flipped
            ]
            for batch in _in_batches(self.data.split.images):
                for axis in axes:
                    batch = np.flip(batch, axis)
                yield batch


def _in_batches(images: Array) -> Iterator[Array]:
    for first in range(0, len(images), BATCH_SIZE):
        yield np.asarray(images[first : first + BATCH_SIZE])


def compute_features(
    network: keras.Model, rows: FeatureRows, told: Callable[[int, float], None]
) -> Iterator[Array]:
    """The features of all rows, a batch at a time: float32 ``(b, ...)``.

    Args:
        network: From images to features.
        rows: The images.
        told: Is told how many rows are done, and how many of them in a second.
    """
    leave_out_xla(network)
    done, start = 0, time.perf_counter()
    for batch in rows.batches():
        short = BATCH_SIZE - len(batch)
        filled = np.concatenate([batch, np.repeat(batch[:1], short, axis=0)])
        features = np.asarray(network.predict_on_batch(filled))[: len(batch)]
        done += len(batch)
        told(done, done / max(time.perf_counter() - start, 1e-9))
        yield np.ascontiguousarray(features, np.float32)


class FeatureBatches(TrainingBatches):
    """The batches of every epoch, as numbers of rows of features."""

    def __init__(
        self, config: Config, rows: FeatureRows, streamed: InputRows | None = None
    ) -> None:
        """Plan the same batches as without features.

        Args:
            config: Its ``training``.
            rows: What each row is of.
            streamed: The features, where they do not lie on the device.
        """
        settings, data = config.training, rows.data
        super().__init__(
            data.split.labels,
            settings.batch_size,
            settings.seed,
            data.class_weights,
            settings.drop_remainder,
            class_count=data.class_count,
            streamed=streamed,
        )
        self.rows = rows

    def _draw(self, epoch: int) -> dict[str, Array]:
        order = order_of_epoch(self.seed, epoch, len(self.labels))
        rows = self.rows.numbers(epoch, order)
        return self._collect(rows, self.labels[order], lambda index: {})
