"""What the page's script needs: the maps and weights of the story, packed.

Channels are put in order of strength and cut to the strongest, and every list
``channels`` says which ones they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cifarcnn.errors import RunError
from cifarcnn.explanation.explanation import (
    ActivationStep,
    Convolution,
    Explanation,
    FeatureMaps,
    FilterBank,
    Missing,
    ModelExplanation,
    Pooling,
)
from cifarcnn.page.color_scales import diverging, sequential
from cifarcnn.page.inline_arrays import MOST_CHANNELS, ArrayStore
from cifarcnn.page.numbers import choose_decimals

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Entry = dict[str, object]

# Filters are small; more of them can be chosen than maps are shown.
MOST_FILTERS = 64


def pack_explanation(story: Explanation) -> Entry:
    """The data of a page about an image, ready for JSON."""
    store = ArrayStore()
    entry: Entry = {
        **_common(store),
        "pixels": store.add(story.sight.pixels),
        "normalized": store.add(story.sight.normalized),
    }
    if not isinstance(story.convolution, Missing):
        entry["convolution"] = _pack_convolution(story.convolution, store)
    if not isinstance(story.activation, Missing):
        entry["activation"] = _pack_activation(story.activation, story, store)
    if not isinstance(story.feature_maps, Missing):
        entry["maps"] = [_pack_maps(maps, store) for maps in story.feature_maps]
    if not isinstance(story.pooling, Missing):
        entry["pooling"] = _pack_pooling(story.pooling, store)
    return entry


def pack_model(story: ModelExplanation) -> Entry:
    """The data of a page about the model alone, ready for JSON."""
    store = ArrayStore()
    entry = _common(store)
    if not isinstance(story.filters, Missing):
        channels = list(range(story.filters.count))[:MOST_FILTERS]
        entry["filters"] = _pack_filters(story.filters, channels, store)
    return entry


def find_start(convolution: Convolution) -> tuple[int, int, int]:
    """Filter, row and column where the tour begins: the strongest answer of the
    strongest filter."""
    import numpy as np

    filter = int(convolution.order[0])
    values = convolution.before[:, :, filter]
    row, column = np.unravel_index(np.argmax(values), values.shape)
    return filter, int(row), int(column)


def require_finite(story: Explanation) -> None:
    """See that there are only numbers that can be shown.

    Raises:
        RunError: A value within the network is infinite or not a number.
    """
    import numpy as np

    places = {"the last layer": story.softmax.logits}
    if not isinstance(story.feature_maps, Missing):
        for maps in reversed(story.feature_maps):
            places[maps.taken_after] = maps.maps
    if not isinstance(story.convolution, Missing):
        places[story.convolution.filters.layer] = story.convolution.before
    # From the first layer on, since whatever follows is no number either.
    for layer, values in reversed(places.items()):
        if not np.isfinite(values).all():
            raise RunError(
                f"On this picture {layer} gives values that are infinite or not a "
                "number, so there is nothing to show. The training went astray: try a "
                "smaller learning rate."
            )


def shares_filters(story: Explanation) -> bool:
    """Whether the channels of the activation are the filters of the convolution.

    They are not where another convolution lies between the two.
    """
    convolution, step = story.convolution, story.activation
    if isinstance(convolution, Missing) or isinstance(step, Missing):
        return False
    first = convolution.filters.layer
    types = {row.name: row.type for row in story.network.rows}
    passed = {step.layer, *step.between} - {first}
    mixed = any("Conv" in types.get(name, "") for name in passed)
    return not mixed and len(step.order) == convolution.filters.count


def _common(store: ArrayStore) -> Entry:
    return {
        "arrays": store.entries,
        "sequential": store.add(sequential()),
        "diverging": store.add(diverging()),
    }


def _pack_filters(bank: FilterBank, channels: list[int], store: ArrayStore) -> Entry:
    return {
        "channels": channels,
        "kernel": store.add(bank.kernel[:, :, :, channels]),
        "bias": store.add(bank.bias[channels]),
        "weightReach": _reach(bank.kernel),
        "weightDecimals": choose_decimals(_reach(bank.kernel)),
        "size": bank.window.size,
        "first": [bank.first_channel(channel) for channel in channels],
        "colours": bank.input_shape[2] == 3,
        # Not so behind padding, where it is larger.
        "picture": bank.input_shape == (32, 32, 3),
    }


def _pack_convolution(convolution: Convolution, store: ArrayStore) -> Entry:
    bank = convolution.filters
    channels = [int(filter) for filter in convolution.order[:MOST_FILTERS]]
    _, row, column = find_start(convolution)
    (top, _), (left, _) = bank.window.padding
    return {
        **_pack_filters(bank, channels, store),
        "input": store.add(convolution.input),
        "inputReach": _reach(convolution.input),
        "inputDecimals": choose_decimals(_reach(convolution.input)),
        "before": store.add(convolution.before[:, :, channels]),
        "after": store.add(convolution.after[:, :, channels]),
        "activation": convolution.activation,
        "reach": _reach(convolution.before),
        "decimals": choose_decimals(_reach(convolution.before)),
        "strides": bank.window.strides,
        "dilation": bank.window.dilation,
        "padding": [top, left],
        "start": [row, column],
    }


def _pack_activation(
    step: ActivationStep, story: Explanation, store: ArrayStore
) -> Entry:
    order = step.order
    if not isinstance(story.convolution, Missing) and shares_filters(story):
        # The same filters as in the part before, so that one choice holds for both.
        order = story.convolution.order
    channels = [int(channel) for channel in order[:MOST_FILTERS]]
    return {
        "channels": channels,
        "shared": shares_filters(story),
        "cuts": step.zeroed_share is not None,
        "before": store.add(step.before[:, :, channels]),
        "after": store.add(step.after[:, :, channels]),
        "beforeReach": _reach(step.before),
        "low": min(0.0, float(step.after.min())),
        "high": float(step.after.max()),
        "decimals": choose_decimals(max(_reach(step.before), _reach(step.after))),
        "curve": store.add(step.curve),
    }


def _pack_maps(maps: FeatureMaps, store: ArrayStore) -> Entry:
    channels = [int(channel) for channel in maps.order[:MOST_CHANNELS]]
    return {
        "channels": channels,
        "maps": store.add(maps.maps[:, :, channels]),
        "low": min(0.0, maps.low),
        "high": maps.high,
        "decimals": choose_decimals(max(-maps.low, maps.high)),
        "rows": maps.receptive_field.rows.tolist(),
        "columns": maps.receptive_field.columns.tolist(),
    }


def _pack_pooling(pooling: Pooling, store: ArrayStore) -> Entry:
    import numpy as np

    channels = [int(channel) for channel in pooling.order[:MOST_CHANNELS]]
    after = pooling.after[:, :, channels]
    row, column = np.unravel_index(np.argmax(after[:, :, 0]), after.shape[:2])
    low = min(0.0, float(pooling.before.min()))
    high = float(pooling.before.max())
    (top, _), (left, _) = pooling.window.padding
    return {
        "channels": channels,
        "before": store.add(pooling.before[:, :, channels]),
        "after": store.add(after),
        "low": low,
        "high": high,
        "decimals": choose_decimals(max(-low, high)),
        "largest": pooling.winners is not None,
        "size": pooling.window.size,
        "strides": pooling.window.strides,
        "dilation": pooling.window.dilation,
        "padding": [top, left],
        "start": [int(row), int(column)],
    }


def _reach(values: Array) -> float:
    """The largest absolute value, at least a little above 0."""
    import numpy as np

    return max(float(np.abs(values).max(initial=0)), 1e-6)
