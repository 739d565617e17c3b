from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.network.weights import to_numpy
from cifarcnn.training.augmentation.mixup_cutmix import (
    CutMix,
    MixUp,
    draw_partners,
    quantile_of_beta,
)
from cifarcnn.training.augmentation.random_draws import RandomDraws

INDEX = np.arange(1000)
SIZE = (32, 32)
PARTNER = [1, 0, 4, 2, 3]


def mix_up(alpha=0.2) -> MixUp:
    return MixUp(RandomDraws(0, 1, 1000), SIZE, alpha=alpha)


def cut_mix(alpha=1.0) -> CutMix:
    return CutMix(RandomDraws(0, 1, 1000), SIZE, alpha=alpha)


def test_mix_up_blends_each_image_with_its_partner(apply, images):
    shares = [1024, 512, 0, 700, 1]
    found = apply(mix_up(), images, {"partner": PARTNER, "share": shares})
    for place, (partner, share) in enumerate(zip(PARTNER, shares, strict=True)):
        own, other = images[place].astype(int), images[partner].astype(int)
        exact = (own * share + other * (1024 - share)) / 1024
        assert np.array_equal(found[place], np.floor(exact + 0.5))


def test_cut_mix_pastes_a_rectangle_of_the_partner(apply, images):
    boxes = [
        (0, 0, 16, 16),
        (5, 9, 0, 0),
        (0, 0, 32, 32),
        (20, 4, 12, 12),
        (1, 1, 2, 2),
    ]
    found = apply(cut_mix(), images, {"partner": PARTNER, "box": boxes})
    for place, (partner, box) in enumerate(zip(PARTNER, boxes, strict=True)):
        top, left, height, width = box
        expected = images[place].copy()
        for y in range(top, top + height):
            for x in range(left, left + width):
                expected[y, x] = images[partner, y, x]
        assert np.array_equal(found[place], expected)


def test_labels_are_mixed_by_hand(keras):
    labels = np.eye(3, dtype=np.float32)
    partner = np.array([1, 2, 0])
    draws = {"partner": partner, "share": np.array([1024, 256, 512])}
    mixed = to_numpy(mix_up().mix_labels(labels, draws))
    assert mixed.tolist() == [[1, 0, 0], [0, 0.25, 0.75], [0.5, 0, 0.5]]
    assert mixed.dtype == np.float32
    boxes = np.array([(0, 0, 16, 16), (0, 0, 32, 32), (9, 9, 0, 0)])
    mixed = to_numpy(cut_mix().mix_labels(labels, {"partner": partner, "box": boxes}))
    assert mixed.tolist() == [[0.75, 0.25, 0], [0, 0, 1], [0, 0, 1]]


def test_every_image_is_the_partner_of_another_one():
    partners = draw_partners(np.random.default_rng(0).random(64))
    assert partners.dtype == np.int32
    assert sorted(partners) == list(range(64))
    assert not np.any(partners == np.arange(64))
    assert draw_partners(np.array([0.5])).tolist() == [0]
    assert draw_partners(np.empty(0)).tolist() == []


def test_partners_of_several_batches_are_those_of_each():
    draws = np.random.default_rng(0).random((3, 2, 9))
    found = draw_partners(draws)
    for place in np.ndindex(3, 2):
        assert np.array_equal(found[place], draw_partners(draws[place]))


def test_partners_are_others_in_every_epoch_and_the_same_in_every_call():
    first = mix_up().draw(0, INDEX)["partner"]
    assert np.array_equal(mix_up().draw(0, INDEX)["partner"], first)
    assert (mix_up().draw(1, INDEX)["partner"] == first).mean() < 0.05


def test_the_beta_distribution_where_it_is_known_by_hand():
    draws = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.999])
    # alpha 1 is uniform; alpha 1/2 the arcsine law; alpha 2 has 3 x^2 - 2 x^3.
    assert quantile_of_beta(draws, 1.0) == pytest.approx(draws, abs=1e-9)
    assert quantile_of_beta(draws, 0.5) == pytest.approx(
        np.sin(np.pi * draws / 2) ** 2, abs=1e-6
    )
    x = quantile_of_beta(draws, 2.0)
    assert 3 * x**2 - 2 * x**3 == pytest.approx(draws, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.01, 0.2, 0.4, 3.0, 100.0])
def test_the_beta_distribution_has_its_mean_and_variance(alpha):
    draws = (np.arange(100_000) + 0.5) / 100_000
    x = quantile_of_beta(draws, alpha)
    assert np.all(np.diff(x) >= 0)
    assert x.min() >= 0 and x.max() <= 1
    assert x.mean() == pytest.approx(0.5, abs=1e-6)
    assert x.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=2e-3)


def test_shares_follow_alpha():
    weak = mix_up(0.1).draw(0, INDEX)["share"]
    assert weak.min() >= 0 and weak.max() <= 1024
    assert np.mean((weak < 52) | (weak > 972)) > 0.6
    strong = mix_up(50.0).draw(0, INDEX)["share"]
    assert np.all(abs(strong - 512) < 256)
    box = cut_mix().draw(0, INDEX)["box"]
    assert np.array_equal(box[:, 2], box[:, 3])
    assert np.all(box[:, :2] + box[:, 2:] <= 32)
    assert np.mean(box[:, 2] * box[:, 3] / 1024) == pytest.approx(0.5, abs=0.03)
