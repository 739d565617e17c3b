"""The terms of the logits, against plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.explanation.contributions import STRONGEST


def logits_of(case: Any) -> Any:
    return case.explanation.dense.logits


def test_the_terms_add_up_to_the_logit_that_the_network_gave(case: Any) -> None:
    for parts in logits_of(case):
        assert parts.logit == float(case.explanation.softmax.logits[parts.class_index])
        shown = sum(term.contribution for term in parts.strongest)
        assert shown + parts.rest + parts.bias == pytest.approx(parts.logit, abs=1e-5)
        whole = parts.contributions.sum(dtype=np.float64) + parts.bias
        assert whole == pytest.approx(parts.logit, abs=1e-5)


def test_the_logits_are_those_of_plain_numpy(case: Any) -> None:
    for parts in logits_of(case):
        expected = case.logits[parts.class_index]
        assert parts.logit == pytest.approx(expected, abs=1e-4)


def test_the_classes_are_winner_runner_up_and_the_one_asked_for(case: Any) -> None:
    prediction = case.explanation.prediction
    order = np.argsort(-case.logits)
    assert [prediction.winner, prediction.runner_up] == list(order[:2])
    expected = list(dict.fromkeys([*order[:2], 3]))
    assert [parts.class_index for parts in logits_of(case)] == expected


def test_each_term_is_an_input_times_a_weight(case: Any) -> None:
    dense = case.explanation.dense
    kernel = case.weights[f"{dense.layer}/kernel"].astype(float)
    inputs = case.by_hand.inputs[dense.layer]
    factor = np.ones(10)
    if case.name == "separable":
        name = "batch_normalization_1"
        variance = case.weights[f"{name}/moving_variance"]
        factor = 0.5 * case.weights[f"{name}/gamma"] / np.sqrt(variance + 0.001)
    assert dense.inputs == pytest.approx(inputs, abs=1e-5)
    for parts in dense.logits:
        expected = kernel[:, parts.class_index] * factor[parts.class_index]
        assert parts.weights == pytest.approx(expected, abs=1e-5)
        assert parts.contributions == pytest.approx(inputs * expected, abs=1e-5)


def test_the_strongest_terms_come_first(case: Any) -> None:
    for parts in logits_of(case):
        sizes = np.abs(parts.contributions)
        count = min(STRONGEST, len(sizes))
        assert len(parts.strongest) == count
        found = [abs(term.contribution) for term in parts.strongest]
        assert found == pytest.approx(np.sort(sizes)[::-1][:count], rel=1e-5)
        for term in parts.strongest:
            assert term.contribution == pytest.approx(term.value * term.weight)
            assert term.value == case.explanation.dense.inputs[term.index]


def test_a_term_names_the_place_it_comes_from(case: Any) -> None:
    dense = case.explanation.dense
    source, shape, flattening, flattened = {
        "plain": ("dense_1", (20,), "flatten_1", (4, 4, 8)),
        "residual": (
            "dropout_1", (8,), "global_average_pooling2d_1", (8, 8, 8),
        ),
        "branches": (
            "global_average_pooling2d_2", (15,), "global_average_pooling2d_2",
            (4, 4, 15),
        ),
        "separable": ("conv2d_1", (4, 5, 8), "flatten_1", (4, 5, 8)),
    }[case.name]  # fmt: skip
    assert (dense.source, dense.source_shape) == (source, shape)
    assert (dense.flattening, dense.flattened_shape) == (flattening, flattened)
    values = case.by_hand.after[source].reshape(shape)
    for parts in dense.logits:
        for term in parts.strongest:
            assert term.value == pytest.approx(values[term.place], abs=1e-5)


def test_what_comes_after_the_dense_layer_is_counted_in_and_told(case: Any) -> None:
    if case.name != "separable":
        assert case.explanation.dense.note is None
        return
    assert case.explanation.dense.note == (
        "After this layer come batch_normalization_1 and rescaling_1, which multiply "
        "every sum and add a number: the factors are counted into the weights, the "
        "numbers into the bias."
    )


def test_a_single_layer_after_it_is_told_in_the_singular(
    make_network: Any, image: Any
) -> None:
    from cifarcnn.explanation.explain import explain_image

    layers = ["Flatten", {"Dense": 10}, {"Rescaling": 0.1}]
    dense = explain_image(make_network({"model": {"layers": layers}}), image).dense
    assert dense.note == (
        "After this layer comes rescaling_1, which multiplies every sum and adds a "
        "number: the factors are counted into the weights, the numbers into the bias."
    )
    assert dense.source_shape == dense.flattened_shape == (32, 32, 3)
    assert dense.source == "normalization"


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        (
            [{"Conv2D": {"filters": 10, "kernel_size": 3}}, "GlobalAveragePooling2D"],
            "The logits come from global_average_pooling2d_1 (GlobalAveragePooling2D), "
            "not from a dense layer, and are not sums of inputs times weights.",
        ),
        (
            ["Flatten", {"Dense": 10}, "LayerNormalization"],
            "The logits come from layer_normalization_1 (LayerNormalization), not from "
            "a dense layer, and are not sums of inputs times weights.",
        ),
        (
            [{"MaxPooling2D": 32}, {"Dense": 10}, "Flatten"],
            "The logits come from flatten_1 (Flatten), not from a dense layer, and are "
            "not sums of inputs times weights.",
        ),
    ],
)
def test_logits_that_are_no_sums_are_left_out(
    layers: list[Any], reason: str, make_network: Any, image: Any
) -> None:
    from cifarcnn.explanation.explain import explain_image

    network = make_network({"model": {"layers": layers}})
    assert explain_image(network, image).dense.reason == reason
