"""An open data set."""

from __future__ import annotations

from dataclasses import dataclass

from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE, ImageShape
from cifarcnn.data.decoded_cache import DecodedStore
from cifarcnn.data.splits import Split, cut_validation
from cifarcnn.errors import DataError


@dataclass(frozen=True)
class Dataset:
    """A data set that was found, read once and checked.

    Attributes:
        name: ``cifar10``, ``cifar100``, ``synthetic`` or ``folder``.
        class_names: The name of each class, in the order of the labels.
        origin: Where it came from, in one phrase.
        checksum: SHA-256 over labels and images of the training split, then of the
            test split (uint8, NHWC). The same images give the same checksum,
            whatever files they came from.
        official: Whether the files are those of the publisher, to the byte.
        notice: What every result must say about the data, or ``None``.
        image_shape: Height, width and channels of each image.
    """

    name: str
    class_names: tuple[str, ...]
    origin: str
    checksum: str
    official: bool
    notice: str | None
    store: DecodedStore
    image_shape: ImageShape = CIFAR_IMAGE_SHAPE

    def training(
        self, validation_fraction: float, seed: int
    ) -> tuple[Split, Split | None]:
        """The training images, and the validation split cut out of them.

        Args:
            validation_fraction: 0 or more and less than 1; 0 cuts nothing.
            seed: 0 or more. The same seed cuts the same images, on every machine.

        Returns:
            The training split, and the validation split or ``None``.

        Raises:
            UsageError: An argument is out of range.
            DataError: A class would have nothing left to train on.
        """
        whole = self.store.training()
        return cut_validation(whole, self.class_names, validation_fraction, seed)

    def test(self) -> Split:
        """The test images: for the final judgement alone.

        Raises:
            DataError: The data set has no test split.
        """
        split = self.store.test()
        if split is None:
            raise DataError(
                f"{self.origin} has no test pictures: expected a folder test beside "
                "train, with the same folder for each class."
            )
        return split
