"""CIFAR from an .npz file, sound, damaged and hostile."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from cifarcnn.data.importing.npz import NAMES, read_npz
from cifarcnn.errors import DataError


@pytest.fixture
def arrays(tiny10):
    pixels = [rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) for rows in tiny10.rows]
    return {
        "x_train": np.concatenate(pixels[:-1]),
        "y_train": np.concatenate(tiny10.labels[:-1])[:, None],
        "x_test": pixels[-1],
        "y_test": tiny10.labels[-1][:, None],
    }


@pytest.fixture
def read(tiny10, tiny100, tmp_path, arrays):
    def read(save=np.savez_compressed, **changed):
        path = tmp_path / "cifar.npz"
        save(path, **{**arrays, **changed})
        return read_npz(path, (tiny10.cifar, tiny100.cifar))

    return read


@pytest.fixture
def refusal(read, tmp_path):
    def refusal(**changed):
        with pytest.raises(DataError) as caught:
            read(**changed)
        return str(caught.value).removeprefix(f"{tmp_path / 'cifar.npz'}")

    return refusal


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_arrays_of_keras_are_read(read, arrays, tiny10, save):
    cifar, decoded = read(save)
    assert cifar.name == "cifar10"
    assert np.array_equal(decoded.training.images, arrays["x_train"])
    assert np.array_equal(decoded.training.labels, arrays["y_train"][:, 0])
    assert np.array_equal(decoded.test.images, arrays["x_test"])
    assert decoded.test.images.dtype == decoded.test.labels.dtype == np.uint8


def test_other_orders_and_types_of_the_same_numbers(read, arrays):
    _, plain = read()
    _, other = read(
        x_train=np.ascontiguousarray(arrays["x_train"].transpose(0, 3, 1, 2)),
        y_train=arrays["y_train"][:, 0].astype(np.int64),
        x_test=np.asfortranarray(arrays["x_test"]),
        y_test=arrays["y_test"].astype(">i4"),
    )
    assert other.checksum == plain.checksum


def test_the_labels_tell_cifar_100(tiny10, tiny100, tmp_path):
    path = tmp_path / "cifar.npz"
    labels = np.arange(200, dtype=np.uint8) % 100
    images = np.zeros((200, 32, 32, 3), np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert read_npz(path, (tiny100.cifar,))[0].name == "cifar100"


def test_missing_arrays_are_named(arrays, tmp_path, tiny10):
    path = tmp_path / "cifar.npz"
    np.savez(path, x_train=arrays["x_train"], other=arrays["y_test"])
    with pytest.raises(DataError) as caught:
        read_npz(path, (tiny10.cifar,))
    assert str(caught.value) == (
        f"{path} lacks y_train, x_test, y_test; expected the arrays x_train, y_train, "
        "x_test, y_test."
    )


SHAPES = "of the shape (100, 32, 32, 3) or (100, 3, 32, 32)."


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda x: x[1:], "uint8 (99, 32, 32, 3)"),
        (lambda x: x.astype(np.float32) / 255, "float32 (100, 32, 32, 3)"),
        (lambda x: x.astype(np.uint16), "uint16 (100, 32, 32, 3)"),
        (lambda x: x.astype(np.int8), "int8 (100, 32, 32, 3)"),
        (lambda x: x.reshape(100, -1), "uint8 (100, 3072)"),
        (lambda x: x[..., :1], "uint8 (100, 32, 32, 1)"),
    ],
)
def test_images_of_another_shape_or_type(refusal, arrays, make, found):
    assert refusal(x_train=make(arrays["x_train"])) == (
        f": x_train is {found}, expected uint8, 0 to 255, {SHAPES}"
    )


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda y: np.eye(10)[y[:, 0]], "float64 (20, 10)"),
        (lambda y: y.astype(float), "float64 (20, 1)"),
        (lambda y: y[:0], "uint8 (0, 1)"),
        (lambda y: y.astype("S1"), "|S1 (20, 1)"),
        (lambda y: y[:, 0].astype("M8[s]"), "datetime64[s] (20,)"),
    ],
)
def test_labels_of_another_shape_or_type(refusal, arrays, make, found):
    assert refusal(y_test=make(arrays["y_test"])) == (
        f": y_test is {found}, expected integers, of the shape (20,) or (20, 1)."
    )


@pytest.mark.parametrize(("wrong", "shown"), [(-1, -1), (300, 300)])
def test_labels_out_of_range(refusal, arrays, wrong, shown):
    labels = arrays["y_train"].astype(np.int64)
    labels[7] = wrong
    assert refusal(y_train=labels) == (
        f": y_train has the label {shown}, expected 0 or more."
    )


def test_neither_10_nor_100_classes(refusal, arrays):
    labels = arrays["y_train"].copy()
    labels[7] = 10
    assert refusal(y_train=labels) == ": the largest label is 10, expected 9 or 99."


def test_python_objects_are_not_unpickled(refusal, arrays, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    hostile = np.empty((100, 32, 32, 3), object)
    hostile[0, 0, 0, 0] = Evil()
    assert refusal(x_train=hostile) == (
        ": x_train holds Python objects, which could run code when they are read, and "
        "was not opened; expected uint8, 0 to 255."
    )
    assert not (tmp_path / "harm").exists()


BROKEN = " is damaged or not an .npz file: it cannot be read to its end."


def test_a_file_cut_short(read, tmp_path, tiny10):
    read()
    path = tmp_path / "cifar.npz"
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(DataError) as caught:
            read_npz(path, (tiny10.cifar,))
        assert str(caught.value) == f"{path}{BROKEN}"


def test_changed_bytes_are_noticed(read, tmp_path, tiny10):
    read(np.savez)
    path = tmp_path / "cifar.npz"
    content = bytearray(path.read_bytes())
    content[20_000] ^= 1  # within x_train
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_npz(path, (tiny10.cifar,))
    assert str(caught.value) == f"{path}{BROKEN}"


def header(text: str, version: int = 1) -> bytes:
    encoded = text.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(encoded))
    return b"\x93NUMPY" + bytes([version, 0]) + length + encoded


PLAIN = "{'descr': '|u1', 'fortran_order': False, 'shape': (100, 32, 32, 3), }"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"not an array",
        b"\x93NUMPY\x01\x00\xff\xff" + b" " * 1000,  # longer than there is
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"(" * 5000,  # 4 GB of header
        b"\x93NUMPY\x09\x00" + b" " * 100,
        header("(" * 2000),
        header("{'descr': '|u1'}"),
        header("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}"),
        header(PLAIN.replace("100", "1" + "0" * 1000)),
        header("__import__('os').system('true')"),
        header(PLAIN.replace("|u1", "nonsense")),
        header(PLAIN),  # and not one number
        header(PLAIN) + bytes(100 * 3072 + 1),
    ],
)
def test_arrays_that_are_not_what_they_say(arrays, tmp_path, tiny10, content):
    path = tmp_path / "cifar.npz"
    with zipfile.ZipFile(path, "w") as members:
        for name in NAMES:
            buffer = io.BytesIO()
            np.save(buffer, arrays[name])
            whole = content if name == "x_train" else buffer.getvalue()
            members.writestr(f"{name}.npy", whole)
    with pytest.raises(DataError) as caught:
        read_npz(path, (tiny10.cifar,))
    assert str(caught.value) in (
        f"{path}{BROKEN}",
        f"{path}: x_train is uint8 (1{'0' * 78}, expected uint8, 0 to 255, {SHAPES}",
    )


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_not_opened(arrays, tmp_path, tiny10, method):
    path = tmp_path / "cifar.npz"
    with zipfile.ZipFile(path, "w", method) as members:
        for name in NAMES:
            buffer = io.BytesIO()
            np.save(buffer, arrays[name])
            members.writestr(f"{name}.npy", buffer.getvalue())
    with pytest.raises(DataError) as caught:
        read_npz(path, (tiny10.cifar,))
    assert str(caught.value) == f"{path}{BROKEN}"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError) as caught:
        read_npz(tmp_path / "no.npz")
    assert str(caught.value) == (
        f"{tmp_path / 'no.npz'} cannot be read: No such file or directory."
    )
