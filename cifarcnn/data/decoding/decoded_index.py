"""What a cache of decoded files says of its images."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cifarcnn.data.decoding.file_reading import Reading

_TABLE = np.dtype(
    [("stamp", "V16"), ("digest", "V32"), ("mismatch", "<f8"), ("failed", "?")]
)
# What was wrong is found out anew: it may have been the disk, or the memory.
_FAILED = "it could not be read the last time."


class FileRecord(NamedTuple):
    """A file, and what it was decoded to.

    Attributes:
        stamp: Of its name, size and times, 16 bytes.
        digest: Of its pixels, 32 bytes.
        reading: What became of it.
    """

    stamp: bytes
    digest: bytes
    reading: Reading


class DecodedIndex(BaseModel):
    """The document beside the images.

    Attributes:
        version: Of this layout, and of the way images are read; another one is not
            read.
        images: The name of the ``.npy`` file.
        table: A row of ``_TABLE`` for each image, in base64.
        table_sha256: Of the rows.
        notes: The numbers of the images that each note is of.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1] = 1
    images: Annotated[str, Field(pattern=r"^[\w.-]+\.npy$")]
    table: str
    table_sha256: str
    notes: dict[str, list[int]]

    @classmethod
    def of(cls, images: str, records: Sequence[FileRecord]) -> DecodedIndex:
        """The index of images that were just decoded."""
        rows = np.array(
            [
                (stamp, digest, reading.mismatch, reading.failure is not None)
                for stamp, digest, reading in records
            ],
            _TABLE,
        )
        content = rows.tobytes()
        notes: dict[str, list[int]] = {}
        for number, record in enumerate(records):
            for note in record.reading.notes:
                notes.setdefault(note, []).append(number)
        return cls(
            images=images,
            table=base64.b64encode(content).decode(),
            table_sha256=hashlib.sha256(content).hexdigest(),
            notes=notes,
        )

    def records(self) -> list[FileRecord]:
        """What is known of each file.

        Raises:
            ValueError: The table is damaged.
        """
        content = base64.b64decode(self.table, validate=True)
        if hashlib.sha256(content).hexdigest() != self.table_sha256:
            raise ValueError
        noted: dict[int, tuple[str, ...]] = {}
        for note, numbers in self.notes.items():
            for number in numbers:
                noted[number] = (*noted.get(number, ()), note)
        return [
            FileRecord(
                stamp,
                digest,
                Reading(mismatch, noted.get(number, ()), _FAILED if failed else None),
            )
            for number, (stamp, digest, mismatch, failed) in enumerate(
                np.frombuffer(content, _TABLE).tolist()
            )
        ]
