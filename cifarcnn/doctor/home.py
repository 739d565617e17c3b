"""The home folder as ``~``, since reports of bugs are read by strangers."""

from __future__ import annotations

import os
import re
import shlex
from typing import TypeVar, cast

Value = TypeVar("Value")


def hide_home(value: Value) -> Value:
    """The same text, list or dictionary with ``~`` for the home folder.

    A name in it that shows elsewhere, such as that of a user in ``/data/NAME``, stays.
    """
    home = _home()
    if home is None:
        return value
    inside = re.compile(rf"(?<![\w.-]){re.escape(home)}(?![\w-]|\.\w)")
    return cast("Value", _replace(value, inside))


def quote_path(path: str) -> str:
    """A path for a shell, quoted behind its ``~``, which quotes would keep as it is."""
    home = _home()
    if home is not None and path.startswith(f"{home}/"):
        return f"~/{shlex.quote(path[len(home) + 1 :])}"
    return shlex.quote(path)


def _home() -> str | None:
    home = os.path.expanduser("~").rstrip("/")
    return home if os.path.isabs(home) else None


def _replace(value: object, inside: re.Pattern[str]) -> object:
    if isinstance(value, str):
        return inside.sub("~", value)
    if isinstance(value, dict):
        return {key: _replace(each, inside) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(each, inside) for each in value]
    return value
