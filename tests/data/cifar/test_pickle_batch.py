"""Pickles that want more than to be numbers."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.data.cifar.pickle_batch import read_pickled_batch, read_pickled_names
from cifarcnn.errors import DataError


class Caller:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def refusal(cifar, content: object) -> str:
    data = content if isinstance(content, bytes) else pickle.dumps(content, protocol=4)
    with pytest.raises(DataError) as caught:
        read_pickled_batch(cifar, data, "batch", 20)
    return str(caught.value)


def batch(**changes) -> dict[str, object]:
    content = {"labels": [1] * 20, "data": np.zeros((20, 3072), np.uint8)}
    return content | changes


def test_a_pickle_that_calls_something_is_refused_and_calls_nothing(tiny10, tmp_path):
    marker = tmp_path / "marker"
    for function, arguments, name in [
        (os.system, (f"touch {marker}",), "posix.system"),
        (Path.touch, (marker,), "pathlib.Path.touch"),
        (eval, ("1",), "builtins.eval"),
    ]:
        sentence = refusal(tiny10.cifar, batch(extra=Caller(function, *arguments)))
        asked = "pathlib" if name.startswith("pathlib") else name
        assert sentence.startswith(f"batch asks for {asked}")
        assert not marker.exists()
    assert sentence == (
        "batch asks for builtins.eval, which no CIFAR file contains: it could do harm "
        "and was not opened. Get the official file."
    )


@pytest.mark.parametrize(
    "name", ["numpy.fromfile", "numpy.core.multiarray.fromfile", "_codecs.encode"]
)
def test_other_names_of_numpy_are_refused_too(tiny10, name):
    module, _, function = name.rpartition(".")
    data = f"c{module}\n{function}\n.".encode()
    assert refusal(tiny10.cifar, data) == (
        f"batch asks for {name}, which no CIFAR file contains: it could do harm and "
        "was not opened. Get the official file."
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04}",
        b"not a pickle",
        b"r\xff\xff\xff\x7f.",
        b"}r\xff\xff\xff\x7f.",  # would make a table of 16 GB
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",
    ],
)
def test_broken_bytes_are_refused(tiny10, data):
    assert refusal(tiny10.cifar, data) == (
        "batch is not a whole Python pickle. Get the official file."
    )


def test_a_pickle_of_something_else_is_refused(tiny10):
    assert refusal(tiny10.cifar, [1, 2]) == (
        "batch holds a list, expected a dictionary. Get the official file."
    )


@pytest.mark.parametrize(
    ("labels", "found"), [([1] * 19, "19"), (None, "none"), ("x" * 20, "none")]
)
def test_a_wrong_number_of_labels_is_refused(tiny10, labels, found):
    assert refusal(tiny10.cifar, batch(labels=labels)) == (
        f"batch should hold 20 labels under 'labels', found {found}."
    )


@pytest.mark.parametrize("label", [10, -1, True, 1.0, "cat"])
def test_a_wrong_label_is_refused(tiny10, label):
    assert refusal(tiny10.cifar, batch(labels=[0, 0, label] + [0] * 17)) == (
        f"batch: picture 2 (counted from 0) has the label {label!r}, expected 0 to 9."
    )


@pytest.mark.parametrize(
    "pixels",
    [
        None,
        b"x" * 20 * 3072,
        np.zeros((20, 3071), np.uint8),
        np.zeros((19, 3072), np.uint8),
        np.zeros((20, 3072), np.int8),
        np.zeros((20, 3072), np.float32),
        np.asfortranarray(np.zeros((20, 3072), np.uint8)),
    ],
)
def test_anything_but_an_array_of_bytes_is_refused(tiny10, pixels):
    assert refusal(tiny10.cifar, batch(data=pixels)) == (
        "batch should hold an array of 20 x 3,072 bytes (uint8) under 'data', found "
        "something else."
    )


def test_names_must_be_a_list(tiny10):
    with pytest.raises(DataError) as caught:
        read_pickled_names(tiny10.cifar, pickle.dumps({"label_names": 3}), "meta")
    assert str(caught.value) == "meta has no list of class names under 'label_names'."
