"""Decoded arrays: from the cache when it is whole, else from the source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from pydantic import JsonValue

from cifarcnn.config.datasets import ImageShape
from cifarcnn.data.cache import ArrayCache
from cifarcnn.data.splits import Split


@dataclass(frozen=True)
class Decoded:
    """Everything that a source holds, read and checked.

    Attributes:
        class_names: The name of each class, in the order of the labels.
        training: The training split.
        test: The test split, or ``None`` where the source has none.
        official: Whether the files are those of the publisher, to the byte.
    """

    class_names: tuple[str, ...]
    training: Split
    test: Split | None
    official: bool

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over labels and images, the training split first."""
        digest = hashlib.sha256()
        for split in (self.training, self.test):
            if split is not None:
                digest.update(split.labels.data)
                digest.update(split.images.data)
        return digest.hexdigest()


class ImageSource(Protocol):
    """Something that images can be read from."""

    @property
    def key(self) -> str:
        """A name of its own, fit for a folder of the cache."""

    @property
    def origin(self) -> str:
        """Where the images come from, in one phrase."""

    @property
    def notice(self) -> str | None:
        """What every result must say about the images, or ``None``."""

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of each image."""

    def signature(self) -> dict[str, JsonValue]:
        """What changes whenever the source does, and is quick to find out."""

    def decode(self) -> Decoded:
        """Read everything and check it.

        Raises:
            DataError: Something is missing, damaged or not what it claims to be.
        """


class DecodedStore:
    """The arrays of one source, decoded once and then kept in the cache.

    A cache that is damaged, out of date or unwritable is never an error, for it holds
    nothing that the source does not.

    Attributes:
        class_names: The name of each class.
        official: Whether the files are those of the publisher, to the byte.
        checksum: See ``Dataset.checksum``.
    """

    def __init__(self, source: ImageSource) -> None:
        """Look into the cache, or else read the source.

        Raises:
            DataError: The source was read and is not sound.
        """
        self._source = source
        self._cache = ArrayCache(source.key)
        self._decoded: Decoded | None = None
        self._index = self._cache.read_index(source.signature())
        known = self._index or self._fresh()
        self.class_names = known.class_names
        self.official = known.official
        self.checksum = known.checksum

    def training(self) -> Split:
        """The whole training split."""
        return self._cached("training") or self._fresh().training

    def test(self) -> Split | None:
        """The test split, read from the disk only now; ``None`` where there is none."""
        if self._index is not None and not self._index.has_test:
            return None
        return self._cached("test") or self._fresh().test

    def _cached(self, name: Literal["training", "test"]) -> Split | None:
        if self._index is None:
            return None
        images = self._cache.read_array(self._index, f"{name}-images.npy")
        labels = self._cache.read_array(self._index, f"{name}-labels.npy")
        return None if images is None or labels is None else Split(images, labels)

    def _fresh(self) -> Decoded:
        # Reached without arrays in memory only when the cache turned out damaged.
        if self._decoded is None:
            self._decoded = self._decode()
        return self._decoded

    def _decode(self) -> Decoded:
        # The signature first: whatever changes during the reading is then read again.
        signature = self._source.signature()
        decoded = self._source.decode()
        arrays = {
            "training-images.npy": decoded.training.images,
            "training-labels.npy": decoded.training.labels,
        }
        if decoded.test is not None:
            arrays["test-images.npy"] = decoded.test.images
            arrays["test-labels.npy"] = decoded.test.labels
        self._cache.write(
            arrays,
            signature=signature,
            class_names=decoded.class_names,
            official=decoded.official,
            checksum=decoded.checksum,
        )
        self._index = None
        return decoded
