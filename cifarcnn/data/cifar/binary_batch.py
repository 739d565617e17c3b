"""The binary files of CIFAR: records of one or two label bytes and 3,072 pixels."""

from __future__ import annotations

import numpy as np

from cifarcnn.data.cifar.facts import Cifar
from cifarcnn.errors import DataError


def read_binary_batch(
    cifar: Cifar, data: bytes, shown: str
) -> tuple[np.ndarray, np.ndarray]:
    """Read one batch, whose length was checked before.

    Args:
        cifar: Which data set.
        data: The file: whole records.
        shown: Its name, for messages.

    Returns:
        The labels, uint8 ``(images,)``, and the pixels, uint8 ``(images, 3072)``.

    Raises:
        DataError: A label byte is larger than it can be.
    """
    records = np.frombuffer(data, np.uint8).reshape(-1, cifar.record_bytes)
    for byte, limit in enumerate(cifar.label_limits):
        wrong = np.flatnonzero(records[:, byte] >= limit)
        if len(wrong):
            raise DataError(
                f"{shown}: picture {wrong[0]} (counted from 0) has the label "
                f"{records[wrong[0], byte]}, expected 0 to {limit - 1}."
            )
    labels = len(cifar.label_limits)
    return records[:, labels - 1], records[:, labels:]


def read_text_names(data: bytes, shown: str) -> list[str]:
    """Read the names of the classes, one a line.

    Raises:
        DataError: The file is not plain text.
    """
    try:
        return data.decode("ascii").split()
    except UnicodeDecodeError:
        raise DataError(
            f"{shown} is not plain text; expected one class name a line."
        ) from None
