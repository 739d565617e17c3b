"""An open data set, and the way to it from the words of a config."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Literal

import numpy as np

from cifarcnn.config import Config
from cifarcnn.config.datasets import Data, ImageShape
from cifarcnn.data.decoded_cache import DecodedStore, ImageSource
from cifarcnn.data.find_source import find_source
from cifarcnn.data.folder.content import FolderContent, ValidationCut
from cifarcnn.data.folder.notes import (
    describe_fold,
    describe_overlap,
    describe_test,
    describe_training,
)
from cifarcnn.data.folder.pixel_checksum import measure_pixel_checksum
from cifarcnn.data.folder.problems import (
    describe_missing_test,
    describe_other_classes,
    describe_repeated,
)
from cifarcnn.data.folder.source import FolderSource
from cifarcnn.data.splits import (
    Split,
    choose_fold,
    cut_validation,
    divide,
    label_type,
)
from cifarcnn.errors import DataError

_DEFAULTS = Data()


@dataclass(frozen=True)
class Dataset:
    """A data set that was found, read once and checked.

    Attributes:
        name: ``cifar10``, ``cifar100``, ``synthetic`` or ``folder``.
        class_names: The name of each class, in the order of the labels.
        origin: Where it came from, in one phrase.
        checksum: SHA-256 over labels and images of the training split, then of the
            test split and of a validation split that is not cut (uint8, NHWC). The same
            images give the same checksum, whatever files they came from and whatever
            the order of the classes.
        official: Whether the files are those of the publisher, to the byte.
        notice: What every result must say about the data, or ``None``.
        image_shape: Height, width and channels of each image.
        folder: Images that lie in files of their own; ``None`` elsewhere.
        fold: What validation is in place of a fraction: the number of a fold, from 1
            on, and how many there are.
    """

    name: str
    class_names: tuple[str, ...]
    origin: str
    checksum: str
    official: bool
    notice: str | None
    store: DecodedStore
    image_shape: ImageShape
    folder: FolderContent | None = None
    fold: tuple[int, int] | None = None

    def has_checksum(self, checksum: str) -> bool:
        """Whether a run whose checksum this is was trained on these images."""
        return checksum == self.checksum or (
            self.folder is not None and checksum == measure_pixel_checksum(self.store)
        )

    def training(
        self, validation_fraction: float, seed: int
    ) -> tuple[Split, Split | None]:
        """The training images, and the validation split cut out of them.

        A folder may have a validation split of its own: then nothing is cut. ``fold``
        cuts whatever the fraction and the seed are.

        Args:
            validation_fraction: 0 or more and less than 1; 0 cuts nothing.
            seed: 0 or more. The same seed cuts the same images, on every machine.

        Returns:
            The training split, and the validation split or ``None``.

        Raises:
            UsageError: An argument is out of range.
            DataError: A class would have nothing left to train on.
        """
        whole = self._with_own_labels(self.store.training())
        own = self.store.validation() if self.folder else None
        if own is not None:
            return whole, self._with_own_labels(own)
        names = self.class_names
        if self.folder is None:
            if self.fold is None:
                return cut_validation(whole, names, validation_fraction, seed)
            return divide(whole, choose_fold(whole.labels, names, self.fold))
        cut = ValidationCut(validation_fraction, seed, self.fold)
        chosen = self.folder.choose_validation(names, cut)
        return (whole, None) if chosen is None else divide(whole, chosen)

    def test(self) -> Split:
        """The test images: for the final judgement alone.

        Raises:
            DataError: The data set has no test split.
        """
        split = self.store.test()
        if split is None:
            layout = self.folder.layout if self.folder else None
            raise DataError(describe_missing_test(self.origin, layout))
        return self._with_own_labels(split)

    def image_names(
        self, split: Literal["test", "validation", "train"], config: Config
    ) -> Sequence[str] | None:
        """The files of the images of a split, as in its arrays.

        Args:
            split: One that is there.
            config: Cuts the validation split.

        Returns:
            Paths relative to the folder, or as a list has them; ``None`` where images
            have no files of their own.
        """
        if self.folder is None:
            return None
        parts = self.folder.parts
        if split == "test":
            return parts["test"].names
        names = parts["training"].names
        if "validation" in parts:
            return names if split == "train" else parts["validation"].names
        chosen = self.folder.choose_validation(self.class_names, self.cut(config))
        if chosen is None:
            return names
        return list(compress(names, chosen if split == "validation" else ~chosen))

    @property
    def damaged(self) -> list[str]:
        """The images that were left out, and why each of them cannot be read."""
        parts = {} if self.folder is None else self.folder.parts
        return [line for read in parts.values() for line in read.damaged]

    def training_notes(self, config: Config) -> list[str]:
        """What the user should know of the training and validation images.

        Sentences on how they were cut, files that were left out, images that were
        cropped, and images that are there twice.

        Raises:
            DataError: A class would have nothing left to train on.
        """
        if self.folder is None:
            return [] if self.fold is None else [describe_fold(*self.fold)]
        return describe_training(self.folder, self.class_names, self.cut(config))

    def test_notes(self, config: Config) -> list[str]:
        """The same of the test images, which are compared with the others."""
        if self.folder is None:
            return []
        return describe_test(self.folder, self.class_names, self.cut(config))

    def require_different_images(self, config: Config) -> None:
        """See that no image is in two splits, unless ``data.duplicates`` allows it.

        Raises:
            DataError: Some are, pixel for pixel.
        """
        if self.folder is None or config.data.duplicates == "allow":
            return
        chosen = self.folder.choose_validation(self.class_names, self.cut(config))
        found = describe_overlap(self.folder, chosen)
        if found:
            raise DataError(describe_repeated(self.origin, found))

    def cut(self, config: Config) -> ValidationCut:
        """How a config cuts the validation split."""
        fraction, seed = config.data.validation_fraction, config.training.seed
        return ValidationCut(fraction, seed, self.fold)

    def _with_own_labels(self, split: Split) -> Split:
        """What was stored, its labels counted in the order of ``class_names``."""
        if self.folder is None or self.store.class_names == self.class_names:
            return split
        numbers = [self.class_names.index(name) for name in self.store.class_names]
        renumbered = np.array(numbers, label_type(len(numbers)))
        return Split(split.images, renumbered[split.labels])


def open_config_dataset(
    config: Config, class_names: Sequence[str] | None = None
) -> Dataset:
    """The data set of a config, as it is on this machine.

    Args:
        config: Names it and where it lies.
        class_names: What its classes must be, in this order; ``None`` takes the
            config's, if any.

    Raises:
        DataError: It is not here, is damaged, or has other classes.
    """
    dataset = open_dataset(config.data.dataset, config.data.path, config.data)
    fold = config.data.fold_number
    if fold is not None:
        if dataset.folder is not None and "validation" in dataset.folder.parts:
            own = dataset.folder.parts["validation"].listed
            raise DataError(
                f"data.fold is {config.data.fold}, but {dataset.origin} has validation "
                f"pictures of its own, {own.title}. Remove data.fold, or move them to "
                "the others."
            )
        dataset = replace(dataset, fold=fold)
    expected = tuple(class_names or config.data.classes or dataset.class_names)
    if expected == dataset.class_names:
        return dataset
    if dataset.folder is not None:
        lacking = [name for name in expected if name not in dataset.class_names]
        surplus = [name for name in dataset.class_names if name not in expected]
        if not lacking and not surplus:
            return replace(dataset, class_names=expected)
        source = "the run" if class_names else "data.classes, which must name them all"
        raise DataError(
            describe_other_classes(dataset.folder.layout, lacking, surplus, source)
        )
    raise DataError(
        f"{dataset.origin} has the classes {', '.join(dataset.class_names)}, but "
        f"expected were, in this order, {', '.join(expected)}."
    )


def open_dataset(
    dataset: str, path: str | Path | None, settings: Data = _DEFAULTS
) -> Dataset:
    """Find a data set, check it, and have its arrays ready.

    The first time everything is read and checked; the decoded arrays are then kept in
    the user's cache folder, and the next time costs a fraction of a second.

    Args:
        dataset: ``cifar10``, ``cifar100``, ``synthetic`` or ``folder``.
        path: Where it lies: for CIFAR a folder or an official archive (``None`` looks
            in the usual places), for ``folder`` the folder or list.
        settings: Of a ``folder``: the size of its images, and how it is cut.

    Raises:
        UsageError: There is no such data set, or it takes no path.
        DataError: It was not found, is damaged, or is not what it claims to be.
    """
    place = None if path is None else Path(os.path.expanduser(path))
    return open_source(dataset, find_source(dataset, place, settings))


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
        folder=(
            FolderContent(source, store) if isinstance(source, FolderSource) else None
        ),
    )
