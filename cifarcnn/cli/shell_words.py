"""Names of files in commands that can be copied into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path


def quote_path(path: str | Path) -> str:
    """The word that stands for a file wherever a program expects one.

    A name that begins with ``-`` would be taken for an option.
    """
    name = str(path)
    return shlex.quote(f"./{name}" if name.startswith("-") else name)
