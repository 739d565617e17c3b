"""Grad-CAM against finite differences of the network in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.explanation.grad_cam import (
    SHUFFLES,
    GradCam,
    SanityCheck,
    correlate_ranks,
    find_last_maps,
)
from cifarcnn.explanation.layer_outputs import LayerOutputModel
from cifarcnn.explanation.receptive_field import ReceptiveField

STEP = 1e-4
# The layer whose result is looked at: its own name, or that of the outermost layer
# that gives it.
LAYER = {
    "plain": "conv2d_3", "residual": "activation_5", "branches": "concatenate_2",
    "separable": "conv2d_1",
}  # fmt: skip


def gradient_by_hand(case: Any, maps: Any, index: int) -> Any:
    """How a logit changes with each value of the maps: central differences."""
    found = np.zeros(maps.shape)
    for place in np.ndindex(maps.shape):
        there = []
        for change in (-STEP, STEP):
            moved = maps.copy()
            moved[place] += change
            there.append(case.by_hand.run_after(LAYER[case.name], moved)[index])
        found[place] = (there[1] - there[0]) / (2 * STEP)
    return found


def test_the_last_maps_are_looked_at(case: Any) -> None:
    cam = case.explanation.grad_cam
    assert cam.layer == LAYER[case.name]
    assert cam.shape == {
        "plain": (4, 4, 8), "residual": (8, 8, 8), "branches": (4, 4, 15),
        "separable": (4, 5, 8),
    }[case.name]  # fmt: skip
    maps = case.explanation.feature_maps[-1]
    if case.name != "residual":
        assert np.array_equal(cam.receptive_field.rows, maps.receptive_field.rows)


def test_weights_and_maps_are_those_of_the_paper(case: Any) -> None:
    cam = case.explanation.grad_cam
    maps = case.by_hand.after[cam.layer]
    height, width, channels = maps.shape
    for found in cam.maps:
        gradient = gradient_by_hand(case, maps, found.class_index)
        # Equation 1: the mean over all places.
        weights = [gradient[:, :, c].sum() / (height * width) for c in range(channels)]
        assert found.weights == pytest.approx(weights, abs=1e-5)
        # Equation 2, before and after the cut.
        signed = sum(weights[c] * maps[:, :, c] for c in range(channels))
        assert found.signed == pytest.approx(signed, abs=1e-4)
        assert found.heat == pytest.approx(np.where(signed > 0, signed, 0), abs=1e-4)


def test_the_classes_are_winner_runner_up_and_the_one_asked_for(case: Any) -> None:
    order = [int(index) for index in np.argsort(-case.logits)[:2]]
    expected = list(dict.fromkeys([*order, 3]))
    assert [found.class_index for found in case.explanation.grad_cam.maps] == expected


def test_the_difference_is_the_map_of_the_difference_of_the_logits(case: Any) -> None:
    cam = case.explanation.grad_cam
    winner, runner_up = (found.class_index for found in cam.maps[:2])
    maps = case.by_hand.after[cam.layer]
    gradient = gradient_by_hand(case, maps, winner)
    gradient -= gradient_by_hand(case, maps, runner_up)
    expected = (maps * gradient.mean(axis=(0, 1))).sum(axis=2)
    assert cam.difference == pytest.approx(expected, abs=1e-4)


def test_the_check_correlates_with_networks_whose_weights_were_shuffled(
    case: Any,
) -> None:
    """The first shuffle again, by hand."""
    cam = case.explanation.grad_cam
    assert len(cam.sanity.correlations) == SHUFFLES
    assert cam.sanity.mean == pytest.approx(np.mean(cam.sanity.correlations))
    random = np.random.default_rng(0)
    shuffled = {
        name: random.permutation(values.ravel()).reshape(values.shape)
        for name, values in case.weights.items()
    }
    by_hand = type(case.by_hand)(case.by_hand.layers, shuffled)
    by_hand.run(case.explanation.network_input.normalized.astype(float))
    maps = by_hand.after[cam.layer]
    other = type(case)(**{**vars(case), "by_hand": by_hand})
    gradient = gradient_by_hand(other, maps, cam.maps[0].class_index)
    signed = (maps * gradient.mean(axis=(0, 1))).sum(axis=2)
    expected = spearman(cam.maps[0].signed, signed)
    assert cam.sanity.correlations[0] == pytest.approx(expected, abs=1e-3)


def spearman(one: Any, other: Any) -> float:
    """Of arrays without equal values, as textbooks have it."""
    ranks = [np.argsort(np.argsort(values.ravel())) for values in (one, other)]
    count = one.size
    squares = float(((ranks[0] - ranks[1]) ** 2).sum())
    return 1 - 6 * squares / (count * (count**2 - 1))


def test_the_weights_of_the_network_come_back_after_the_check(case: Any) -> None:
    from cifarcnn.network.weights import read_weights

    network = LayerOutputModel(case.network.model, case.config)
    with network.other_weights({n: 0 * v for n, v in case.weights.items()}):
        pass
    logits = network.run(case.image[None], [network.logits.name])
    found = logits[network.logits.name][0]
    assert np.array_equal(found, case.explanation.softmax.logits)
    for name, array in read_weights(case.network.model).items():
        assert np.array_equal(array, case.weights[name])


def test_ranks_of_equal_values_are_shared() -> None:
    """Worked out by hand: ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4."""
    found = correlate_ranks(np.array([0.0, 1, 1, 5]), np.array([1.0, 2, 3, 4]))
    assert found == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert correlate_ranks(np.arange(6.0), -np.arange(6.0)) == pytest.approx(-1)


@pytest.mark.parametrize("other", [[2.0, 2, 2], [1.0, np.nan, 2], [1.0, np.inf, 2]])
def test_a_correlation_that_is_not_defined(other: list[float]) -> None:
    assert correlate_ranks(np.arange(3.0), np.array(other)) is None


def test_a_check_that_is_never_defined(make_network: Any, image: Any) -> None:
    from cifarcnn.explanation.explain import explain_image

    layers = [{"Conv2D": {"filters": 2, "kernel_size": 3}}, "Flatten", {"Dense": 10}]
    network = make_network({"model": {"layers": layers}})
    for weight in network.model.weights:
        weight.assign(0 * weight)
    sanity = explain_image(network, image).grad_cam.sanity
    assert sanity.correlations == (None,) * SHUFFLES
    assert sanity.mean is None


GLOBAL_MEAN = {"GlobalAveragePooling2D": {"keepdims": True}}


def conv(**arguments: Any) -> dict[str, Any]:
    return {"Conv2D": {"filters": 3, "kernel_size": 3, **arguments}}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([conv(), "BatchNormalization", {"Activation": "relu"}], "activation_1"),
        ([conv(), "MaxPooling2D", {"Activation": "relu"}], "conv2d_1"),
        ([conv(), "BatchNormalization"], "conv2d_1"),
        ([conv(activation="relu"), conv(kernel_size=30)], "conv2d_1.activation"),
        (
            [
                {
                    "Residual": [
                        conv(padding="same"),
                        {"Residual": [conv(padding="same")]},
                    ]
                }
            ],
            "residual_1",
        ),
        (
            [
                conv(),
                {
                    "Multiply": [
                        [{"Concatenate": [[], [conv(padding="same")]]}],
                        ["GlobalMaxPooling2D", {"Dense": 6}],
                    ]
                },
                {"Activation": "relu"},
            ],
            "activation_1",
        ),
        (
            [conv(), {"Multiply": [[], [GLOBAL_MEAN, conv(kernel_size=1)]]}],
            "multiply_1",
        ),
    ],
)
def test_which_maps_are_the_last(
    layers: list[Any], expected: str, make_network: Any
) -> None:
    config = {"model": {"layers": [*layers, "Flatten", {"Dense": 10}]}}
    network = make_network(config)
    step = find_last_maps(LayerOutputModel(network.model, network.config).steps)
    assert step is not None and step.name == expected


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [conv(kernel_size=32)],
        [
            {
                "Residual": {
                    "layers": [conv(), {"GlobalMaxPooling2D": {"keepdims": True}}],
                    "shortcut": [{"AveragePooling2D": 32}],
                }
            }
        ],
    ],
)
def test_without_maps_of_several_cells_there_is_nothing_to_look_at(
    layers: list[Any], make_network: Any, image: Any
) -> None:
    from cifarcnn.explanation.explain import explain_image

    network = make_network({"model": {"layers": [*layers, "Flatten", {"Dense": 10}]}})
    assert explain_image(network, image).grad_cam.reason == (
        "The network has no convolution whose maps have more than one cell, so that "
        "nothing tells where it looked."
    )


def lay(cells: Any, **field: Any) -> Any:
    """Cells laid over the input."""
    spans = np.zeros((0, 2))
    receptive_field = ReceptiveField(spans, spans, **field)
    check = SanityCheck((), None)
    shape = (*cells.shape, 1)
    return GradCam("", shape, receptive_field, (), cells, check, (32, 32)).on_input(
        cells
    )


def test_a_cell_stands_at_the_middle_of_its_receptive_field() -> None:
    """Two cells of 4 pixels, the first seeing pixels 2 to 5, the second 10 to 13."""
    cells = np.array([[1.0, 3.0]])
    found = lay(cells, size=(4, 4), stride=(8, 8), offset=(2, 2))
    assert found.shape == (32, 32) and found.dtype == np.float32
    # Middles at 4 and 12, between pixels 3 and 4, and 11 and 12.
    expected = np.interp(np.arange(32) + 0.5, [4, 12], [1, 3])
    assert found == pytest.approx(np.tile(expected, (32, 1)))
    assert found[0, 3] == 1 and found[0, 4] == pytest.approx(1.125)
    assert found[0, 31] == 3


def test_cells_without_regular_fields_share_the_image_evenly() -> None:
    cells = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = lay(cells, size=(32, 32), stride=None, offset=None)
    assert (found[0, 0], found[0, 31], found[31, 0], found[31, 31]) == (1, 2, 3, 4)
    middle = found[15:17, 15:17].mean()
    assert middle == pytest.approx(2.5)
    by_hand = np.interp(np.arange(32) + 0.5, [8, 24], [1, 2])
    assert found[0] == pytest.approx(by_hand)
