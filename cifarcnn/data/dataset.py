"""An open data set, and the way to it from the words of a config."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.config import Config
from cifarcnn.config.datasets import DATASETS, ImageShape
from cifarcnn.data.cifar.facts import CIFAR_DATASETS
from cifarcnn.data.cifar.location import find_cifar
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.decoded_cache import DecodedStore, ImageSource
from cifarcnn.data.folder import FolderSource
from cifarcnn.data.splits import Split, cut_validation
from cifarcnn.data.synthetic import SyntheticSource
from cifarcnn.errors import DataError, UsageError


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
    image_shape: ImageShape

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


def open_config_dataset(
    config: Config, class_names: Sequence[str] | None = None
) -> Dataset:
    """The data set of a config, as it is on this machine.

    Args:
        config: Names it and where it lies.
        class_names: What its classes must be; ``None`` takes the config's, if any.

    Raises:
        DataError: It is not here, is damaged, or has other classes.
    """
    dataset = open_dataset(config.data.dataset, config.data.path)
    expected = class_names or config.data.classes
    if expected is not None and tuple(expected) != tuple(dataset.class_names):
        raise DataError(
            f"{dataset.origin} has the classes {', '.join(dataset.class_names)}, but "
            f"expected were, in this order, {', '.join(expected)}."
        )
    return dataset


def open_dataset(dataset: str, path: str | Path | None) -> Dataset:
    """Find a data set, check it, and have its arrays ready.

    The first time everything is read and checked; the decoded arrays are then kept in
    the user's cache folder, and the next time costs a fraction of a second.

    Args:
        dataset: ``cifar10``, ``cifar100``, ``synthetic`` or ``folder``.
        path: Where it lies: for CIFAR a folder or an official archive (``None`` looks
            in the usual places), for ``folder`` the folder that holds ``train``.

    Raises:
        UsageError: There is no such data set, or it takes no path.
        DataError: It was not found, is damaged, or is not what it claims to be.
    """
    place = None if path is None else Path(os.path.expanduser(path))
    return open_source(dataset, _find_source(dataset, place))


def open_source(name: str, source: ImageSource) -> Dataset:
    """Open any source of images under ``name``.

    Raises:
        DataError: The source is not sound.
    """
    store = DecodedStore(source)
    return Dataset(
        name=name,
        class_names=store.class_names,
        origin=source.origin,
        checksum=store.checksum,
        official=store.official,
        notice=source.notice,
        store=store,
        image_shape=source.image_shape,
    )


def _find_source(dataset: str, path: Path | None) -> ImageSource:
    if dataset in CIFAR_DATASETS:
        cifar = CIFAR_DATASETS[dataset]
        return CifarSource(cifar, find_cifar(cifar, path))
    if dataset == "folder":
        if path is None:
            raise DataError(
                "dataset: folder needs data.path, the folder that holds "
                "train/<class>/<picture>."
            )
        return FolderSource(path, DATASETS[dataset].image_shape)
    if dataset == "synthetic":
        if path is not None:
            raise UsageError(
                f"dataset: synthetic is drawn by code and takes no path, found {path}."
            )
        return SyntheticSource()
    *others, last = DATASETS
    raise UsageError(
        f"the data set {dataset!r} is unknown; expected {', '.join(others)} or {last}."
    )
