"""The walk through a tar archive."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from cifarcnn.data.cifar.tar_members import read_members
from cifarcnn.errors import DataError

NAME = Path("some.tar")


def pack(*members: tuple[str, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mtime = 1.5  # makes a PAX header, where the format has them
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def contents(data: bytes) -> list[tuple[str, bytes]]:
    return [
        (header.name, read()) for header, read in read_members(io.BytesIO(data), NAME)
    ]


MEMBERS = (("a/one", b"1" * 700), ("a/two", b""), ("a/three", b"3" * 512))


@pytest.mark.parametrize(
    "kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]
)
def test_every_format_is_read(kind):
    assert contents(pack(*MEMBERS, kind=kind)) == list(MEMBERS)


def test_what_is_not_read_is_passed_over():
    stream = io.BytesIO(pack(*MEMBERS))
    assert [header.name for header, _ in read_members(stream, NAME)] == [
        "a/one",
        "a/two",
        "a/three",
    ]


@pytest.mark.parametrize("length", [0, 100, 511])
def test_an_end_within_a_header(length):
    data = pack(("a", b"1"), kind=tarfile.USTAR_FORMAT)[: 1024 + length]
    if length == 0:  # without the closing zeros: as good as with them
        assert contents(data) == [("a", b"1")]
        return
    with pytest.raises(tarfile.TarError):
        contents(data[:1024] + b"x" * length)


@pytest.mark.parametrize("length", [513, 1023, 1300])
def test_an_end_within_the_content(length):
    data = pack(("a", b"1" * 900), kind=tarfile.USTAR_FORMAT)
    with pytest.raises(EOFError):
        contents(data[:length])


def test_a_damaged_header():
    data = bytearray(pack(*MEMBERS))
    data[3] ^= 1
    with pytest.raises(tarfile.TarError):
        contents(bytes(data))


def test_too_many_members():
    data = pack(*((f"{number}", b"") for number in range(101)), kind=tarfile.GNU_FORMAT)
    with pytest.raises(DataError) as caught:
        contents(data)
    assert str(caught.value) == ("some.tar has more than 100 members. It is not CIFAR.")


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_long_note(kind):
    info = tarfile.TarInfo("note")
    info.type, info.size = kind, 64 * 1024 + 1
    data = info.tobuf(tarfile.USTAR_FORMAT) + bytes(info.size)
    with pytest.raises(DataError) as caught:
        contents(data)
    assert str(caught.value) == (
        "some.tar describes a member with 65,537 bytes, far more than an archive of "
        "CIFAR needs. It is not CIFAR."
    )
