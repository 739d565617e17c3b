"""What the page's script needs: the maps and weights of the explanation, packed.

Channels are put in order of strength and cut to the strongest, and every list
``channels`` says which ones they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cifarcnn.config.layers.base import Window
from cifarcnn.errors import RunError
from cifarcnn.explanation.convolution_step import (
    ActivationStep,
    ConvolutionStep,
    PoolingStep,
)
from cifarcnn.explanation.explain import Explanation, ModelExplanation
from cifarcnn.explanation.feature_maps import FeatureMaps
from cifarcnn.explanation.filters import FilterBank
from cifarcnn.explanation.steps import Missing
from cifarcnn.page.color_scales import DIVERGING, SEQUENTIAL
from cifarcnn.page.inline_arrays import ArrayStore, count_shown
from cifarcnn.page.numbers import choose_decimals

Array = np.ndarray[Any, Any]

Entry = dict[str, object]

# The most maps of one layer that are shown, and the most filters that can be chosen.
MOST_CHANNELS = 32
MOST_FILTERS = 64


def pack_explanation(explanation: Explanation) -> Entry:
    """The data of a page about an image, ready for JSON."""
    store = ArrayStore()
    entry: Entry = {
        **_common(store),
        "pixels": store.add(explanation.network_input.pixels),
        "normalized": store.add(explanation.network_input.normalized),
    }
    if not isinstance(explanation.convolution, Missing):
        entry["convolution"] = _pack_convolution(
            explanation.convolution, explanation.network_input.pixels.shape, store
        )
    if not isinstance(explanation.activation, Missing):
        entry["activation"] = _pack_activation(
            explanation.activation, explanation, store
        )
    if not isinstance(explanation.feature_maps, Missing):
        entry["maps"] = [_pack_maps(maps, store) for maps in explanation.feature_maps]
    if not isinstance(explanation.pooling, Missing):
        entry["pooling"] = _pack_pooling(explanation.pooling, store)
    return entry


def pack_model(explanation: ModelExplanation) -> Entry:
    """The data of a page about the model alone, ready for JSON."""
    store = ArrayStore()
    entry = _common(store)
    if not isinstance(explanation.filters, Missing):
        channels = list(range(explanation.filters.count))[:MOST_FILTERS]
        entry["filters"] = _pack_filters(explanation.filters, channels, store)
    return entry


def find_start(convolution: ConvolutionStep) -> tuple[int, int, int]:
    """Filter, row and column where the page begins: the strongest answer of the
    strongest filter."""
    filter = int(convolution.order[0])
    values = convolution.before[:, :, filter]
    row, column = np.unravel_index(np.argmax(values), values.shape)
    return filter, int(row), int(column)


def require_finite(explanation: Explanation) -> None:
    """See that there are only numbers that can be shown.

    Raises:
        RunError: A value within the network is infinite or not a number.
    """
    places = {"the last layer": explanation.softmax.logits}
    if not isinstance(explanation.feature_maps, Missing):
        for maps in reversed(explanation.feature_maps):
            places[maps.taken_after] = maps.maps
    if not isinstance(explanation.convolution, Missing):
        places[explanation.convolution.filters.layer] = explanation.convolution.before
    # From the first layer on, since whatever follows is no number either.
    for layer, values in reversed(places.items()):
        if not np.isfinite(values).all():
            raise RunError(
                f"On this picture {layer} gives values that are infinite or not a "
                "number, so there is nothing to show. The training went astray: try a "
                "smaller learning rate."
            )


def shares_filters(explanation: Explanation) -> bool:
    """Whether the channels of the activation are the filters of the convolution.

    They are not where another convolution lies between the two.
    """
    convolution, step = explanation.convolution, explanation.activation
    if isinstance(convolution, Missing) or isinstance(step, Missing):
        return False
    first = convolution.filters.layer
    types = {row.name: row.type for row in explanation.network.rows}
    passed = {step.layer, *step.between} - {first}
    mixed = any("Conv" in types.get(name, "") for name in passed)
    return not mixed and len(step.order) == convolution.filters.count


def _common(store: ArrayStore) -> Entry:
    return {
        "arrays": store.entries,
        "sequential": store.add(SEQUENTIAL),
        "diverging": store.add(DIVERGING),
    }


def _pack_filters(bank: FilterBank, channels: list[int], store: ArrayStore) -> Entry:
    return {
        "channels": channels,
        "kernel": store.add(bank.kernel[:, :, :, channels]),
        "bias": store.add(bank.bias[channels]),
        "weightReach": _reach(bank.kernel),
        "weightDecimals": choose_decimals(_reach(bank.kernel)),
        "first": [bank.first_channel(channel) for channel in channels],
        "colours": bank.input_shape[2] == 3,
    }


def _pack_convolution(
    convolution: ConvolutionStep, image_shape: tuple[int, ...], store: ArrayStore
) -> Entry:
    bank = convolution.filters
    channels = _filters_shown(convolution)
    _, row, column = find_start(convolution)
    return {
        **_pack_filters(bank, channels, store),
        **_pack_window(bank.window),
        "input": store.add(convolution.input),
        # Not so behind padding, where it is larger.
        "seesImage": convolution.input.shape == image_shape,
        "inputReach": _reach(convolution.input),
        "inputDecimals": choose_decimals(_reach(convolution.input)),
        "before": store.add(convolution.before[:, :, channels]),
        "after": store.add(convolution.after[:, :, channels]),
        "activation": convolution.activation,
        "reach": _reach(convolution.before),
        "decimals": choose_decimals(_reach(convolution.before)),
        "start": [row, column],
    }


def _filters_shown(convolution: ConvolutionStep) -> list[int]:
    count = count_shown(convolution.before, MOST_FILTERS)
    return [int(channel) for channel in convolution.order[:count]]


def _pack_activation(
    step: ActivationStep, explanation: Explanation, store: ArrayStore
) -> Entry:
    channels = step.order[: count_shown(step.before, MOST_FILTERS)].tolist()
    if not isinstance(explanation.convolution, Missing) and shares_filters(explanation):
        # The same filters as in the part before, so that one choice holds for both.
        channels = _filters_shown(explanation.convolution)
    return {
        "channels": channels,
        "shared": shares_filters(explanation),
        "cuts": step.zeroed_share is not None,
        "before": store.add(step.before[:, :, channels]),
        "after": store.add(step.after[:, :, channels]),
        "beforeReach": _reach(step.before),
        "low": min(0.0, float(step.after.min())),
        "high": float(step.after.max()),
        "decimals": choose_decimals(max(_reach(step.before), _reach(step.after))),
    }


def _pack_maps(maps: FeatureMaps, store: ArrayStore) -> Entry:
    channels = maps.order[: count_shown(maps.maps, MOST_CHANNELS)].tolist()
    return {
        "channels": channels,
        "maps": store.add(maps.maps[:, :, channels]),
        "low": min(0.0, maps.low),
        "high": maps.high,
        "decimals": choose_decimals(max(-maps.low, maps.high)),
        "rows": maps.receptive_field.rows.tolist(),
        "columns": maps.receptive_field.columns.tolist(),
    }


def _pack_pooling(pooling: PoolingStep, store: ArrayStore) -> Entry:
    channels = pooling.order[: count_shown(pooling.before, MOST_CHANNELS)].tolist()
    after = pooling.after[:, :, channels]
    row, column = np.unravel_index(np.argmax(after[:, :, 0]), after.shape[:2])
    low = min(0.0, float(pooling.before.min()))
    high = float(pooling.before.max())
    return {
        **_pack_window(pooling.window),
        "channels": channels,
        "before": store.add(pooling.before[:, :, channels]),
        "after": store.add(after),
        "low": low,
        "high": high,
        "decimals": choose_decimals(max(-low, high)),
        "largest": pooling.type == "MaxPooling2D",
        "start": [int(row), int(column)],
    }


def _pack_window(window: Window) -> Entry:
    return {
        "size": window.size,
        "strides": window.strides,
        "dilation": window.dilation,
        "padding": [before for before, _ in window.padding],
    }


def _reach(values: Array) -> float:
    """The largest absolute value, at least a little above 0."""
    return max(float(np.abs(values).max(initial=0)), 1e-6)
