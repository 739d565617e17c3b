"""The reliability diagram: how sure the answers are, and how often right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from cifarcnn.page.plots.axes import HEIGHT, LEFT, WIDTH, Axis, draw_axes
from cifarcnn.page.plots.svg import frame, line, rectangle, text

if TYPE_CHECKING:
    # Which brings Keras, of which a page of lines knows nothing.
    from cifarcnn.evaluation.metrics import CalibrationBin

_TICKS = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
# Of fewer pictures a share says little.
_FEW = 10


def draw_reliability(bins: Sequence[CalibrationBin]) -> Markup:
    """A bar as high as the accuracy for each range of probabilities.

    The dashed line is where both are equal. Ranges with fewer than ten images are
    pale.

    Args:
        bins: From :func:`cifarcnn.evaluation.metrics.calibration_bins`.
    """
    parts, place = draw_axes(
        Axis("probability of the answer", _TICKS, percent=True),
        Axis("answers that are right", _TICKS, percent=True),
    )
    for each in bins:
        if each.accuracy is None:
            continue
        left, top = place(each.low, each.accuracy)
        right, bottom = place(each.high, 0)
        strength = 0.25 if each.count < _FEW else 0.8
        kind = "level"
        parts.append(
            rectangle(
                left + 0.5, top, right - left - 1, max(bottom - top, 1), kind, strength
            )
        )
    parts += [
        line([place(0, 0), place(1, 1)], "ideal"),
        line([(LEFT, HEIGHT + 4), (LEFT + 30, HEIGHT + 4)], "ideal"),
        text(LEFT + 38, HEIGHT + 8, "as sure as right", anchor="start"),
    ]
    told = "; ".join(
        f"about {each.confidence:.0%} sure: {each.accuracy:.0%} right "
        f"({each.count:,} pictures)"
        for each in bins
        if each.confidence is not None
    )
    return frame(WIDTH, HEIGHT + 17, f"Reliability diagram. {told}", parts)
