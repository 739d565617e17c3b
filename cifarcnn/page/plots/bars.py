"""Bars that lie, a row for each name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from cifarcnn.page.numbers import show_percent
from cifarcnn.page.plots.svg import frame, rectangle, shorten, text

_LEFT, _LENGTH, _ROW, _TOP = 112.0, 200.0, 20.0, 30.0
_SHORT = 110.0  # bars of several columns


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
        parts.append(text(_LEFT - 8, y + 13, shorten(name), anchor="end"))
        parts += _draw_bar(_LEFT, y, _LENGTH, share)
    height = _TOP + _ROW * len(names) + 6
    label = f"{title}: {_tell(names, shares)}"
    return frame(_LEFT + _LENGTH + 62, height, label, parts)


def draw_bar_columns(
    names: Sequence[str], columns: Mapping[str, Sequence[float | None]], title: str
) -> Markup:
    """Several bars for each name, those of one kind below one another.

    Args:
        names: One for each row.
        columns: By what they are: as ``shares`` of :func:`draw_bars`.
        title: What the rows are.
    """
    parts = [text(8, 16, title, "name", "start")]
    top = _TOP + _ROW
    for row, name in enumerate(names):
        y = top + _ROW * row + 13
        parts.append(text(_LEFT - 8, y, shorten(name), anchor="end"))
    for number, (kind, shares) in enumerate(columns.items()):
        left = _LEFT + (_SHORT + 62) * number
        parts.append(text(left, _TOP + 13, kind, "quiet", "start"))
        for row, share in enumerate(shares):
            parts += _draw_bar(left, top + _ROW * row, _SHORT, share)
    told = "; ".join(f"{kind}: {_tell(names, each)}" for kind, each in columns.items())
    width = _LEFT + (_SHORT + 62) * len(columns)
    return frame(width, top + _ROW * len(names) + 6, f"{title}. {told}", parts)


def _draw_bar(
    left: float, top: float, length: float, share: float | None
) -> Iterator[Markup]:
    shown = "–" if share is None else show_percent(share)
    yield rectangle(left, top + 2, length, _ROW - 6, "track")
    yield rectangle(left, top + 2, length * (share or 0), _ROW - 6, "level")
    yield text(left + length + 6, top + 13, shown, "quiet", "start")


def _tell(names: Sequence[str], shares: Sequence[float | None]) -> str:
    return ", ".join(
        f"{name} {'unknown' if share is None else show_percent(share)}"
        for name, share in zip(names, shares, strict=True)
    )
