"""Small files that would like to be large: refused in little memory and time.

Each is opened by a process of its own, whose peak memory is measured.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

MEGABYTES = 300
SECONDS = 20
FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"

SCRIPT = """
import sys
from pathlib import Path
from cifarcnn.data.importing.import_cifar import import_cifar
from cifarcnn.errors import DataError
try:
    import_cifar(Path(sys.argv[1]))
    print("taken")
except DataError as error:
    print(error)
# Not ru_maxrss, which begins with that of the process that started this one.
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


def zipped(*pieces: tuple[bytes, int]) -> bytes:
    """A gzip file of bytes, each repeated so often; made in little memory as well."""
    squeeze = zlib.compressobj(9, wbits=31)
    parts = []
    for piece, count in pieces:
        many = max(1, (1 << 20) // len(piece))
        while count > 0:
            parts.append(squeeze.compress(piece * min(many, count)))
            count -= many
    return b"".join([*parts, squeeze.flush()])


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def endless_zeros(path: Path) -> None:
    # Gzip files one behind the other are one file, to gzip.
    path.write_bytes(gzip.compress(bytes(20_000_000), 9) * 100)


def large_member(path: Path) -> None:
    size = 8_000_000_000
    path.write_bytes(
        zipped((header(f"{FOLDER}/readme.html", size), 1), (bytes(512), 400_000))
    )


def note_of(kind: bytes, name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        note = header(name, 170_000_000, kind)
        path.write_bytes(zipped((note, 1), (bytes(512), 340_000)))

    return make


def many_folders(path: Path) -> None:
    path.write_bytes(zipped((header(FOLDER, 0, tarfile.DIRTYPE), 340_000)))


def note_upon_note(path: Path) -> None:
    note = header("x", 20, tarfile.XHDTYPE) + b"19 comment=xxxxxxxx\n".ljust(512, b"\0")
    path.write_bytes(zipped((header(FOLDER, 0, tarfile.DIRTYPE), 1), (note, 150_000)))


def sparse_map(path: Path) -> None:
    first = bytearray(header(f"{FOLDER}/readme.html", 512, tarfile.GNUTYPE_SPARSE))
    first[482] = 1  # a map goes on in the next block
    first[148:156] = b" " * 8
    first[148:156] = b"%06o\0 " % sum(first)
    block = (b"%011o\0" % 1) * 42 + b"\1" + bytes(7)
    path.write_bytes(zipped((bytes(first), 1), (block, 340_000)))


def array(claim: str, megabytes: int) -> Callable[[Path], None]:
    """An .npz file whose images begin with ``claim``, and then come zeros."""

    def make(path: Path) -> None:
        text = f"{{{claim}}}".encode().ljust(118) + b"\n"
        start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
        with zipfile.ZipFile(
            path, "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as members:
            for name, count in (("y_train", 50_000), ("y_test", 10_000)):
                labels = io.BytesIO()
                np.save(labels, np.arange(count) % 10)
                members.writestr(f"{name}.npy", labels.getvalue())
            for name in ("x_train", "x_test"):
                with members.open(f"{name}.npy", "w", force_zip64=True) as file:
                    file.write(start)
                    for _ in range(megabytes):
                        file.write(bytes(1 << 20))

    return make


def endless_directory(path: Path) -> None:
    """A zip file with four million entries, each of 46 bytes."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", *[0] * 16)
    count = 4_000_000
    end = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, len(entry) * count, 0, 0
    )
    with open(path, "wb") as file:
        file.write(b"PK\3\4")
        for _ in range(40):
            file.write(entry * (count // 40))
        file.write(end)


def objects(opcode: bytes) -> Callable[[Path], None]:
    """A Python batch of the right size that is nothing but small objects."""

    def make(folder: Path) -> None:
        folder.mkdir()
        names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
        for name in names:
            size = 31_035_704
            body = b"\x80\x02" + opcode * ((size - 3) // len(opcode))
            (folder / name).write_bytes(body.ljust(size, b"."))
        (folder / "batches.meta").write_bytes(b"\x80\x02}.")

    return make


WHOLE = "cannot be read to its end"
UNPACKS = "unpacks to more than 185,559,648 bytes, more than the official archive"
NOTE = "describes a member with 170,000,000 bytes, far more than"
MANY = "has more than 100 members. It is not CIFAR."
HUGE = "'descr': '|u1', 'fortran_order': False, 'shape': (9000000000, 32, 32, 3)"
OBJECTS = "'descr': '|O', 'fortran_order': False, 'shape': (50000, 32, 32, 3)"
RIGHT = "'descr': '|u1', 'fortran_order': False, 'shape': (50000, 32, 32, 3)"
PICKLE = "data_batch_1 is not a whole Python pickle."
CASES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "two gigabytes of zeros": (endless_zeros, ARCHIVE, UNPACKS),
    "a member of eight gigabytes": (large_member, ARCHIVE, "is too long: it has 8,0"),
    "a PAX header of 170 MB": (note_of(tarfile.XHDTYPE, "x"), ARCHIVE, NOTE),
    "a name of 170 MB": (note_of(tarfile.GNUTYPE_LONGNAME, "x"), ARCHIVE, NOTE),
    "340,000 folders": (many_folders, ARCHIVE, MANY),
    "headers that describe headers": (note_upon_note, ARCHIVE, MANY),
    "a sparse file with an endless map": (sparse_map, ARCHIVE, "not as a regular file"),
    "an array of 27 TB": (array(HUGE, 1), "a.npz", "x_train is uint8 (9000"),
    "an array of objects": (array(OBJECTS, 1), "a.npz", "holds Python objects"),
    "a gigabyte behind an array": (array(RIGHT, 1000), "a.npz", WHOLE),
    "four million members": (endless_directory, "a.npz", WHOLE),
    "a pickle of 31 million lists": (objects(b"]"), "cifar-10-batches-py", PICKLE),
    "a pickle of ten million sets": (objects(b"\x8f0]"), "cifar-10-batches-py", PICKLE),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_in_little_memory(case: str, tmp_path: Path) -> None:
    make, name, words = CASES[case]
    path = tmp_path / name
    make(path)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CIFARCNN_CACHE": str(tmp_path / "cache")},
        timeout=120,
    )
    assert done.stderr == ""
    said, megabytes = done.stdout.strip().rsplit("\n", 1)
    assert words in said
    assert int(megabytes) < MEGABYTES
    assert time.monotonic() - start < SECONDS
    assert not (tmp_path / "cache").exists()
