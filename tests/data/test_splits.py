"""The validation split, and the statistics of the colours."""

from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.data.selected_rows import select_rows
from cifarcnn.data.splits import Split, choose_fold, cut_validation, label_type
from cifarcnn.data.statistics import measure_statistics
from cifarcnn.errors import DataError, UsageError

NAMES = ["cat", "dog", "frog"]


def numbered(counts: list[int]) -> Split:
    """Images that carry their own number in the first two bytes."""
    labels = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
    labels = np.random.default_rng(1).permutation(labels)
    images = np.zeros((len(labels), 32, 32, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(labels)) % 256
    images[:, 0, 0, 1] = np.arange(len(labels)) // 256
    return Split(images, labels)


def numbers(split: Split) -> list[int]:
    first = split.images[:, 0, 0].astype(int)
    return (first[:, 0] + 256 * first[:, 1]).tolist()


def test_every_class_gives_the_same_number_and_nothing_is_lost():
    whole = numbered([100, 100, 100])
    training, validation = cut_validation(whole, NAMES, 0.1, seed=3)
    assert np.bincount(validation.labels).tolist() == [10, 10, 10]
    assert sorted(numbers(training) + numbers(validation)) == list(range(300))


def test_both_parts_keep_the_order_and_their_labels():
    whole = numbered([50, 50, 50])
    for part in cut_validation(whole, NAMES, 0.3, seed=0):
        assert numbers(part) == sorted(numbers(part))
        assert np.array_equal(part.labels, whole.labels[numbers(part)])


def test_the_seed_alone_decides():
    whole = numbered([50, 50, 50])
    first, again, other = (
        numbers(cut_validation(whole, NAMES, 0.2, seed)[1]) for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_the_choice_is_the_same_for_ever():
    _, validation = cut_validation(numbered([20, 20, 20]), NAMES, 0.1, seed=0)
    assert numbers(validation) == [18, 25, 44, 51, 54, 59]


def test_unequal_classes_give_in_proportion_and_at_least_one():
    _, validation = cut_validation(numbered([100, 40, 3]), NAMES, 0.1, seed=0)
    assert np.bincount(validation.labels).tolist() == [10, 4, 1]


def test_nothing_is_cut_for_0():
    whole = numbered([5, 5, 5])
    assert cut_validation(whole, NAMES, 0, seed=0) == (whole, None)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 2, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(UsageError) as caught:
        cut_validation(numbered([5, 5, 5]), NAMES, fraction, seed=0)
    assert str(caught.value) == (
        f"validation_fraction is {fraction}, expected 0 or more and less than 1."
    )


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError) as caught:
        cut_validation(numbered([5, 5, 5]), NAMES, 0.1, seed=-1)
    assert str(caught.value) == "seed is -1, expected 0 or more."


def test_a_class_that_would_be_left_empty_is_named():
    with pytest.raises(DataError) as caught:
        cut_validation(numbered([9, 1, 9]), NAMES, 0.1, seed=0)
    assert str(caught.value) == (
        "validation_fraction 0.1 takes 1 of the 1 training pictures of the class dog "
        "and leaves none to train on. Make it smaller, set it to 0, or add pictures."
    )


def test_every_image_is_in_one_fold_and_every_class_in_all():
    labels = numbered([20, 10, 7]).labels
    folds = [choose_fold(labels, NAMES, (number, 5)) for number in range(1, 6)]
    assert np.sum(folds, axis=0).tolist() == [1] * 37
    counts = [np.bincount(labels[fold], minlength=3).tolist() for fold in folds]
    assert counts == [[4, 2, 2], [4, 2, 2], [4, 2, 1], [4, 2, 1], [4, 2, 1]]
    assert np.flatnonzero(folds[4]).tolist() == [2, 3, 10, 12, 14, 29, 36]


def test_a_fold_that_takes_a_whole_class_or_nothing_is_refused():
    labels = np.array([0, 0, 1, 2, 2], np.uint8)
    with pytest.raises(DataError) as caught:
        choose_fold(labels, NAMES, (1, 2))
    assert str(caught.value) == (
        "data.fold 1/2 takes every picture of dog for validation and leaves none to "
        "train on. Add pictures, or take fewer for validation."
    )
    with pytest.raises(DataError) as caught:
        choose_fold(labels, NAMES, (3, 3))
    assert str(caught.value) == (
        "data.fold 3/3 takes none of the 5 pictures for validation: they are too few. "
        "Add pictures, take a larger share, or set data.validation_fraction to 0."
    )


@pytest.mark.parametrize(("classes", "name"), [(256, "uint8"), (257, "uint16")])
def test_labels_have_room_for_every_class(classes, name):
    assert label_type(classes) == name


def test_statistics_of_four_pixels_by_hand():
    images = np.array(
        [[0, 51, 255], [255, 51, 255], [0, 51, 0], [255, 51, 0]], np.uint8
    )
    means, deviations = measure_statistics(images.reshape(1, 2, 2, 3))
    assert means == [0.5, 0.2, 0.5]
    assert deviations == [0.5, 0.0, 0.5]


def test_statistics_agree_with_numpy():
    images = np.random.default_rng(0).integers(0, 256, (4100, 8, 8, 3), np.uint8)
    means, deviations = measure_statistics(images)
    assert means == pytest.approx((images / 255).mean(axis=(0, 1, 2)), abs=1e-12)
    assert deviations == pytest.approx((images / 255).std(axis=(0, 1, 2)), abs=1e-12)


@pytest.mark.parametrize("size", [2, 97])
def test_statistics_do_not_depend_on_the_pieces_or_on_where_the_images_lie(
    size, tmp_path
):
    images = np.random.default_rng(1).integers(0, 256, (801, size, 99, 3), np.uint8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    chosen = np.random.default_rng(2).permutation(801)[:700]
    total = images[chosen].astype(object).sum(axis=(0, 1, 2))
    means, _ = found = measure_statistics(select_rows(mapped, chosen))
    assert means == [each / (700 * size * 99) / 255 for each in total]
    assert found == measure_statistics(images[np.sort(chosen)])


def test_sums_of_bright_pixels_do_not_overflow():
    images = np.full((200_000, 1, 2, 3), 255, np.uint8)
    assert measure_statistics(images) == ([1.0] * 3, [0.0] * 3)
