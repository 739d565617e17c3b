"""Slides of what layers do: filters, tiles, activation, maps, pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cifarcnn.explanation.explanation import (
    ActivationStep,
    Convolution,
    Explanation,
    FeatureMaps,
    FilterBank,
    Pooling,
)
from cifarcnn.page.color_scales import paint
from cifarcnn.page.numbers import choose_decimals, show, show_percent, show_size
from cifarcnn.page.page_context import COLOURS
from cifarcnn.page.page_data import find_start
from cifarcnn.page.slide_pieces import (
    FOR,
    SOFT,
    add_image,
    add_numbers,
    add_scale,
    set_title,
)

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, Any]

# More would be too small to be seen from the last row.
_MOST_MAPS = 32
_MOST_FILTERS = 64
_MOST_NUMBERS = 5  # the largest side of a tile whose numbers are written out


def draw_filters(figure: Figure, bank: FilterBank) -> None:
    """All filters of the first convolution."""
    import numpy as np

    count = min(bank.count, _MOST_FILTERS)
    coloured = bank.kernel.shape[2] == 3 and bank.input_shape[2] == 3
    what = "grey is 0" if coloured else "orange is positive, blue negative"
    set_title(
        figure,
        f"The filters of {bank.layer}",
        f"{count} of {bank.count}, {show_size(bank.window.size)} each; {what}",
    )
    reach = max(float(np.abs(bank.kernel).max()), 1e-6)
    for number in range(count):
        weights = bank.kernel[:, :, :, number]
        if coloured:
            image = np.floor(127.5 + 127.5 * weights / reach + 0.5).clip(0, 255)
            image = image.astype(np.uint8)
        else:
            image = paint(weights[:, :, 0], -reach, reach)
        add_image(figure, _grid_place(number, count), image, f"{number}")


def draw_convolution(
    figure: Figure, convolution: Convolution, story: Explanation
) -> None:
    """One filter on one tile, with its arithmetic."""
    import numpy as np

    bank = convolution.filters
    filter, row, column = find_start(convolution)
    tile = convolution.tile(filter, row, column)
    reach = float(np.abs(convolution.before).max())
    decimals = choose_decimals(reach)
    set_title(
        figure,
        f"Convolution: filter {filter} of {bank.layer}",
        f"tile values times weights, added up: {show(tile.sum, decimals)}; "
        f"with the bias {show(tile.bias, decimals)}: {show(tile.value, decimals)}",
    )
    seen = story.sight.pixels
    if bank.input_shape != seen.shape:
        most = float(np.abs(convolution.input).max())
        seen = paint(convolution.input[:, :, 0], -most, most)
    height, width = (
        (size - 1) * dilation + 1
        for size, dilation in zip(bank.window.size, bank.window.dilation, strict=True)
    )
    box = (tile.top, tile.left, height, width)
    add_image(figure, (0.04, 0.22, 0.25, 0.5), seen, "tile", box)
    painted = paint(convolution.before[:, :, filter], -reach, reach)
    add_image(
        figure, (0.71, 0.22, 0.25, 0.5), painted, "feature map", (row, column, 1, 1)
    )
    add_scale(figure, (0.73, 0.12, 0.21, 0.02), -reach, reach)
    _draw_arithmetic(figure, convolution, filter, row, column)


def _draw_arithmetic(
    figure: Figure, convolution: Convolution, filter: int, row: int, column: int
) -> None:
    import numpy as np

    tile = convolution.tile(filter, row, column)
    inputs = tile.values.shape[2]
    if max(tile.values.shape[:2]) > _MOST_NUMBERS:
        return
    first = convolution.filters.first_channel(filter)
    coloured = convolution.filters.input_shape[2] == 3
    weight_reach = float(np.abs(convolution.filters.kernel).max())
    product_reach = max(float(np.abs(tile.products).max()), 1e-6)
    shown = min(inputs, 3)
    height = 0.66 / 3
    for channel in range(shown):
        name = COLOURS[first + channel] if coloured else f"channel {first + channel}"
        bottom = 0.8 - (channel + 1) * height - 0.01
        blocks = (
            (tile.values, f"{name}: tile", None),
            (tile.weights, "times weights", weight_reach),
            (tile.products, "products", product_reach),
        )
        for place, (values, caption, reach) in enumerate(blocks):
            at = (0.325 + 0.125 * place, bottom, 0.112, height - 0.05)
            add_numbers(figure, at, values[:, :, channel], caption, reach)


def draw_activation(figure: Figure, step: ActivationStep) -> None:
    """The strongest map before and after, and the curve between."""
    import numpy as np

    channel = int(step.order[0])
    below = ""
    if step.zeroed_share is not None:
        below = f"{show_percent(step.zeroed_share)} of all values of the layer became 0"
    set_title(figure, f"Activation: {step.activation}", below)
    before, after = step.before[:, :, channel], step.after[:, :, channel]
    reach = float(np.abs(step.before).max())
    low, high = min(0.0, float(step.after.min())), float(step.after.max())
    add_image(
        figure, (0.04, 0.22, 0.28, 0.56), paint(before, -reach, reach),
        f"before (filter {channel})",
    )  # fmt: skip
    add_scale(figure, (0.07, 0.1, 0.22, 0.02), -reach, reach)
    axes = figure.add_axes((0.39, 0.3, 0.22, 0.4))
    axes.plot(*step.curve, color=FOR, linewidth=2.5)
    axes.axhline(0, color=SOFT, linewidth=0.6)
    axes.axvline(0, color=SOFT, linewidth=0.6)
    axes.spines[:].set_visible(False)
    axes.tick_params(labelsize=8, colors=SOFT)
    add_image(figure, (0.68, 0.22, 0.28, 0.56), paint(after, low, high), "after")
    add_scale(figure, (0.71, 0.1, 0.22, 0.02), low, high)


def draw_maps(figure: Figure, maps: FeatureMaps) -> None:
    """The strongest maps of a convolution in one scale of colours."""
    channels = [int(channel) for channel in maps.order[:_MOST_MAPS]]
    count, size = len(maps.order), show_size(maps.maps.shape[:2])
    which = f"the {len(channels)} strongest of " if len(channels) < count else ""
    set_title(
        figure,
        f"Feature maps of {maps.layer}",
        f"{which}{count} maps of {size}, strongest first, in one scale of colours",
    )
    for number, channel in enumerate(channels):
        painted = paint(maps.maps[:, :, channel], min(0.0, maps.low), maps.high)
        place = _grid_place(number, len(channels))
        add_image(figure, place, painted, f"{channel}")
    add_scale(figure, (0.73, 0.86, 0.22, 0.02), min(0.0, maps.low), maps.high)


def draw_pooling(figure: Figure, pooling: Pooling) -> None:
    """The strongest map before and after, and one window."""
    import numpy as np

    channel = int(pooling.order[0])
    after = pooling.after[:, :, channel]
    row, column = (int(at) for at in np.unravel_index(np.argmax(after), after.shape))
    tile = pooling.tile(channel, row, column)
    low, high = min(0.0, float(pooling.before.min())), float(pooling.before.max())
    kept = "the largest" if pooling.winners is not None else "the mean"
    decimals = choose_decimals(max(-low, high))
    set_title(
        figure,
        f"Pooling: {kept} of {show_size(pooling.window.size)}",
        f"{show_size(pooling.before.shape)} become {show_size(pooling.after.shape)}; "
        f"of the window in the frame {show(tile.value, decimals)} goes on",
    )
    box = (tile.top, tile.left, *pooling.window.size)
    before = paint(pooling.before[:, :, channel], low, high)
    add_image(figure, (0.04, 0.16, 0.36, 0.64), before, f"map {channel} before", box)
    if max(tile.values.shape) <= _MOST_NUMBERS:
        values = np.nan_to_num(tile.values)
        add_numbers(figure, (0.43, 0.42, 0.16, 0.2), values, "the window")
    add_image(
        figure, (0.62, 0.16, 0.36, 0.64), paint(after, low, high), "after",
        (row, column, 1, 1),
    )  # fmt: skip
    add_scale(figure, (0.11, 0.06, 0.22, 0.02), low, high)


def _grid_place(number: int, count: int) -> tuple[float, float, float, float]:
    """A place among ``count``, eight in a row or sixteen when there are many."""
    columns = 8 if count <= _MOST_MAPS else 16
    rows = max(-(-count // columns), 1)
    width, height = 0.92 / columns, min(0.76 / rows, 0.22)
    left = 0.04 + (number % columns) * width
    bottom = 0.81 - (number // columns + 1) * height
    return left, bottom + 0.03, width * 0.92, height - 0.04
