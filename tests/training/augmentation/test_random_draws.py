from __future__ import annotations

import numpy as np

from cifarcnn.training.augmentation.random_draws import RandomDraws, whole_numbers


def test_numbers_depend_on_seed_epoch_place_and_image_only():
    random = RandomDraws(3, 1, 100)
    first = random.draw(5, np.array([7, 8, 9]), 2)
    random.draw(6, np.array([7]), 2)
    assert np.array_equal(random.draw(5, np.array([9, 7]), 2), first[[2, 0]])
    assert np.array_equal(RandomDraws(3, 1, 100).draw(5, np.array([7, 8, 9]), 2), first)
    for other in (RandomDraws(4, 1, 100), RandomDraws(3, 2, 100)):
        assert not np.any(other.draw(5, np.array([7, 8, 9]), 2) == first)
    assert not np.any(random.draw(6, np.array([7, 8, 9]), 2) == first)


def test_fixed_numbers_do_not_know_the_epoch():
    random = RandomDraws(3, 1, 100)
    everything = np.arange(100)
    fixed = random.draw_once(everything)
    random.draw(1, everything, 1)
    assert np.array_equal(random.draw_once(everything[::-1]), fixed[::-1])
    assert not np.array_equal(RandomDraws(4, 1, 100).draw_once(everything), fixed)


def test_numbers_stay_the_same_in_later_versions():
    # NumPy keeps Philox's raw bits; written down from NumPy 2.4.
    numbers = RandomDraws(0, 1, 3).draw(0, np.arange(3), 1)
    assert numbers[:, 0].round(6).tolist() == [0.087858, 0.668724, 0.012398]


def test_numbers_fill_the_range_from_0_to_1():
    numbers = RandomDraws(0, 1, 10_000).draw(0, np.arange(10_000), 1)
    assert 0 <= numbers.min() < 0.001
    assert 0.999 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.01


def test_whole_numbers_come_equally_often_with_both_ends():
    draws = (np.arange(900) + 0.5) / 900
    found, counts = np.unique(whole_numbers(draws, -4, 4), return_counts=True)
    assert found.tolist() == [-4, -3, -2, -1, 0, 1, 2, 3, 4]
    assert counts.tolist() == [100] * 9
    assert whole_numbers(np.array([np.nextafter(1, 0)]), 0, 31).tolist() == [31]


def test_no_images_give_no_numbers():
    assert RandomDraws(0, 1, 5).draw(0, np.empty(0, np.int32), 3).shape == (0, 3)
