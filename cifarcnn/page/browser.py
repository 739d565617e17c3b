"""An installed browser that can draw the parts of a page as images."""

from __future__ import annotations

import shutil

from cifarcnn.errors import UsageError

_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def find_browser() -> str:
    """The program of a browser that can draw slides.

    Raises:
        UsageError: None is installed.
    """
    for name in _BROWSERS:
        if program := shutil.which(name):
            return program
    raise UsageError(
        "Pictures for slides are drawn by Chromium, Google Chrome or Microsoft Edge, "
        "and none of them was found. Install one; or leave out --format png and print "
        "the page from any browser, which begins a sheet for every part."
    )
