"""Bars that lie, a row for each name."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from cifarcnn.page.numbers import show_percent
from cifarcnn.page.plots.svg import frame, rectangle, shorten, text

_LEFT, _LENGTH, _ROW, _TOP = 112.0, 200.0, 20.0, 30.0


def draw_bars(
    names: Sequence[str], shares: Sequence[float | None], title: str
) -> Markup:
    """A bar for each name.

    Args:
        names: One for each row.
        shares: 0 to 1; ``None`` where there is nothing to say.
        title: What the bars are.
    """
    parts = [text(8, 16, title, "name", "start")]
    for row, (name, share) in enumerate(zip(names, shares, strict=True)):
        y = _TOP + _ROW * row
        shown = "–" if share is None else show_percent(share)
        parts += [
            text(_LEFT - 8, y + 13, shorten(name), anchor="end"),
            rectangle(_LEFT, y + 2, _LENGTH, _ROW - 6, "track"),
            rectangle(_LEFT, y + 2, _LENGTH * (share or 0), _ROW - 6, "level"),
            text(_LEFT + _LENGTH + 6, y + 13, shown, "quiet", "start"),
        ]
    told = ", ".join(
        f"{name} {'unknown' if share is None else show_percent(share)}"
        for name, share in zip(names, shares, strict=True)
    )
    height = _TOP + _ROW * len(names) + 6
    return frame(_LEFT + _LENGTH + 62, height, f"{title}: {told}", parts)
