"""The maps of the convolutions, and the patches that excite units most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.explanation.exciting_patches import LAYERS, PATCHES, UNITS

# Of each convolution the layer whose result is shown, and its activation.
TAKEN = {
    "plain": [("conv2d_1", "relu"), ("conv2d_2", "relu"), ("conv2d_3", "relu")],
    "residual": [
        ("activation_1", "relu"),
        ("activation_2", "relu"),
        ("conv2d_3", None),
        ("activation_4", "relu"),
        ("conv2d_5", None),
        ("conv2d_6", None),
    ],
    "branches": [
        ("conv2d_1", None),
        ("conv2d_2", None),
        ("conv2d_3", "relu"),
        ("conv2d_4", "relu"),
    ],
    "separable": [
        ("separable_conv2d_1", "tanh"),
        ("depthwise_conv2d_1", None),
        ("conv2d_1", "leaky_relu"),
    ],
}


def test_the_maps_of_every_convolution_after_its_activation(case: Any) -> None:
    maps = case.explanation.feature_maps
    assert [(m.taken_after, m.activation) for m in maps] == TAKEN[case.name]
    for found in maps:
        expected = case.by_hand.after[found.taken_after]
        assert found.maps == pytest.approx(expected, abs=2e-5, rel=1e-5)
        assert (found.low, found.high) == (found.maps.min(), found.maps.max())


def test_they_are_those_of_the_convolutions_in_the_order_of_the_config(
    case: Any,
) -> None:
    rows = case.explanation.network.rows
    expected = [(row.name, row.type) for row in rows if "Conv2D" in row.type]
    assert [(m.layer, m.type) for m in case.explanation.feature_maps] == expected


def test_channels_are_ordered_by_the_mean_of_their_absolute_values(case: Any) -> None:
    for found in case.explanation.feature_maps:
        height, width, channels = found.maps.shape
        strengths = [
            sum(abs(float(found.maps[y, x, c])) for y, x in np.ndindex(height, width))
            / (height * width)
            for c in range(channels)
        ]
        assert found.strength == pytest.approx(strengths, rel=1e-5)
        assert list(found.order) == sorted(range(channels), key=lambda c: -strengths[c])


def test_units_are_the_strongest_channels_of_convolutions_at_several_depths(
    case: Any,
) -> None:
    explanation = case.explanation
    convolutions = explanation.feature_maps
    at = [0, 2, 3, 5] if len(convolutions) == 6 else range(len(convolutions))
    expected = [
        (convolutions[i].layer, channel)
        for i in at
        for channel in convolutions[i].order[:UNITS]
    ]
    units = explanation.exciting_patches.units
    assert [(unit.layer, unit.channel) for unit in units] == expected
    assert len(at) <= LAYERS


def test_the_patches_are_those_that_excite_a_unit_most(case: Any, dataset: Any) -> None:
    """Every validation image by hand, for the first and the last layer."""
    exciting_patches = case.explanation.exciting_patches
    _, validation = dataset.training(0.1, 0)
    statistics = case.config.data.normalization
    assert (exciting_patches.split, exciting_patches.images) == (
        "validation",
        len(validation),
    )
    results = []
    for image in validation.images:
        pixels = image / 255
        if case.name == "residual":
            pixels = (pixels - statistics.mean) / statistics.deviation
        by_hand = case.by_hand.fresh()
        by_hand.run(pixels)
        results.append(by_hand.after)
    for unit in (exciting_patches.units[0], exciting_patches.units[-1]):
        maps = np.array([r[unit.taken_after][..., unit.channel] for r in results])
        peaks = maps.max(axis=(1, 2))
        best = np.sort(peaks)[::-1][:PATCHES]
        if dict(TAKEN[case.name])[unit.taken_after] == "relu":
            best = best[best > 0]  # what ReLU cut off does not excite
        assert [patch.value for patch in unit.patches] == pytest.approx(best, abs=2e-5)
        for patch in unit.patches:
            assert peaks[patch.index] == pytest.approx(patch.value, abs=2e-5)
            assert patch.label == f"class_{validation.labels[patch.index]}"


def test_a_patch_is_what_the_unit_sees_where_it_is_excited(
    case: Any, dataset: Any
) -> None:
    _, validation = dataset.training(0.1, 0)
    maps = {m.layer: m for m in case.explanation.feature_maps}
    for unit in case.explanation.exciting_patches.units:
        field = maps[unit.layer].receptive_field
        for patch in unit.patches:
            rows = slice(int(patch.box.top), int(patch.box.bottom))
            columns = slice(int(patch.box.left), int(patch.box.right))
            cut = validation.images[patch.index][rows, columns]
            assert np.array_equal(patch.pixels, cut)
            assert [patch.box.top, patch.box.bottom] in field.rows.tolist()
            assert [patch.box.left, patch.box.right] in field.columns.tolist()


def test_many_images_are_looked_at_in_several_batches(
    case: Any, monkeypatch: Any
) -> None:
    from cifarcnn.explanation import exciting_patches
    from cifarcnn.explanation.explain import explain_image

    monkeypatch.setattr(exciting_patches, "_MOST_IMAGES", 7)
    again = explain_image(case.network, case.image).exciting_patches
    for unit, before in zip(
        again.units, case.explanation.exciting_patches.units, strict=True
    ):
        assert unit.channel == before.channel
        assert [patch.index for patch in unit.patches] == [
            patch.index for patch in before.patches
        ]


def test_without_a_image_the_channels_strongest_over_all_images_are_shown(
    case: Any, dataset: Any
) -> None:
    from cifarcnn.explanation.explain import explain_model
    from cifarcnn.explanation.layer_outputs import LayerOutputModel

    _, validation = dataset.training(0.1, 0)
    network = LayerOutputModel(case.network.model, case.config)
    exciting_patches = explain_model(case.network).exciting_patches
    first = exciting_patches.units[0]
    name = "conv2d_1.activation" if case.name == "plain" else first.taken_after
    if case.name == "separable":
        name = "separable_conv2d_1.activation"
    maps = network.run(validation.images, [name])[name]
    order = np.argsort(-np.abs(maps).mean(axis=(0, 1, 2)))
    assert [unit.channel for unit in exciting_patches.units[:UNITS]] == list(
        order[:UNITS]
    )


def test_a_unit_that_nothing_excites_has_no_patches(
    make_network: Any, image: Any
) -> None:
    from cifarcnn.explanation.explain import explain_image

    filters = {"filters": 2, "kernel_size": 3, "activation": "relu"}
    layers = [{"Conv2D": filters}, "Flatten", {"Dense": 10}]
    network = make_network({"model": {"layers": layers}})
    kernel, bias = network.model.get_layer("conv2d_1").weights
    kernel.assign(np.abs(kernel))
    bias.assign([0.0, -1000.0])
    units = explain_image(network, image).exciting_patches.units
    assert [(unit.channel, len(unit.patches)) for unit in units] == [(0, 9), (1, 0)]
