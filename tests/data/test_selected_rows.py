"""Rows of arrays in files: read when they are asked for, and never by the mapping."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.data.selected_rows import SelectedRows, is_stored, select_rows
from cifarcnn.data.splits import Split, cut_validation
from cifarcnn.errors import DataError


@pytest.fixture
def whole() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 9, 7, 3), np.uint8)


@pytest.fixture
def mapped(whole: np.ndarray, tmp_path: Path) -> np.ndarray:
    np.save(tmp_path / "images.npy", whole)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "key",
    [3, -1, slice(4, 9), slice(None), slice(30, 2, -3), [7, 7, 0], np.arange(50) > 40],
)
def test_rows_are_had_as_those_of_an_array(whole, mapped, key):
    rows = SelectedRows(mapped)
    assert (rows.shape, rows.dtype, rows.ndim) == (whole.shape, whole.dtype, 4)
    assert (len(rows), rows.size, rows.nbytes) == (50, whole.size, whole.nbytes)
    assert np.array_equal(rows[key], whole[key])
    assert np.array_equal(rows[key], np.asarray(mapped)[key])
    assert type(rows[key]) is np.ndarray


@pytest.mark.parametrize("part", [slice(10, 40), slice(5, 45, 3), slice(20, None)])
def test_a_part_of_a_mapped_array_is_found_in_its_file(whole, mapped, part):
    assert np.array_equal(SelectedRows(mapped[part])[:], whole[part])
    places = np.array([5, 0, 5])
    assert np.array_equal(select_rows(mapped[part], places), whole[part][places])


def test_rows_can_be_selected_again(whole, mapped):
    odd = select_rows(mapped, np.arange(1, 50, 2))
    assert is_stored(odd)
    again = select_rows(odd, np.array([3, 24]))
    assert np.array_equal(np.asarray(again), whole[[7, 49]])
    assert [image.tolist() for image in again] == whole[[7, 49]].tolist()


def test_any_type_and_shape_of_a_row(tmp_path):
    features = np.random.default_rng(1).normal(size=(20, 2, 5)).astype(np.float32)
    np.save(tmp_path / "features.npy", features)
    rows = SelectedRows(np.load(tmp_path / "features.npy", mmap_mode="r"))
    filled = np.empty((3, 2, 5), np.float32)
    rows.read_into(np.array([19, 2, 3]), filled)
    assert np.array_equal(filled, features[[19, 2, 3]])
    np.save(tmp_path / "labels.npy", np.arange(20))
    labels = SelectedRows(np.load(tmp_path / "labels.npy", mmap_mode="r"))
    assert np.array_equal(labels[::-1], np.arange(20)[::-1])


def test_what_lies_in_memory_is_copied(whole, mapped):
    assert not is_stored(whole)
    # NumPy gives it the type of a mapped array.
    assert not is_stored(mapped[[1, 2]])
    chosen = select_rows(whole, np.array([1, 2]))
    assert isinstance(chosen, np.ndarray) and chosen.base is None
    assert np.array_equal(chosen, select_rows(mapped[[1, 2]], np.array([0, 1])))


def test_no_rows(mapped):
    assert select_rows(mapped, np.array([], int))[:].shape == (0, 9, 7, 3)


def test_a_cut_reads_nothing_and_is_the_one_of_the_array_in_memory(whole, mapped):
    labels = (np.arange(50) % 3).astype(np.uint8)
    found = cut_validation(Split(mapped, labels), ["a", "b", "c"], 0.3, seed=4)
    expected = cut_validation(Split(whole, labels), ["a", "b", "c"], 0.3, seed=4)
    for part, same in zip(found, expected, strict=True):
        assert isinstance(part.images, SelectedRows)
        assert np.array_equal(part.images[:], same.images)
        assert np.array_equal(part.labels, same.labels)


def test_a_file_that_is_removed_is_still_read(whole, mapped):
    rows = SelectedRows(mapped)
    os.unlink(mapped.filename)
    assert np.array_equal(rows[::2], whole[::2])


def test_a_file_that_is_not_there_any_more_is_named(mapped):
    os.unlink(mapped.filename)
    with pytest.raises(DataError) as caught:
        SelectedRows(mapped)
    assert str(caught.value) == (
        f"{mapped.filename} cannot be read: No such file or directory."
    )


def test_a_file_that_was_cut_short_is_named_and_ends_no_process(whole, mapped):
    rows = SelectedRows(mapped)
    os.truncate(mapped.filename, 128 + 30 * 189)
    assert np.array_equal(rows[:30], whole[:30])
    with pytest.raises(DataError) as caught:
        rows[[2, 44]]
    assert str(caught.value) == (
        f"{mapped.filename} was cut short while it was in use: it has 5,798 bytes, and "
        "8,633 or more were expected. The next command makes it anew."
    )


def test_the_file_is_closed_with_its_last_reader(mapped):
    links = Path("/proc/self/fd")
    if not links.exists():
        pytest.skip("this system does not tell which files are open")

    def open_files() -> int:
        gc.collect()
        names = [os.readlink(link) for link in links.iterdir() if link.is_symlink()]
        return names.count(str(mapped.filename))

    before = open_files()
    first = SelectedRows(mapped)
    second = select_rows(first, np.array([1]))
    assert open_files() == before + 1
    del first
    assert len(second[:]) == 1
    del second
    assert open_files() == before
