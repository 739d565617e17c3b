"""Archives made by somebody who means no good, and broken ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from cifarcnn.data.cifar.files import is_official_archive, read_archive
from cifarcnn.errors import DataError


def read(sample, archive: Path) -> list[str]:
    layout = sample.cifar.binary
    return [piece.name for piece in read_archive(sample.cifar, layout, archive)]


def refusal(sample, archive: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(sample, archive)
    return str(caught.value)


def add_to(archive: Path, member: tarfile.TarInfo, content: bytes = b"") -> None:
    unzipped = io.BytesIO(gzip.decompress(archive.read_bytes()))
    with tarfile.open(fileobj=unzipped, mode="a") as members:
        member.size = len(content)
        members.addfile(member, io.BytesIO(content))
    archive.write_bytes(gzip.compress(unzipped.getvalue(), 1))


def test_bystanders_of_the_official_archive_are_passed_over(tiny10, tmp_path):
    names = read(tiny10, tiny10.pack("binary", tmp_path))
    assert sorted(names) == [
        "batches.meta.txt",
        *(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test_batch.bin",
    ]


def test_a_leading_dot_is_accepted(tiny10, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as members:
        members.add(folder, f"./{folder.name}")
    assert len(read(tiny10, archive)) == 7


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "cifar-10-batches-bin/../../outside",
        "cifar-10-batches-bin/extra.bin",
        "elsewhere/data_batch_1.bin",
        "data_batch_1.bin",
    ],
)
def test_foreign_members_are_refused_and_nothing_is_written(tiny10, tmp_path, name):
    archive = tiny10.pack("binary", tmp_path / "inside")
    before = sorted(tmp_path.rglob("*"))
    add_to(archive, tarfile.TarInfo(name), b"content")
    assert refusal(tiny10, archive) == (
        f"{archive} holds {name!r}, which is not a file of cifar-10-batches-bin."
    )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_are_refused(tiny10, tmp_path, kind):
    archive = tiny10.pack("binary", tmp_path)
    member = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
    member.type, member.linkname = kind, "/etc/passwd"
    add_to(archive, member)
    assert refusal(tiny10, archive) == (
        f"{archive} holds 'cifar-10-batches-bin/test_batch.bin' not as a regular file."
    )


def test_a_member_that_comes_twice_is_refused(tiny10, tmp_path):
    archive = tiny10.pack("binary", tmp_path)
    member = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
    add_to(archive, member, tiny10.binary_bytes(0))
    assert refusal(tiny10, archive) == (
        f"{archive} holds 'cifar-10-batches-bin/test_batch.bin' twice."
    )


def test_a_member_of_a_wrong_size_is_refused_unread(tiny10, tmp_path):
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz"):
        pass
    add_to(archive, tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin"), bytes(7))
    assert refusal(tiny10, archive) == (
        f"{archive}: cifar-10-batches-bin/test_batch.bin is cut short: it has 7 bytes, "
        "expected 61,460. Get it again."
    )


def test_missing_members_are_named(tiny10, tmp_path):
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as members:
        folder = tiny10.write("binary", tmp_path)
        members.add(folder / "test_batch.bin", f"{folder.name}/test_batch.bin")
    assert refusal(tiny10, archive) == (
        f"{archive} lacks data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, "
        "data_batch_4.bin, data_batch_5.bin and batches.meta.txt. Get it again."
    )


def test_a_bomb_is_stopped_early(tiny10, tmp_path):
    archive = tiny10.pack("binary", tmp_path)
    unzipped = gzip.decompress(archive.read_bytes())
    archive.write_bytes(gzip.compress(unzipped + bytes(300_000_000), 1))
    assert archive.stat().st_size < 3_000_000
    assert refusal(tiny10, archive) == (
        f"{archive} unpacks to more than 1,548,408 bytes, more than the official "
        "archive. It is not CIFAR."
    )


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_an_archive_cut_short_is_refused(tiny10, tmp_path, kept):
    archive = tiny10.pack("binary", tmp_path)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * kept)])
    assert refusal(tiny10, archive) == (
        f"{archive} is damaged or not a .tar.gz archive: it cannot be read to its end. "
        "Get it again."
    )


@pytest.mark.parametrize(
    "content", [b"<html>503</html>", gzip.compress(b"x" * 1024, mtime=0), b"\x1f\x8b"]
)
def test_something_else_under_the_name_is_refused(tiny10, tmp_path, content):
    archive = tmp_path / "cifar-10-binary.tar.gz"
    archive.write_bytes(content)
    assert refusal(tiny10, archive) == (
        f"{archive} is damaged or not a .tar.gz archive: it cannot be read to its end. "
        "Get it again."
    )


def test_an_archive_that_cannot_be_opened_is_named(tiny10, tmp_path):
    for use in (
        lambda: read(tiny10, tmp_path / "gone"),
        lambda: is_official_archive(tiny10.cifar.binary, tmp_path / "gone"),
    ):
        with pytest.raises(DataError) as caught:
            use()
        assert str(caught.value) == (
            f"{tmp_path / 'gone'} cannot be read: No such file or directory."
        )


def test_size_and_checksum_make_an_archive_official(tiny10, tmp_path):
    path = tiny10.pack("binary", tmp_path)
    layout, content = tiny10.cifar.binary, path.read_bytes()
    assert not is_official_archive(layout, path)
    digest = hashlib.sha256(content).hexdigest()
    known = replace(layout.archive, size=len(content), sha256=digest)
    assert is_official_archive(replace(layout, archive=known), path)
    other = replace(layout, archive=replace(known, sha256="00"))
    with pytest.raises(DataError) as caught:
        is_official_archive(other, path)
    assert str(caught.value) == (
        f"{path} has the size of the official archive but the sha256 {digest}, "
        "expected 00: it is damaged. Get it again."
    )
