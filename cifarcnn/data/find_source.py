"""Where the images of a data set come from."""

from __future__ import annotations

from pathlib import Path

from cifarcnn.config.datasets import DATASETS, Data
from cifarcnn.data.cifar.facts import CIFAR_DATASETS
from cifarcnn.data.cifar.location import find_cifar
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.decoded_cache import ImageSource
from cifarcnn.data.folder.source import FolderSource
from cifarcnn.data.synthetic import SyntheticSource
from cifarcnn.errors import DataError, UsageError


def find_source(dataset: str, path: Path | None, settings: Data) -> ImageSource:
    """The source of a data set, as it lies on this machine.

    Args:
        dataset: Its name.
        path: Where it lies, if that is given.
        settings: Of a ``folder``: the size of its images, and how it is cut.

    Raises:
        UsageError: There is no such data set, or it takes no path.
        DataError: It was not found.
    """
    if dataset in CIFAR_DATASETS:
        cifar = CIFAR_DATASETS[dataset]
        return CifarSource(cifar, find_cifar(cifar, path))
    if dataset == "folder":
        if path is None:
            raise DataError(
                "dataset: folder needs data.path, the folder that holds "
                "<class>/<picture>, or a list."
            )
        return FolderSource.of(path, settings)
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
