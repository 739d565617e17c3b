"""What is known of the data sets before their files are opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

# Height, width and channels of one image.
ImageShape: TypeAlias = tuple[int, int, int]

# A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
CIFAR_IMAGE_SHAPE: ImageShape = (32, 32, 3)


@dataclass(frozen=True)
class DatasetFacts:
    """One data set that a config can name.

    Attributes:
        class_count: Number of classes; ``None`` where the files decide.
        image_shape: Height, width and channels of its images.
    """

    class_count: int | None
    image_shape: ImageShape


DATASETS = {
    "cifar10": DatasetFacts(10, CIFAR_IMAGE_SHAPE),
    "cifar100": DatasetFacts(100, CIFAR_IMAGE_SHAPE),
    "synthetic": DatasetFacts(10, CIFAR_IMAGE_SHAPE),
    "folder": DatasetFacts(None, CIFAR_IMAGE_SHAPE),
}
