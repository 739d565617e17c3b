"""The checksum of a folder in older runs: over the pixels, not over their digests."""

from __future__ import annotations

import hashlib

import numpy as np

from cifarcnn.data.decoded_cache import DecodedStore

_CHUNK = 1024  # images read at a time


def measure_pixel_checksum(store: DecodedStore) -> str:
    """SHA-256 over labels and images: training, test and validation split."""
    digest = hashlib.sha256()
    validation = store.validation()
    for split in (store.training(), store.test(), validation):
        if split is not None:
            digest.update(b"validation" if split is validation else b"")
            digest.update(split.labels.data)
            for start in range(0, len(split), _CHUNK):
                chunk = split.images[start : start + _CHUNK]
                digest.update(np.ascontiguousarray(chunk).data)
    return digest.hexdigest()
