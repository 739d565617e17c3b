"""A module that what is imported or called meanwhile does not find."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def module_hidden(name: str) -> Iterator[None]:
    """Have an import of a module find that it is not installed.

    Libraries import others wherever these are, which takes seconds for what nobody asks
    them for. One that is imported already stays.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
