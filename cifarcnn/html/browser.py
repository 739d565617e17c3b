"""An installed browser, as a program that shows a page to nobody."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

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
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
)


def look_for_browser() -> str | None:
    """The program of Chromium, Google Chrome or Microsoft Edge, where one is here."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def browser_command(browser: str, folder: Path) -> list[str]:
    """A command that shows nothing; an address and what to do with it follow.

    Args:
        browser: Its program.
        folder: Where it may keep its profile, ``profile``, and where the page lies. The
            system's own folder for temporary files will not do: a browser that came as
            a snap cannot read it.
    """
    # Chromium's sandbox does not work for root.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    sandbox = ["--no-sandbox"] if root else []
    return [browser, *_FLAGS, *sandbox, f"--user-data-dir={folder / 'profile'}"]
