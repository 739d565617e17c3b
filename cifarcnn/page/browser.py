"""An installed browser that can draw the parts of a page as images."""

from __future__ import annotations

from cifarcnn.errors import UsageError
from cifarcnn.html.browser import look_for_browser


def find_browser() -> str:
    """The program of a browser that can draw slides.

    Raises:
        UsageError: None is installed.
    """
    if program := look_for_browser():
        return program
    raise UsageError(
        "Pictures for slides are drawn by Chromium, Google Chrome or Microsoft Edge, "
        "and none of them was found. Install one; or leave out --format png and print "
        "the page from any browser, which begins a sheet for every part."
    )
