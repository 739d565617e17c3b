"""What all plots have in common: the frame, text, and files of their own."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from cifarcnn.page.slides import take_screenshot

_FOLDER = Path(__file__).parent.parent / "templates"
STYLE = (_FOLDER / "plots.css").read_text(encoding="utf-8")
_SCALE = 2  # pixels of a PNG for each unit of the drawing
_LONGEST = 14  # letters of a name
_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


def frame(width: float, height: float, label: str, parts: Iterable[str]) -> Markup:
    """A whole drawing.

    Args:
        width: In units that are pixels where there is room.
        height: Likewise.
        label: What is to be seen, for those who cannot.
        parts: Elements, escaped.
    """
    return Markup(
        '<svg class="plot" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" '
        'aria-label="{2}">\n{3}\n</svg>'
    ).format(_round(width), _round(height), label, Markup("\n").join(parts))


def text(
    x: float, y: float, content: str, kind: str = "", anchor: str = "middle"
) -> Markup:
    """A line of text; ``kind`` is its class in the style."""
    return Markup('<text{} x="{}" y="{}" text-anchor="{}">{}</text>').format(
        Markup(' class="{}"').format(kind) if kind else "",
        *(_round(x), _round(y), anchor, content),
    )


def rectangle(
    x: float, y: float, width: float, height: float, kind: str, opacity: float = 1
) -> Markup:
    """A filled rectangle."""
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"{}/>').format(
        kind,
        *map(_round, (x, y, width, height)),
        "" if opacity == 1 else Markup(' fill-opacity="{}"').format(round(opacity, 3)),
    )


def line(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    """A line through points."""
    places = " ".join(f"{_round(x)},{_round(y)}" for x, y in points)
    return Markup('<polyline class="{}" points="{}"/>').format(kind, places)


def shorten(name: str, longest: int = _LONGEST) -> str:
    """A name that keeps to its place."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def to_svg_file(drawing: str) -> str:
    """A drawing as the text of an ``.svg`` file, light or dark as its reader is."""
    # No string that escapes what is put into it.
    head, rest = str(drawing).split(">", 1)
    attributes = head.removeprefix("<svg")
    return f"<svg {_NAMESPACE}{attributes}><style>{STYLE}</style>{rest}\n"


def to_png(drawing: str, browser: str, folder: Path) -> Image.Image:
    """A drawing as an image, on white and of twice as many pixels as it has units.

    Args:
        drawing: From one of the functions of this package.
        browser: From :func:`cifarcnn.page.browser.find_browser`.
        folder: Where files may lie meanwhile; a browser that came as a snap cannot
            read the system's own folder for such files.

    Raises:
        UsageError: The browser draws nothing.
        OSError: The folder cannot be written.
    """
    width, height = (
        round(float(size))
        for size in re.findall(r'(?:width|height)="([\d.]+)"', drawing)[:2]
    )
    page = (
        "<!DOCTYPE html><meta charset=utf-8><style>html{background:#fff}body{margin:0}"
        f"svg{{display:block}}{STYLE}</style>{drawing}"
    )
    with tempfile.TemporaryDirectory(
        prefix="plot-", dir=folder, ignore_cleanup_errors=True
    ) as temporary:
        path = Path(temporary).resolve() / "plot.html"
        path.write_bytes(page.encode("utf-8", "replace"))
        found = take_screenshot(
            browser,
            path,
            path.as_uri(),
            (width, height),
            "The SVG file shows the same.",
            scale=_SCALE,
        )
        with found as image:
            return image.crop((0, 0, _SCALE * width, _SCALE * height)).convert("RGB")


def _round(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
