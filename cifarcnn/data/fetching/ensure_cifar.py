"""Having CIFAR on this machine: what is here already, or the network, or by hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.data.cifar.facts import CIFAR_DATASETS, Cifar
from cifarcnn.data.cifar.location import (
    Location,
    cache_folder,
    explain_by_hand,
    find_shadowing,
    find_usual_locations,
    write_provenance,
)
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.decoded_cache import DecodedStore
from cifarcnn.data.fetching.partial_file import is_there_already
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import FetchObserver, gather_sources
from cifarcnn.errors import DataError

OFFLINE = "CIFARCNN_OFFLINE"


@dataclass(frozen=True)
class FetchResult:
    """A data set that is there.

    Attributes:
        path: The archive, or the folder of files that was there already.
        url: Where it was fetched from; ``None`` when it was there.
    """

    path: Path
    url: str | None


def is_offline() -> bool:
    """Whether ``$CIFARCNN_OFFLINE`` forbids every use of the network."""
    return os.environ.get(OFFLINE, "") not in ("", "0")


def fetch_cifar(
    cifar: Cifar,
    *,
    asked: Sequence[str] = (),
    configured: Sequence[str] = (),
    folder: Path | None = None,
    offline: bool = False,
    policy: RetryPolicy | None = None,
    observer: FetchObserver | None = None,
) -> FetchResult:
    """Have the official files of ``cifar`` on this machine.

    Args:
        cifar: Which data set.
        asked: Further sources, tried first; see ``gather_sources``.
        configured: Further sources of a config, tried next.
        folder: Where the archive shall lie; ``None``: in the user's cache folder,
            unless the official files are in one of the usual places already.
        offline: Whether the network must not be used. ``$CIFARCNN_OFFLINE`` forbids
            it too.
        policy: Its bounds.
        observer: Told about every step.

    Raises:
        UsageError: A source is not an acceptable address.
        DataError: It is not here and could not be fetched; says why, for each source,
            and how to go on by hand.
    """
    # urllib3 takes its time to load, and most of who come here have the files.
    from cifarcnn.data.fetching.fetch import AllSourcesFailed, fetch_archive

    sources = gather_sources(cifar, asked, configured)
    observer = observer or FetchObserver()
    if folder is None:
        place = _find_official(cifar)
        if place is not None:
            return FetchResult(place.path, None)
    target = cache_folder() if folder is None else folder
    if offline or is_offline():
        why = "--offline was given" if offline else f"{OFFLINE} is set"
        return _find_archive(cifar, target, why)
    try:
        path, url = fetch_archive(
            sources, target, policy=policy or RetryPolicy(), observer=observer
        )
    except AllSourcesFailed as failure:
        raise DataError(
            f"{cifar.title} could not be fetched.\n{failure.causes}\n"
            f"{explain_by_hand(cifar, target)}"
        ) from None
    if url is not None:
        write_provenance(path, "fetched", url)
    first = find_shadowing(cifar, path) if folder is None else None
    if first is not None:
        observer.noted(
            f"{first} is found before {path} and is what the program uses; move it "
            "away, or name the other one with data.path."
        )
    return FetchResult(path, url)


def fetch_when_missing(
    dataset: str,
    path: str | Path | None,
    configured: Sequence[str],
    observer: FetchObserver | None,
) -> None:
    """Fetch a CIFAR that is in none of the usual places; do nothing else.

    Nothing is done either when a path says where it must lie, or
    ``$CIFARCNN_OFFLINE`` is set: opening it then says what is missing.

    Raises:
        UsageError: A source is not an acceptable address.
        DataError: It could not be fetched.
    """
    cifar = CIFAR_DATASETS.get(dataset)
    if cifar is None or path is not None or is_offline():
        return
    if not any(find_usual_locations(cifar)):
        fetch_cifar(cifar, configured=configured, observer=observer)


def _find_archive(cifar: Cifar, folder: Path, why: str) -> FetchResult:
    for layout in cifar.layouts:
        if is_there_already(folder / layout.archive.name, layout.archive):
            return FetchResult(folder / layout.archive.name, None)
    raise DataError(
        f"The official {cifar.title} is not here, and {why}, so that nothing is "
        f"fetched.\n{explain_by_hand(cifar, folder)}"
    )


def _find_official(cifar: Cifar) -> Location | None:
    """Where the official files are found when the data set is opened, if they are."""
    place = next(find_usual_locations(cifar), None)
    if place is None:
        return None
    try:
        official = DecodedStore(CifarSource(cifar, place)).official
    except DataError:
        return None
    return place if official else None
