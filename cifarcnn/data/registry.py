"""From the words of a config to an open data set."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cifarcnn.config import Config
from cifarcnn.config.datasets import DATASETS
from cifarcnn.data.cifar.facts import CIFAR_DATASETS
from cifarcnn.data.cifar.location import find_cifar
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.decoded_cache import DecodedStore, ImageSource
from cifarcnn.data.folder import FolderSource
from cifarcnn.data.synthetic import SyntheticSource
from cifarcnn.errors import DataError, UsageError


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
    if dataset not in _SOURCES:
        *others, last = _SOURCES
        raise UsageError(
            f"the data set {dataset!r} is unknown; expected {', '.join(others)} or "
            f"{last}."
        )
    place = None if path is None else Path(os.path.expanduser(path))
    return open_source(dataset, _SOURCES[dataset](place))


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


def _find_cifar(name: str, path: Path | None) -> ImageSource:
    cifar = CIFAR_DATASETS[name]
    return CifarSource(cifar, find_cifar(cifar, path))


def _find_folder(path: Path | None) -> ImageSource:
    if path is None:
        raise DataError(
            "dataset: folder needs data.path, the folder that holds "
            "train/<class>/<picture>."
        )
    return FolderSource(path, DATASETS["folder"].image_shape)


def _find_synthetic(path: Path | None) -> ImageSource:
    if path is not None:
        raise UsageError(
            f"dataset: synthetic is drawn by code and takes no path, found {path}."
        )
    return SyntheticSource()


_SOURCES: dict[str, Callable[[Path | None], ImageSource]] = {
    "cifar10": partial(_find_cifar, "cifar10"),
    "cifar100": partial(_find_cifar, "cifar100"),
    "synthetic": _find_synthetic,
    "folder": _find_folder,
}
