from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from cifarcnn.page.inline_arrays import (
    ArrayStore,
    to_image_url,
)


def test_an_array_comes_back_to_the_bit() -> None:
    array = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    store = ArrayStore()
    assert store.add(array[:, ::-1]) == 0
    [entry] = store.entries
    assert entry["kind"] == "f4" and entry["shape"] == [2, 3, 4]
    read = np.frombuffer(base64.b64decode(str(entry["data"])), "<f4")
    assert (read.reshape(2, 3, 4) == array[:, ::-1]).all()


def test_bytes_stay_bytes() -> None:
    store = ArrayStore()
    store.add(np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert store.entries == [{"kind": "u1", "shape": [2, 3], "data": "AAECAwQF"}]


def test_the_same_array_is_kept_once() -> None:
    store = ArrayStore()
    zeros = np.zeros((2, 2), np.float32)
    assert [store.add(zeros), store.add(zeros + 1), store.add(zeros.copy())] == [
        0,
        1,
        0,
    ]
    assert store.add(np.zeros((4,), np.float32)) == 2


def test_images_come_back() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    start, _, data = to_image_url(pixels).partition(",")
    assert start == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (np.asarray(image) == pixels).all()
    start, _, data = to_image_url(pixels, "JPEG", quality=82).partition(",")
    assert start == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (7, 5)


def test_an_image_can_be_shrunk_to_a_longest_side() -> None:
    pixels = np.full((200, 300, 3), 7, np.uint8)
    for longest_side, size in (
        (None, (300, 200)),
        (150, (150, 100)),
        (400, (300, 200)),
    ):
        url = to_image_url(pixels, longest_side=longest_side)
        data = base64.b64decode(url.removeprefix("data:image/png;base64,"))
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == size
