"""Is it CIFAR? What can be said of images that carry no known checksum."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from cifarcnn.data.cifar.facts import Cifar
from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError

# The official files have a few images twice, far fewer than one in a hundred.
_MOST_REPEATED = 0.05


def check_content(cifar: Cifar, decoded: Decoded, path: Path) -> None:
    """Hold everything that can be counted against what CIFAR is.

    Args:
        cifar: What it claims to be.
        decoded: What was read; its images are 32x32 already.
        path: For messages.

    Raises:
        DataError: There are too few or too many images, or of a class, or a large
            part of them is the same image again.
    """
    if decoded.test is None:
        raise DataError(f"{path} has no test pictures; {cifar.title} has 10,000.")
    training, testing = _digests(decoded.training), _digests(decoded.test)
    for name, split, digests, expected in (
        ("training", decoded.training, training, cifar.training_images),
        ("test", decoded.test, testing, cifar.binary.test.images),
    ):
        _check_counts(cifar, path, name, split, expected)
        repeated = len(digests) - len(set(digests))
        if repeated > _MOST_REPEATED * len(digests):
            raise DataError(
                f"{path}: {repeated:,} of the {len(digests):,} {name} pictures are "
                f"there more than once; this is not {cifar.title}."
            )
    known = set(training)
    shared = sum(digest in known for digest in testing)
    if shared > _MOST_REPEATED * len(testing):
        raise DataError(
            f"{path}: {shared:,} of the {len(testing):,} test pictures are training "
            "pictures too: judging by them would say nothing."
        )


def _check_counts(
    cifar: Cifar, path: Path, name: str, split: Split, expected: int
) -> None:
    if len(split) != expected:
        raise DataError(
            f"{path} has {len(split):,} {name} pictures, expected the {expected:,} of "
            f"{cifar.title}."
        )
    each = expected // len(cifar.class_names)
    counts = np.bincount(split.labels, minlength=len(cifar.class_names)).tolist()
    for title, count in zip(cifar.class_names, counts, strict=True):
        if count != each:
            raise DataError(
                f"{path} has {count:,} {name} pictures of the class {title}, expected "
                f"{each:,} of every class."
            )


def _digests(split: Split) -> list[bytes]:
    return [
        hashlib.blake2b(image.data, digest_size=8).digest()
        for image in split.images.reshape(len(split), -1)
    ]
