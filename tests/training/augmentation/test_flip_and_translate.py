from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.training.augmentation.flip_and_translate import (
    RandomFlip,
    RandomTranslation,
)
from cifarcnn.training.augmentation.random_draws import RandomDraws

INDEX = np.arange(1000)
SIZE = (32, 32)


def flip(mode="horizontal", alternate=False, seed=0) -> RandomFlip:
    return RandomFlip(RandomDraws(seed, 1, 1000), SIZE, mode=mode, alternate=alternate)


def translation(pixels=4, fill="reflect") -> RandomTranslation:
    return RandomTranslation(RandomDraws(0, 1, 1000), SIZE, pixels=pixels, fill=fill)


@pytest.mark.parametrize("mode", ["horizontal", "vertical"])
def test_a_flip_turns_those_images_that_are_drawn(apply, images, mode):
    flipped = [1, 0, 0, 1, 1]
    found = apply(flip(mode), images, {"flipped": flipped})
    for image, result, turned in zip(images, found, flipped, strict=True):
        mirrored = image[:, ::-1] if mode == "horizontal" else image[::-1]
        assert np.array_equal(result, mirrored if turned else image)


def test_half_of_the_images_are_flipped_others_in_every_epoch():
    first = flip().draw(0, INDEX)["flipped"]
    assert sorted(np.unique(first)) == [0, 1]
    assert 450 < first.sum() < 550
    again = flip().draw(1, INDEX)["flipped"]
    assert 400 < (first != again).sum() < 600


def test_alternate_flips_turn_over_every_epoch():
    operation = flip(alternate=True)
    first = operation.draw(0, INDEX)["flipped"]
    assert 450 < first.sum() < 550
    for epoch in range(1, 5):
        expected = first if epoch % 2 == 0 else 1 - first
        assert np.array_equal(operation.draw(epoch, INDEX)["flipped"], expected)
    # In any batch the same image has the same flip.
    assert np.array_equal(
        flip(alternate=True).draw(2, INDEX[::-7])["flipped"], first[::-7]
    )
    assert not np.array_equal(flip(alternate=True, seed=1).draw(0, INDEX), first)


def reference_translation(image, down, right, fill):
    result = np.zeros_like(image)
    for y in range(32):
        for x in range(32):
            row, column = y - down, x - right
            if fill == "reflect":
                row = -row if row < 0 else 62 - row if row > 31 else row
                column = -column if column < 0 else column
                column = 62 - column if column > 31 else column
            elif fill == "nearest":
                row, column = min(max(row, 0), 31), min(max(column, 0), 31)
            elif not (0 <= row < 32 and 0 <= column < 32):
                continue
            result[y, x] = image[row, column]
    return result


@pytest.mark.parametrize("fill", ["reflect", "nearest", "zero"])
def test_a_translation_moves_each_image_by_its_own_offset(apply, images, fill):
    shifts = [(0, 0), (4, -3), (-4, 0), (31, -31), (2, 2)]
    found = apply(translation(31, fill), images, {"shift": shifts})
    for image, result, shift in zip(images, found, shifts, strict=True):
        assert np.array_equal(result, reference_translation(image, *shift, fill))


def test_the_reflection_by_hand(apply):
    # The columns of the image hold 0, 1, 2, ... 31; it moves right by 3 pixels.
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[:] = np.arange(32, dtype=np.uint8)[None, None, :, None]
    found = apply(translation(), image, {"shift": [(0, 3)]})
    assert found[0, 0, :6, 0].tolist() == [3, 2, 1, 0, 1, 2]
    found = apply(translation(), image, {"shift": [(0, -3)]})
    assert found[0, 31, -6:, 2].tolist() == [29, 30, 31, 30, 29, 28]
    found = apply(translation(fill="zero"), image, {"shift": [(0, -3)]})
    assert found[0, 31, -6:, 2].tolist() == [29, 30, 31, 0, 0, 0]


def test_every_offset_is_drawn_as_often():
    shifts = translation(2).draw(3, INDEX)["shift"]
    assert shifts.shape == (1000, 2)
    assert shifts.dtype == np.int32
    found, counts = np.unique(shifts, axis=0, return_counts=True)
    assert len(found) == 25
    assert found.min() == -2 and found.max() == 2
    assert counts.min() > 15 and counts.max() < 70
