"""What is in the files that Weights & Biases leaves without a network."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path

# As in a log of LevelDB, which W&B took it from: blocks, and before each part of a
# record a header of checksum, length and kind, which tells first and last parts.
_BLOCK_BYTES = 32 * 1024
_HEADER_BYTES = 7
_FIRST = (1, 2)
_LAST = (1, 4)


def read_last_step(folder: Path, name: str) -> int:
    """The highest step that was written of a run; 0 for none.

    Of a process that was killed it is less than W&B was told: it writes every 15 s.

    Args:
        folder: Where ``wandb`` keeps the folders of its runs.
        name: The id of the run.
    """
    from google.protobuf.message import DecodeError
    from wandb.proto.wandb_internal_pb2 import Record

    steps = [0]
    for path in folder.glob(f"offline-run-*-{name}/run-{name}.wandb"):
        # Of a damaged one the rest is lost to W&B as well.
        with contextlib.suppress(OSError, DecodeError):
            for content in _read_records(path.read_bytes()):
                record = Record.FromString(content)
                if record.HasField("history"):
                    steps.append(record.history.step.num)
    return max(steps)


def _read_records(data: bytes) -> Iterator[bytes]:
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
