"""From a copy of any form to the data set in the user's cache folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cifarcnn.data.cifar.facts import CIFAR10, CIFAR100, Cifar
from cifarcnn.data.cifar.location import (
    cache_folder,
    find_shadowing,
    write_provenance,
)
from cifarcnn.data.fetching.events import FetchObserver
from cifarcnn.data.fetching.fetch import locked
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.importing.check_content import check_content
from cifarcnn.data.importing.detect_format import read_copy
from cifarcnn.data.importing.install import install_copy


@dataclass(frozen=True)
class ImportResult:
    """What an import came to.

    Attributes:
        cifar: Which data set it was.
        path: Where it lies now.
        official: Whether it is the publisher's, to the byte.
        shadowed_by: What is found before it when the data set is opened, or ``None``.
    """

    cifar: Cifar
    path: Path
    official: bool
    shadowed_by: Path | None


def import_cifar(
    path: Path,
    kinds: tuple[Cifar, ...] = (CIFAR10, CIFAR100),
    *,
    folder: Path | None = None,
    observer: FetchObserver | None = None,
) -> ImportResult:
    """Check a copy of CIFAR and put it where the program looks for it.

    Args:
        path: An archive or folder of the binary or Python version, a folder that
            holds one (such as Keras's or torchvision's cache), an ``.npz`` file with
            the four arrays, or folders of images ``train/<class>`` and
            ``test/<class>``.
        kinds: The data sets that it may be.
        folder: Where it goes; ``None``: the user's cache folder.
        observer: Told when another process has to be waited for.

    Raises:
        DataError: There is no copy, it is damaged or not CIFAR, something else stands
            in its place, or there is no room.
    """
    found = read_copy(path, kinds)
    if not found.decoded.official:
        check_content(found.cifar, found.decoded, path)
    target = cache_folder() if folder is None else folder
    archive = found.cifar.binary.archive
    with locked(target, archive, RetryPolicy(), observer or FetchObserver()):
        placed = install_copy(found, target)
    write_provenance(placed, "imported", str(path.absolute()))
    return ImportResult(
        found.cifar,
        placed,
        found.decoded.official,
        find_shadowing(found.cifar, placed) if folder is None else None,
    )
