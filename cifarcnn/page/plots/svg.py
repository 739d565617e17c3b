"""What all plots have in common: the frame, text, and files of their own."""

from __future__ import annotations

import functools
import io
import itertools
import re
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from markupsafe import Markup
from PIL import Image, ImageFont

_FOLDER = Path(__file__).parent.parent / "templates"
STYLE = (_FOLDER / "plots.css").read_text(encoding="utf-8")
_SCALE = 2  # pixels of a PNG for each unit of the drawing
_LONGEST = 13  # digits, of a name
_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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


def shorten(name: str, longest: float = _LONGEST) -> str:
    """A name that keeps to the place of so many digits."""
    if measure(name) <= longest:
        return name
    room = longest - measure("…")
    # Names are often told apart by their ends.
    end = _fitting(name[::-1], room / 3)[::-1]
    return f"{_fitting(name, room - measure(end))}…{end}"


def measure(name: str) -> float:
    """About how long a name is, in digits, which are 7 units wide."""
    return sum(map(_width, name))


def to_svg_file(drawing: str) -> str:
    """A drawing as the text of an ``.svg`` file: light, on white, for any reader."""
    # No string that escapes what is put into it.
    head, rest = str(drawing).split(">", 1)
    attributes = head.removeprefix("<svg")
    file = (
        f"<svg {_NAMESPACE}{attributes}><style>{_light_style()}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{rest}\n'
    )
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", file)


def to_png(drawing: str) -> Image.Image:
    """A drawing as an image, on white and of twice as many pixels as it has units.

    Args:
        drawing: From one of the functions of this package.
    """
    # Here, so that the pages need nothing of it.
    import resvg_py

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        # Where a system has no fonts, as in many containers, that of Pillow draws.
        fonts = []
        if own := getattr(ImageFont.load_default(12), "font_bytes", None):
            fonts = [str(Path(temporary, "font.ttf"))]
            Path(fonts[0]).write_bytes(own)
        data = resvg_py.svg_to_bytes(
            svg_string=to_svg_file(drawing),
            zoom=_SCALE,
            font_files=fonts,
            sans_serif_family="Aileron" if fonts else None,
        )
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


@functools.cache
def _light_style() -> str:
    """The style without variables, which only browsers know."""
    light = STYLE[: STYLE.index("@media")]
    colors = dict(re.findall(r"(--[\w-]+): (#\w+)", light))
    rules = STYLE[STYLE.index(".plot {") :]
    return re.sub(r"var\((--[\w-]+)\)", lambda found: colors[found[1]], rules)


def _fitting(name: str, room: float) -> str:
    lengths = itertools.accumulate(map(_width, name))
    return name[: sum(length <= room for length in lengths)]


def _width(letter: str) -> float:
    if letter in "→…" or unicodedata.east_asian_width(letter) in "WF":
        return 2
    if letter in "MWmw@%":
        return 1.6
    if letter in "fijlrt -.,:;!()[]|'":
        return 0.6
    return 1.25 if letter.isupper() else 1


def _round(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
