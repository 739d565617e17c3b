"""What is in the files that Weights & Biases leaves without a network."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# As in a log of LevelDB, which W&B took it from: blocks, and before each part of a
# record a header of checksum, length and kind, which tells first and last parts.
_BLOCK_BYTES = 32 * 1024
_HEADER_BYTES = 7
_FIRST = (1, 2)
_LAST = (1, 4)
_LONGEST_SECONDS = 10.0


def read_last_step(folder: Path, name: str) -> int | None:
    """The highest step that was written of a run; ``None`` where it has no file.

    Of a process that was killed it is less than W&B was told: it writes every 15 s.

    Args:
        folder: Where ``wandb`` keeps the folders of its runs.
        name: The id of the run.
    """
    files = [*folder.glob(f"offline-run-*-{name}/run-{name}.wandb")]
    records = (record for path in files for record in _read(path))
    steps = (
        record.history.step.num for record in records if record.HasField("history")
    )
    return max(steps, default=0) if files else None


def wait_for_end(path: Path) -> None:
    """Wait until all of a run is written, which W&B does after its ``finish``."""
    give_up = time.monotonic() + _LONGEST_SECONDS
    while not any(record.HasField("exit") for record in _read(path)):
        if time.monotonic() > give_up:
            raise TimeoutError(f"{path} is not written")
        time.sleep(0.02)


def _read(path: Path) -> Iterator[Any]:
    """The records of a file; of a damaged one the rest is lost to W&B as well."""
    from google.protobuf.message import DecodeError
    from wandb.proto.wandb_internal_pb2 import Record

    with contextlib.suppress(OSError, DecodeError):
        for content in _split(path.read_bytes()):
            yield Record.FromString(content)


def _split(data: bytes) -> Iterator[bytes]:
    # The file has a header of its own, which is as long.
    place, record = _HEADER_BYTES, b""
    while True:
        room = _BLOCK_BYTES - place % _BLOCK_BYTES
        if room < _HEADER_BYTES:
            place += room
        start = place + _HEADER_BYTES
        if start > len(data):
            return
        length, kind = struct.unpack_from("<HB", data, place + 4)
        place = start + length
        if place > len(data):
            return
        record = (b"" if kind in _FIRST else record) + data[start:place]
        if kind in _LAST:
            yield record
