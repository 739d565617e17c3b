"""What a training learns from: the images, their order, and what is done to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.config import summarize
from cifarcnn.config.summary import require_classes
from cifarcnn.training.augmentation import Augmentation, build_augmentation
from cifarcnn.training.batch_order import Batches
from cifarcnn.training.loss import weigh_classes

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.config import Config
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.splits import Split

SMOKE_IMAGES = 512


@dataclass(frozen=True)
class Material:
    """The images of one training, with all that is decided about them beforehand.

    Attributes:
        dataset: Where they come from.
        split: The images to learn from.
        validation: Those judged after each epoch; ``None`` for none.
        batches: The batches of every epoch.
        augmentation: What changes the images, or ``None`` for nothing.
        smoke: Whether this is only a trial on few images.
    """

    dataset: Dataset
    split: Split
    validation: Split | None
    batches: Batches
    augmentation: Augmentation | None
    smoke: bool

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return len(self.dataset.class_names)

    def all_images(self) -> np.ndarray[Any, Any]:
        """The images to learn from and behind them those to judge by, as uint8."""
        import numpy as np

        if self.validation is None:
            return self.split.images
        return np.concatenate([self.split.images, self.validation.images])

    def validation_data(self) -> tuple[Any, Any] | None:
        """Indices into :meth:`all_images`, and labels, in the form ``fit`` takes."""
        import numpy as np

        if self.validation is None:
            return None
        first, count = len(self.split.labels), len(self.validation.labels)
        index = np.arange(first, first + count, dtype=np.int32)
        inputs = {"index": index}
        if self.augmentation is not None:
            inputs |= self.augmentation.draw_nothing(count)
        return inputs, self.validation.labels.astype(np.int32)


def gather_material(config: Config, dataset: Dataset, smoke: bool = False) -> Material:
    """Cut the splits of a data set and plan the batches.

    Args:
        config: Its ``data`` and ``training``.
        dataset: The images; its test split is not opened.
        smoke: Take at most 512 images of each split.

    Raises:
        UsageError: The network or a class weight does not fit the classes.
    """
    settings = config.training
    class_count = len(dataset.class_names)
    require_classes(summarize(config).rows[-1].output_shape, class_count)
    split, validation = dataset.training(config.data.validation_fraction, settings.seed)
    if smoke:
        split = choose_for_smoke(split)
        validation = choose_for_smoke(validation) if validation else None
    augmentation = build_augmentation(
        config.data.augmentation, settings.seed, len(split.labels)
    )
    batches = Batches(
        split.labels,
        settings.batch_size,
        settings.seed,
        weigh_classes(settings.class_weights, split.labels, dataset.class_names),
        settings.drop_remainder,
        augmentation,
        class_count,
    )
    return Material(dataset, split, validation, batches, augmentation, smoke)


def choose_for_smoke(split: Split) -> Split:
    """At most 512 images, evenly spaced: sorted data keeps all its classes."""
    import numpy as np

    from cifarcnn.data.splits import Split as ImageSplit

    if len(split.labels) <= SMOKE_IMAGES:
        return split
    places = np.linspace(0, len(split.labels) - 1, SMOKE_IMAGES).round().astype(int)
    return ImageSplit(split.images[places], split.labels[places])
