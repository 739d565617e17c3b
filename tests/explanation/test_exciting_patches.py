"""Which images are looked at for exciting patches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.config import Config
from cifarcnn.errors import DataError
from cifarcnn.explanation import exciting_patches
from cifarcnn.explanation.exciting_patches import choose_reference_images

LAYERS = ["Flatten", {"Dense": 10}]


def config(fraction: float) -> Config:
    return Config.model_validate(
        {
            "data": {"validation_fraction": fraction, "dataset": "synthetic"},
            "model": {"layers": LAYERS},
        }
    )


def test_they_are_the_validation_images(dataset: Any) -> None:
    found = choose_reference_images(lambda: dataset, config(0.1), 1)
    _, validation = dataset.training(0.1, 0)
    assert found.split == "validation"
    assert np.array_equal(found.images, validation.images)
    assert np.array_equal(found.index, np.arange(30))
    assert found.labels == tuple(f"class_{label}" for label in validation.labels)
    assert found.note == (
        "The patches come from 30 of the 30 validation pictures. They are drawn here."
    )


def test_without_validation_images_they_are_training_images(dataset: Any) -> None:
    found = choose_reference_images(lambda: dataset, config(0), 1)
    assert (found.split, len(found.images)) == ("training", 300)
    assert found.note == (
        "The patches come from 300 of the 300 training pictures. The network has "
        "learnt from them, since no validation pictures were kept apart. They are "
        "drawn here."
    )


def test_of_many_images_some_are_taken_from_everywhere(
    dataset: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(exciting_patches, "MOST_IMAGES", 7)
    found = choose_reference_images(lambda: dataset, config(0), 1)
    assert list(found.index) == [0, 42, 85, 128, 171, 214, 257]
    whole = dataset.training(0, 0)[0]
    assert np.array_equal(found.images, whole.images[found.index])
    assert found.labels == tuple(f"class_{n}" for n in whole.labels[found.index])


@pytest.mark.parametrize(
    ("macs", "count"), [(10**6, 300), (10**9, 200), (4 * 10**9, 50), (10**13, 32)]
)
def test_a_large_network_looks_at_fewer(macs: int, count: int, dataset: Any) -> None:
    found = choose_reference_images(lambda: dataset, config(0), macs)
    assert len(found.images) == count


def test_a_data_set_that_is_not_here_is_told(make_network: Any, image: Any) -> None:
    from cifarcnn.explanation.explain import (
        TrainedNetwork,
        explain_image,
        explain_model,
    )

    def refuse() -> Any:
        raise DataError("CIFAR-10 is not in /nowhere.")

    layers = [{"Conv2D": {"filters": 2, "kernel_size": 3}}, *LAYERS]
    whole = make_network({"model": {"layers": layers}})
    network = TrainedNetwork(whole.model, whole.config, whole.class_names, refuse)
    for part in (
        explain_image(network, image).exciting_patches,
        explain_model(network).exciting_patches,
    ):
        assert part.reason == (
            "The pictures that the network learnt from are not here. CIFAR-10 is not "
            "in /nowhere."
        )


def test_a_few_images_at_a_time_give_the_same_patches(
    make_network: Any, monkeypatch: Any
) -> None:
    from cifarcnn.explanation.explain import explain_model

    layers = [
        {"Conv2D": {"filters": 3, "kernel_size": 3, "activation": "relu"}},
        "BatchNormalization",
        {"Conv2D": {"filters": 4, "kernel_size": 3}},
        *LAYERS,
    ]
    network = make_network({"model": {"layers": layers}})
    at_once: Any = explain_model(network).exciting_patches
    monkeypatch.setattr(exciting_patches, "_MOST_VALUES", 200_000)
    in_parts: Any = explain_model(network).exciting_patches
    assert in_parts.images == at_once.images > 0
    for one, other in zip(at_once.units, in_parts.units, strict=True):
        assert (one.layer, one.channel) == (other.layer, other.channel)
        assert [patch.index for patch in one.patches] == [
            patch.index for patch in other.patches
        ]
        assert [patch.value for patch in one.patches] == pytest.approx(
            [patch.value for patch in other.patches], rel=1e-4
        )
