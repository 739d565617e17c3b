"""From the words of a config to an open data set."""

from __future__ import annotations

from pathlib import Path

from cifarcnn.data.cifar_facts import CIFAR10, CIFAR100
from cifarcnn.data.cifar_source import CifarSource
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.decoded import DecodedStore, Source
from cifarcnn.data.folder import FolderSource
from cifarcnn.data.location import find_cifar
from cifarcnn.data.synthetic import SyntheticSource
from cifarcnn.errors import DataError, UsageError

_CIFAR = {facts.name: facts for facts in (CIFAR10, CIFAR100)}


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
    place = None if path is None else Path(path).expanduser()
    source: Source
    if dataset in _CIFAR:
        found = find_cifar(_CIFAR[dataset], place)
        source, origin, notice = (
            CifarSource(_CIFAR[dataset], found),
            str(found.path),
            None,
        )
    elif dataset == "folder":
        if place is None:
            raise DataError(
                "dataset: folder needs data.path, the folder that holds "
                "train/<class>/<picture>."
            )
        source, origin, notice = FolderSource(place), str(place), None
    elif dataset == "synthetic":
        if place is not None:
            raise UsageError(
                f"dataset: synthetic is drawn by code and takes no path, found {path}."
            )
        source, origin, notice = (
            SyntheticSource(),
            "drawn by code",
            "synthetic pictures drawn by code, not CIFAR-10",
        )
    else:
        raise UsageError(
            f"the data set {dataset!r} is unknown; "
            "expected cifar10, cifar100, synthetic or folder."
        )
    store = DecodedStore(source)
    return Dataset(
        name=dataset,
        class_names=store.class_names,
        origin=origin,
        checksum=store.checksum,
        official=store.official,
        notice=notice,
        store=store,
    )
