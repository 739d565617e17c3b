"""What the official CIFAR files are: names, sizes, layouts, checksums.

Sizes, layouts and the MD5 of the archives: https://www.cs.toronto.edu/~kriz/cifar.html.
MD5 of the Python files: torchvision's ``datasets/cifar.py``. SHA-256 of the Python
archives: Keras's ``datasets/cifar10.py`` and ``cifar100.py``. The checksums of the
binary forms agree across several independent loaders, except the MD5 of CIFAR-100's
binary files, which only one has. Were one wrong, official files would merely pass for
a sound copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE, DATASETS

# Of one image: the red plane, then green, then blue, each row by row.
PIXELS = math.prod(CIFAR_IMAGE_SHAPE)
_HOST = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class DataFile:
    """A file of images.

    Attributes:
        name: Its name in the folder.
        images: How many it holds.
        md5: Of the official file, or ``None`` where it is not known.
    """

    name: str
    images: int
    md5: str | None


@dataclass(frozen=True)
class Archive:
    """The official download."""

    name: str
    size: int
    sha256: str

    @property
    def url(self) -> str:
        """Where it is published."""
        return _HOST + self.name


@dataclass(frozen=True)
class Layout:
    """One of the two forms in which a CIFAR is published.

    Attributes:
        kind: How the data files are written.
        folder: The folder in the archive.
        training: The files of the training split, in order.
        test: The file of the test split.
        names_file: The file with the names of the classes.
        ignored_files: Further files of the official archive; they are never read.
        archive: The official download.
        other_homes: Other names under which Keras keeps folder and archive.
    """

    kind: Literal["binary", "python"]
    folder: str
    training: tuple[DataFile, ...]
    test: DataFile
    names_file: str
    ignored_files: tuple[str, ...]
    archive: Archive
    other_homes: tuple[str, ...] = ()

    @property
    def data_files(self) -> tuple[DataFile, ...]:
        """Training files, then the test file."""
        return (*self.training, self.test)


@dataclass(frozen=True)
class Cifar:
    """One of the two data sets.

    Attributes:
        name: Its name in a config.
        title: Its name in a sentence.
        class_names: In the order of the labels.
        label_limits: How many values each label byte of a binary record can have; the
            last byte is the class.
        coarse_labels: Of each class, the value of the first of two label bytes.
        labels_key: Where a Python batch keeps the class of each image.
        names_key: Where the Python names file keeps the class names.
        binary: The files for C programs; needs no unpickling, so it is preferred.
        python: The files for Python, which are pickles.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    label_limits: tuple[int, ...]
    labels_key: str
    names_key: str
    binary: Layout
    python: Layout
    coarse_labels: tuple[int, ...] = ()

    @property
    def training_images(self) -> int:
        """How many images the training split has."""
        return sum(file.images for file in self.binary.training)

    @property
    def layouts(self) -> tuple[Layout, Layout]:
        """Both forms, the preferred one first."""
        return (self.binary, self.python)

    @property
    def record_bytes(self) -> int:
        """Length of one record of a binary file."""
        return len(self.label_limits) + PIXELS


CIFAR10 = Cifar(
    name="cifar10",
    title="CIFAR-10",
    class_names=DATASETS["cifar10"].class_names,
    label_limits=(10,),
    labels_key="labels",
    names_key="label_names",
    binary=Layout(
        kind="binary",
        folder="cifar-10-batches-bin",
        training=(
            DataFile("data_batch_1.bin", 10_000, "5dd7e06a14cb22eb9f671a540d1b7c25"),
            DataFile("data_batch_2.bin", 10_000, "5ea93a67294ea407fff1d09f752e9692"),
            DataFile("data_batch_3.bin", 10_000, "942cd6a4bcdd0dd3c604fbe906cb4421"),
            DataFile("data_batch_4.bin", 10_000, "ae636b3ba5c66a11e91e8cb52e771fcb"),
            DataFile("data_batch_5.bin", 10_000, "53f37980c15c3d472c316c40844f3f0d"),
        ),
        test=DataFile("test_batch.bin", 10_000, "803d5f7f4d78ea53de84dbe85f74fb6d"),
        names_file="batches.meta.txt",
        ignored_files=("readme.html",),
        archive=Archive(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
    python=Layout(
        kind="python",
        folder="cifar-10-batches-py",
        training=(
            DataFile("data_batch_1", 10_000, "c99cafc152244af753f735de768cd75f"),
            DataFile("data_batch_2", 10_000, "d4bba439e000b95fd0a9bffe97cbabec"),
            DataFile("data_batch_3", 10_000, "54ebc095f3ab1f0389bbae665268c751"),
            DataFile("data_batch_4", 10_000, "634d18415352ddfa80567beed471001a"),
            DataFile("data_batch_5", 10_000, "482c414d41f54cd18b22e5b47cb7c3cb"),
        ),
        test=DataFile("test_batch", 10_000, "40351d587109b95175f43aff81a1287e"),
        names_file="batches.meta",
        ignored_files=("readme.html",),
        archive=Archive(
            "cifar-10-python.tar.gz",
            170_498_071,
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
        other_homes=(
            "cifar-10-batches-py-target",
            "cifar-10-batches-py-target/cifar-10-batches-py",
            "cifar-10-batches-py-target_archive",
            "cifar-10-batches-py.tar.gz",
        ),
    ),
)

CIFAR100 = Cifar(
    name="cifar100",
    title="CIFAR-100",
    class_names=DATASETS["cifar100"].class_names,
    label_limits=(20, 100),
    labels_key="fine_labels",
    names_key="fine_label_names",
    binary=Layout(
        kind="binary",
        folder="cifar-100-binary",
        training=(DataFile("train.bin", 50_000, "6172c7755cfe09b2fe270c85cebc1b15"),),
        test=DataFile("test.bin", 10_000, "4499cfba6c016c1be1438163640a0898"),
        names_file="fine_label_names.txt",
        ignored_files=("coarse_label_names.txt",),
        archive=Archive(
            "cifar-100-binary.tar.gz",
            168_513_733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        ),
    ),
    python=Layout(
        kind="python",
        folder="cifar-100-python",
        training=(DataFile("train", 50_000, "16019d7e3df5f24257cddd939b257f8d"),),
        test=DataFile("test", 10_000, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
        names_file="meta",
        ignored_files=("file.txt~",),
        archive=Archive(
            "cifar-100-python.tar.gz",
            169_001_437,
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        ),
        other_homes=(
            "cifar-100-python-target",
            "cifar-100-python-target/cifar-100-python",
            "cifar-100-python-target_archive",
        ),
    ),
    # The superclass of each class: https://www.cs.toronto.edu/~kriz/cifar.html, the
    # superclasses being numbered by their names.
    coarse_labels=tuple(
        int(number)
        for number in """
        4 1 14 8 0 6 7 7 18 3 3 14 9 18 7 11 3 9 7 11 6 11 5 10 7 6 13 15 3 15 0
        11 1 10 12 14 16 9 11 5 5 19 8 8 15 13 14 17 18 10 16 4 17 4 2 0 17 4 18
        17 10 3 2 12 12 16 12 1 9 19 2 10 0 1 16 12 9 13 15 13 16 19 2 4 6 19 5
        5 8 19 18 1 2 15 6 0 17 8 14 13
        """.split()
    ),
)

# By their names in a config.
CIFAR_DATASETS = {cifar.name: cifar for cifar in (CIFAR10, CIFAR100)}
