"""The parts of the page as separate images, for slides.

An installed browser draws them: its script shows any run of parts, each on a box of
the size of a slide (``#slides=0-7``), and the browser takes one image of all boxes.
"""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from cifarcnn.errors import UsageError
from cifarcnn.html.browser import browser_command

# 16 to 9, as screens and projectors are; page.css has the same numbers.
SIZE = (1600, 900)
# Browsers draw nothing beyond 16,384 pixels.
_MOST_AT_ONCE = 8
# Part of a window is taken up by its frame, also where it is never shown.
_FRAME = 300
_SECONDS = 120


def draw_slides(page: str, browser: str, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every part of a page: the name of its file, and a PNG of 1600x900 pixels.

    Args:
        page: From :func:`cifarcnn.page.document.render_page`.
        browser: From :func:`find_browser`.
        folder: Where the page may lie meanwhile. The system's own folder for such
            files will not do: a browser that came as a snap cannot read it.

    Raises:
        UsageError: The browser draws nothing, or the folder cannot be written.
    """
    # Names of strangers are escaped in the page: no quotation mark is theirs.
    names = re.findall(r' data-slide="([^"]+)"', page)
    try:
        with tempfile.TemporaryDirectory(
            prefix="slides-", dir=folder, ignore_cleanup_errors=True
        ) as temporary:
            path = Path(temporary).resolve() / "page.html"
            path.write_bytes(page.encode("utf-8", "replace"))
            for first in range(0, len(names), _MOST_AT_ONCE):
                batch = names[first : first + _MOST_AT_ONCE]
                with _take_image(browser, path, first, len(batch)) as image:
                    for place, name in enumerate(batch):
                        top = place * SIZE[1]
                        slide = io.BytesIO()
                        image.crop((0, top, SIZE[0], top + SIZE[1])).save(slide, "PNG")
                        yield f"{first + place + 1:02}-{name}.png", slide.getvalue()
    except OSError as error:
        raise UsageError(
            f"No slides can be drawn in {folder}: {error.strerror or error}. Name "
            "another place with --out."
        ) from None


def _take_image(browser: str, page: Path, first: int, count: int) -> Image.Image:
    """An image of some slides, one below the other."""
    address = f"{page.as_uri()}#slides={first}-{first + count - 1}"
    way_out = (
        "Leave out --format png and print the page from any browser, which begins a "
        "sheet for every part."
    )
    return take_screenshot(browser, page, address, (SIZE[0], count * SIZE[1]), way_out)


def take_screenshot(
    browser: str,
    page: Path,
    address: str,
    size: tuple[int, int],
    way_out: str,
    scale: int = 1,
) -> Image.Image:
    """What a browser shows of a page.

    Args:
        browser: Its program.
        page: The file; others are written beside it.
        address: That of the file, with what follows it.
        size: Width and height that are needed; the image is higher.
        way_out: What to do where it draws nothing, as a sentence.
        scale: Pixels of the image for each one of these.

    Raises:
        UsageError: The browser draws nothing.
    """
    file = page.with_name("screenshot.png")
    file.unlink(missing_ok=True)
    command = [
        *browser_command(browser, page.parent),
        f"--force-device-scale-factor={scale}",
        f"--window-size={size[0]},{size[1] + _FRAME}",
        f"--screenshot={file}",
        address,
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS
        )
        reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
    except subprocess.TimeoutExpired:
        reason = f"it did not end within {_SECONDS} seconds"
    if not file.exists():
        raise UsageError(f"{browser} drew nothing: {reason}. {way_out}")
    return Image.open(file)
