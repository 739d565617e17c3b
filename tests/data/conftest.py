"""CIFAR in miniature: the official formats with a few images in each file."""

from __future__ import annotations

import pickle
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.data.cifar.facts import CIFAR10, CIFAR100, Cifar, DataFile, Layout


def _shrunk(layout: Layout, per_file: int) -> Layout:
    files = [DataFile(file.name, per_file, None) for file in layout.data_files]
    return replace(layout, training=tuple(files[:-1]), test=files[-1])


def _miniature(cifar: Cifar, per_file: int) -> Cifar:
    return replace(
        cifar,
        binary=_shrunk(cifar.binary, per_file),
        python=_shrunk(cifar.python, per_file),
    )


def _short(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text


def _numbers(values: list[int]) -> bytes:
    return b"](" + b"".join(b"K" + bytes([value]) for value in values) + b"e"


def _python2_array(rows: np.ndarray) -> bytes:
    """A uint8 array as Python 2 and NumPy 1 pickled it."""
    shape = b"K\x01M" + len(rows).to_bytes(2, "little") + b"M\x00\x0c\x86"
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    kind += b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    content = b"T" + rows.size.to_bytes(4, "little") + rows.tobytes()
    head = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    )
    return head + b"(" + shape + kind + b"\x89" + content + b"tb"


@dataclass(frozen=True)
class Sample:
    """The images of a miniature, and the writing of its files.

    Attributes:
        cifar: Its facts.
        labels: Of each data file.
        rows: Pixels of each data file, ``(n, 3072)``.
    """

    cifar: Cifar
    labels: list[np.ndarray]
    rows: list[np.ndarray]

    def binary_bytes(self, number: int) -> bytes:
        labels = self.labels[number][:, None]
        coarse = [labels % limit for limit in self.cifar.label_limits[:-1]]
        return np.hstack([*coarse, labels, self.rows[number]]).tobytes()

    def python_bytes(self, number: int) -> bytes:
        entries = _short(self.cifar.labels_key.encode())
        entries += _numbers(self.labels[number].tolist())
        entries += _short(b"data") + _python2_array(self.rows[number])
        return b"\x80\x02}(" + entries + b"u."

    def write(self, kind: str, parent: Path) -> Path:
        """Write the folder of one layout; gives the folder."""
        layout = self.cifar.binary if kind == "binary" else self.cifar.python
        folder = parent / layout.folder
        folder.mkdir(parents=True)
        for number, file in enumerate(layout.data_files):
            make = self.binary_bytes if kind == "binary" else self.python_bytes
            (folder / file.name).write_bytes(make(number))
        names = list(self.cifar.class_names)
        if kind == "binary":
            (folder / layout.names_file).write_text("\n".join(names) + "\n\n")
        else:
            content = pickle.dumps({self.cifar.names_key: names}, protocol=2)
            (folder / layout.names_file).write_bytes(content)
        return folder

    def pack(self, kind: str, parent: Path) -> Path:
        """Write the archive of one layout; gives the archive."""
        layout = self.cifar.binary if kind == "binary" else self.cifar.python
        folder = self.write(kind, parent / "unpacked")
        for name in layout.ignored_files:
            (folder / name).write_text("not read")
        archive = parent / layout.archive.name
        with tarfile.open(archive, "w:gz", compresslevel=1) as members:
            members.add(folder, layout.folder)
        return archive


def _sample(cifar: Cifar, per_file: int) -> Sample:
    draws = np.random.default_rng(7)
    files = len(cifar.binary.data_files)
    classes = np.arange(per_file, dtype=np.uint8) % len(cifar.class_names)
    return Sample(
        _miniature(cifar, per_file),
        [draws.permutation(classes) for _ in range(files)],
        [draws.integers(0, 256, (per_file, 3072), np.uint8) for _ in range(files)],
    )


@pytest.fixture(scope="session")
def tiny10() -> Sample:
    """CIFAR-10 with 20 images in each of its six files."""
    return _sample(CIFAR10, 20)


@pytest.fixture(scope="session")
def tiny100() -> Sample:
    """CIFAR-100 with 200 images in each of its two files."""
    return _sample(CIFAR100, 200)


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of one test."""
    folder = tmp_path / "fresh-cache"
    monkeypatch.setenv("CIFARCNN_CACHE", str(folder))
    return folder


@pytest.fixture
def rewrite() -> Callable[[Path, Callable[[bytearray], object]], None]:
    """Change the bytes of a file in place."""

    def change(path: Path, edit: Callable[[bytearray], object]) -> None:
        content = bytearray(path.read_bytes())
        edit(content)
        path.write_bytes(content)

    return change
