"""The cache of decoded arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.data.cifar.location import find_cifar
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.dataset import Dataset, open_source
from cifarcnn.errors import DataError


class Counted(CifarSource):
    """A source that counts how often it is decoded."""

    decoded = 0

    def decode(self):
        self.decoded += 1
        return super().decode()


def reopen(sample, folder: Path) -> tuple[Dataset, Counted]:
    source = Counted(sample.cifar, find_cifar(sample.cifar, folder))
    return open_source("cifar10", source), source


@pytest.fixture
def folder(tiny10, tmp_path, fresh_cache) -> Path:
    """A miniature that was opened once."""
    folder = tiny10.write("binary", tmp_path)
    _, source = reopen(tiny10, folder)
    assert source.decoded == 1
    return folder


def stored(cache: Path, name: str) -> Path:
    (path,) = cache.glob(f"decoded/cifar10-*/{name}")
    return path


def assert_whole(sample, dataset: Dataset) -> None:
    training, _ = dataset.training(0, 0)
    assert np.array_equal(training.labels, np.concatenate(sample.labels[:-1]))
    rows = np.concatenate(sample.rows).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    assert np.array_equal(training.images, rows[:100])
    assert np.array_equal(dataset.test().images, rows[100:])


def test_the_second_time_nothing_is_decoded(tiny10, folder):
    first = CifarSource(tiny10.cifar, find_cifar(tiny10.cifar, folder)).decode()
    dataset, source = reopen(tiny10, folder)
    assert_whole(tiny10, dataset)
    assert source.decoded == 0
    assert dataset.checksum == first.checksum
    assert (dataset.class_names, dataset.official) == (tiny10.cifar.class_names, False)


def test_the_test_split_is_read_only_when_asked_for(tiny10, folder, fresh_cache):
    stored(fresh_cache, "test-images.npy").unlink()
    dataset, source = reopen(tiny10, folder)
    dataset.training(0.5, 0)
    assert source.decoded == 0
    dataset.test()
    assert source.decoded == 1


@pytest.mark.parametrize("position", [0, 8, 60, -1])
@pytest.mark.parametrize(
    "name", ["training-images.npy", "training-labels.npy", "test-images.npy"]
)
def test_a_damaged_array_is_made_again(
    tiny10, folder, fresh_cache, rewrite, name, position
):
    def flip(data: bytearray) -> None:
        data[position] ^= 1

    rewrite(stored(fresh_cache, name), flip)
    dataset, source = reopen(tiny10, folder)
    assert_whole(tiny10, dataset)
    assert source.decoded == 1
    assert_whole(tiny10, reopen(tiny10, folder)[0])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff{"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(
            json.dumps(json.loads(path.read_text()) | {"version": 1})
        ),
        lambda path: path.write_text(
            json.dumps(json.loads(path.read_text()) | {"files": {}, "extra": 1})
        ),
    ],
)
def test_a_damaged_index_is_made_again(tiny10, folder, fresh_cache, damage):
    damage(stored(fresh_cache, "index.json"))
    dataset, source = reopen(tiny10, folder)
    assert source.decoded == 1
    assert_whole(tiny10, dataset)
    assert reopen(tiny10, folder)[1].decoded == 0


def test_a_changed_source_is_read_again(tiny10, folder, rewrite):
    rewrite(folder / "data_batch_1.bin", lambda data: data.__setitem__(3, data[3] ^ 1))
    dataset, source = reopen(tiny10, folder)
    assert source.decoded == 1
    assert dataset.training(0, 0)[0].images[0, 0, 2, 0] == tiny10.rows[0][0, 2] ^ 1


def test_a_source_that_was_damaged_since_is_refused(tiny10, folder, rewrite):
    rewrite(folder / "test_batch.bin", lambda data: data.pop())
    with pytest.raises(DataError) as caught:
        reopen(tiny10, folder)
    assert str(caught.value) == (
        f"{folder}/test_batch.bin is cut short: it has 61,459 bytes, expected 61,460. "
        "Get it again."
    )


def test_two_places_do_not_share_a_cache(tiny10, folder, tmp_path):
    other = tiny10.write("binary", tmp_path / "other")
    assert reopen(tiny10, other)[1].decoded == 1
    assert reopen(tiny10, folder)[1].decoded == 0


def test_a_cache_that_cannot_be_written_is_no_error(tiny10, tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("CIFARCNN_CACHE", str(blocked))
    folder = tiny10.write("binary", tmp_path)
    dataset, source = reopen(tiny10, folder)
    assert_whole(tiny10, dataset)
    assert source.decoded == 1
    assert blocked.is_file()


def test_an_array_that_asks_for_pickles_is_not_loaded(tiny10, folder, fresh_cache):
    path = stored(fresh_cache, "training-labels.npy")
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    dataset, source = reopen(tiny10, folder)
    assert_whole(tiny10, dataset)
    assert source.decoded == 1
