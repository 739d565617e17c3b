"""Files of every form, changed at random: a data set or a sentence, nothing else.

``CIFARCNN_FUZZ_EXAMPLES`` says how many for each form.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.data.cifar.location import Location
from cifarcnn.data.cifar.pickle_batch import read_pickled_batch, read_pickled_names
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.importing.npz import read_npz
from cifarcnn.errors import DataError

EXAMPLES = int(os.environ.get("CIFARCNN_FUZZ_EXAMPLES", "150"))

# What the readers look out for, and what might confuse them.
TOKENS = [
    *(
        bytes([code])
        for code in b"(.0123FGIJKLMNQRSTUVXabcdeghijlopqrstu}]\x80\x85\x86"
    ),
    *(bytes([code]) for code in range(0x80, 0x99)),
    b"cos\nsystem\n",
    b"\xff\xff\xff\xff",
    b"\x00" * 8,
    b"\x7f\xff\xff\xff",
    b"ustar\x0000",
    b"\x93NUMPY",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"|O",
    b"9" * 20,
    b"../",
]


def mutate(data: bytes, draws: random.Random, within: int) -> bytes:
    """A few changes, most of them in the first ``within`` bytes."""
    content = bytearray(data)
    for _ in range(draws.choice([1, 1, 1, 2, 3, 8])):
        reach = draws.choice([within, within, len(content)])
        place = draws.randrange(max(1, min(reach, len(content))))
        kind = draws.randrange(7)
        token = draws.choice(TOKENS)
        if kind == 0 and content:
            content[place % len(content)] ^= 1 << draws.randrange(8)
        elif kind == 1 and content:
            content[place % len(content)] = draws.randrange(256)
        elif kind == 2:
            content[place:place] = token
        elif kind == 3:
            content[place : place + len(token)] = token
        elif kind == 4:
            del content[place : place + draws.randrange(1, 600)]
        elif kind == 5:
            source = draws.randrange(max(1, len(content)))
            content[place:place] = content[source : source + draws.randrange(1, 600)]
        else:
            del content[draws.randrange(len(content) + 1) :]
    return bytes(content)


def try_all(
    data: bytes, read: Callable[[bytes], object], seed: str, within: int
) -> tuple[int, int]:
    """How many were taken and how many refused; anything else is an error."""
    draws = random.Random(seed)
    taken = refused = 0
    for number in range(EXAMPLES):
        changed = mutate(data, draws, within)
        try:
            read(changed)
            taken += 1
        except DataError as error:
            assert str(error) and "\n" not in str(error)
            refused += 1
        except BaseException:
            Path(f"fuzz-{seed}-{number}").write_bytes(changed)
            raise
    return taken, refused


def check(sample, decoded) -> None:
    classes = len(sample.cifar.class_names)
    for split in (decoded.training, decoded.test):
        assert split.images.dtype == np.uint8 and split.labels.dtype == np.uint8
        assert split.images.shape == (len(split.labels), 32, 32, 3)
        assert split.labels.max() < classes


@pytest.fixture
def decode(tiny10, tmp_path):
    """Reads the folder or archive of one layout, after a file of it was changed."""

    def prepare(kind: str, name: str | None):
        packed = name is None
        path = (tiny10.pack if packed else tiny10.write)(kind, tmp_path)
        layout = tiny10.cifar.binary if kind == "binary" else tiny10.cifar.python
        target = path if packed else path / name

        def read(data: bytes) -> None:
            target.write_bytes(data)
            place = Location(layout, path, packed=packed)
            check(tiny10, CifarSource(tiny10.cifar, place).decode())

        return target.read_bytes(), read

    return prepare


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("binary", "data_batch_2.bin"),
        ("binary", "batches.meta.txt"),
        ("python", "data_batch_2"),
        ("python", "batches.meta"),
    ],
)
def test_files_in_a_folder(decode, kind, name):
    data, read = decode(kind, name)
    _, refused = try_all(data, read, f"folder-{name}", within=400)
    assert refused > EXAMPLES / 3


@pytest.mark.parametrize("kind", ["binary", "python"])
def test_archives(decode, kind):
    data, read = decode(kind, None)
    _, refused = try_all(data, read, f"archive-{kind}", within=400)
    assert refused > EXAMPLES / 2


@pytest.mark.parametrize("kind", ["binary", "python"])
def test_what_is_in_archives(decode, kind):
    """Changed before it is zipped, so that the checksum of gzip is right."""
    data, read = decode(kind, None)

    def read_zipped(changed: bytes) -> None:
        read(gzip.compress(changed, 1))

    _, refused = try_all(gzip.decompress(data), read_zipped, f"tar-{kind}", within=2000)
    assert refused > EXAMPLES / 3


def test_pickled_batches(tiny10):
    images = len(tiny10.labels[0])

    def read(data: bytes) -> None:
        labels, pixels = read_pickled_batch(tiny10.cifar, data, "batch", images)
        assert labels.shape == (images,) and pixels.shape == (images, 3072)

    data = tiny10.python_bytes(0)
    _, refused = try_all(data, read, "pickle", within=200)
    assert refused > EXAMPLES / 3


def test_pickled_names(tiny10):
    def read(data: bytes) -> None:
        read_pickled_names(tiny10.cifar, data, "names")

    names = {"label_names": list(tiny10.cifar.class_names), "num_vis": 3072}
    for protocol in (0, 2, 4):
        data = pickle.dumps(names, protocol)
        try_all(data, read, f"names-{protocol}", within=len(data))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_files(tiny10, tmp_path, save):
    pixels = [rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) for rows in tiny10.rows]
    file = io.BytesIO()
    save(
        file,
        y_train=np.concatenate(tiny10.labels[:-1]),
        y_test=tiny10.labels[-1],
        x_train=np.concatenate(pixels[:-1]),
        x_test=pixels[-1],
    )
    path = tmp_path / "a.npz"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        check(tiny10, read_npz(path, (tiny10.cifar,))[1])

    _, refused = try_all(file.getvalue(), read, f"npz-{save.__name__}", within=800)
    assert refused > EXAMPLES / 3
