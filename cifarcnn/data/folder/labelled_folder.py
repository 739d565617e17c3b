"""Images of one's own to judge a trained network on: its classes are their labels."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cifarcnn.config import Config
from cifarcnn.config.spelling import nearest
from cifarcnn.data.cifar.facts import CIFAR_DATASETS
from cifarcnn.data.cifar.location import describe_files, find_locations
from cifarcnn.data.dataset import open_config_dataset
from cifarcnn.data.decoded_cache import ReadingRecord
from cifarcnn.data.decoding.decoded_files import checksum
from cifarcnn.data.folder.class_folders import (
    ClassFolders,
    list_class_folders,
    list_some,
)
from cifarcnn.data.folder.layout import FolderLayout, find_layout
from cifarcnn.data.folder.notes import (
    describe_damaged,
    describe_listing,
    describe_reading,
)
from cifarcnn.data.folder.problems import describe_accents, describe_unreadable
from cifarcnn.data.folder.reading import ReadSplit, read_splits
from cifarcnn.data.folder.source import describe_failures, folder_key
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError

_LISTED = 20  # classes in a message


@dataclass(frozen=True)
class LabelledFolder:
    """A folder of such images; what it has in common with a ``Dataset``, and notes.

    Attributes:
        origin: The folder, as the user named it.
        split: Images and labels.
        checksum: Over labels and images.
        notes: What the user should know of them.
        image_names: The path of each image, relative to the folder.
    """

    origin: str
    split: Split
    checksum: str
    notes: tuple[str, ...]
    image_names: tuple[str, ...]

    name: ClassVar[str] = "folder"
    official: ClassVar[bool] = False
    notice: ClassVar[str | None] = None


def open_labelled_folder(
    path: Path, config: Config, class_names: Sequence[str], trained_on: str = ""
) -> LabelledFolder | None:
    """Read ``path/<class>/<image>``, or ``path/test/<class>/<image>``.

    Args:
        path: Where the user says that the data is.
        config: Of the run.
        class_names: Of the run, in the order of its outputs; some may have no folder.
        trained_on: The checksum of the data set of its training.

    Returns:
        ``None`` where the data set of ``config`` lies there, or a file does, or it has
        no place at all and there are no class folders either.

    Raises:
        DataError: Nothing is there, or neither of the two; a folder is no class of the
            run; or images cannot be read.
    """
    folder = Path(os.path.expanduser(path))
    wanted = _describe_dataset(config)
    images = f"pictures in class folders, as in {folder / class_names[0] / 'one.png'}"
    if wanted and not os.path.lexists(folder):
        raise DataError(f"{path} does not exist; expected {wanted} or {images}.")
    layout = find_layout(folder, 0)
    if not folder.is_dir() or _holds_dataset(layout, config, class_names, trained_on):
        return None
    listed = list_class_folders(folder.absolute())
    found = listed.images
    notes: list[str] = []
    inner = layout.test
    if inner and inner.images and inner.path.name not in class_names:
        beside = [name for name in found if name != inner.path.name]
        if beside:
            notes = [f"{inner.path} is used; beside it, {list_some(beside)} is not"]
        folder, listed, found = inner.path, inner, inner.images
    if not found and not wanted:
        return None
    missing = f"neither {wanted} nor {images}" if wanted else f"no {images}"
    _require_classes(folder, found, class_names, missing)
    read, told = _read(folder, listed, config, class_names)
    told += _describe_learnt(read.digests, config, class_names)
    content = checksum([("test", read.split.labels, read.digests)])
    root = Path(os.path.expanduser(path)).absolute()
    names = _name_images(root, listed, read.reading)
    return LabelledFolder(str(path), read.split, content, (*notes, *told), names)


def _name_images(
    root: Path, listed: ClassFolders, reading: ReadingRecord
) -> tuple[str, ...]:
    failed = {position for position, _ in reading.failures}
    return tuple(
        Path(entry.path).absolute().relative_to(root).as_posix()
        for position, (_, entry) in enumerate(listed.images_by_class())
        if position not in failed
    )


def _require_classes(
    folder: Path, found: Collection[str], class_names: Sequence[str], missing: str
) -> None:
    """See that all folders are classes of the run; ``missing`` is said if none is."""
    foreign = [name for name in found if name not in class_names]
    accents = describe_accents(foreign, class_names)
    near = {name: None if accents else nearest(name, class_names) for name in foreign}
    classes = f"The classes of the run are {list_some(class_names, _LISTED)}."
    if len(foreign) == len(found) and not (accents or any(near.values())):
        what = f"Its folders are {list_some(found)}. " if found else ""
        raise DataError(f"{folder} holds {missing}. {what}{classes}")
    if foreign:
        shown = list_some(
            [
                f"{name} (did you mean {near[name]}?)" if near[name] else name
                for name in foreign
            ]
        )
        raise DataError(
            f"{folder} has folders that are no class of the run: {shown}. {classes} "
            f"Rename them, or move them elsewhere.{accents}"
        )


def _read(
    folder: Path, listed: ClassFolders, config: Config, class_names: Sequence[str]
) -> tuple[ReadSplit, list[str]]:
    """The images with their labels, and notes; ``folder`` as the user named it."""
    notes = describe_listing(listed)
    if not listed.count:
        left_out = f" ({'; '.join(notes)})" if notes else ""
        raise DataError(
            f"{folder} has no picture in a class folder{left_out}; expected "
            "<class>/<picture> in it."
        )
    target = TargetSize.of(config.data)
    key = folder_key(listed.path)
    (read,) = read_splits(key, [listed], class_names, target)
    failures = describe_failures(listed, read.reading)
    if failures and config.data.damaged == "refuse":
        raise DataError(describe_unreadable(folder, failures))
    name = listed.title
    notes += describe_damaged(name, failures)
    notes += describe_reading(name, read.reading, len(read.split), target)
    return read, notes


def _describe_learnt(
    digests: np.ndarray, config: Config, class_names: Sequence[str]
) -> list[str]:
    """How many of the images the network has learnt from, where those are here."""
    place = os.path.expanduser(config.data.path or "")
    if config.data.dataset != "folder" or not os.path.exists(place):
        return []
    try:
        trained_on = open_config_dataset(config, class_names).store.digests
    except DataError:
        return []
    known = {
        digest.tobytes()
        for part in ("training", "validation")
        for digest in trained_on.get(part, ())
    }
    count = sum(digest.tobytes() in known for digest in digests)
    if not count:
        return []
    return [
        f"{count:,} of the {len(digests):,} pictures are among those of the training "
        f"in {config.data.path}, pixel for pixel: the network may know them by heart"
    ]


def _holds_dataset(
    layout: FolderLayout, config: Config, class_names: Sequence[str], trained_on: str
) -> bool:
    data = config.data
    if data.dataset in CIFAR_DATASETS:
        return any(find_locations(CIFAR_DATASETS[data.dataset], layout.root))
    if data.dataset != "folder" or layout.train is None:
        return False
    same = set(layout.train.images) == set(class_names)
    if layout.has_train_folder:
        return same or layout.test is None
    # Class folders: the ones that were trained on, of which only the test images may be
    # judged, or others.
    if not same or not os.path.lexists(os.path.expanduser(data.path or "")):
        return same
    try:
        here = open_config_dataset(config.with_data(path=str(layout.root)), class_names)
    except DataError:
        return False
    return here.has_checksum(trained_on)


def _describe_dataset(config: Config) -> str | None:
    name = config.data.dataset
    if name in CIFAR_DATASETS:
        cifar = CIFAR_DATASETS[name]
        return f"{cifar.title} ({describe_files(cifar)})"
    if name == "folder":
        return "the data set of the run (train/<class>/<picture>)"
    return None
