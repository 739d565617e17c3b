"""Keeping what the network saw as PNG files."""

from __future__ import annotations

import io
import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from cifarcnn.errors import UsageError
from cifarcnn.files import write_atomically

if TYPE_CHECKING:
    from cifarcnn.inference.predictions import Answer


def keep_input(folder: Path, answer: Answer) -> Path | None:
    """Write the 32x32 image of an answer into ``folder``; None without an image.

    The file is named after the image; where that name is taken a number follows, and
    nothing is overwritten.

    Raises:
        UsageError: The folder cannot be made or written to.
    """
    if answer.pixels is None:
        return None
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(answer.pixels).save(data, "PNG")
    stem = _stem(answer.source.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        path = folder / f"{stem}.png"
        while path.exists() or path.is_symlink():
            number += 1
            path = folder / f"{stem}-{number}.png"
        write_atomically(path, data.getvalue())
    except OSError as error:
        raise UsageError(
            f"The pictures cannot be kept in {folder}: {error.strerror}. Name another "
            "folder with --save-input DIR."
        ) from error
    return path


def _stem(name: str) -> str:
    if name == "-":
        return "standard-input"
    # A colon, as in test:17, is not allowed in names on Windows.
    stem = re.sub(r'[:*?"<>|\\]', "-", PurePath(name).stem)
    return "".join(sign if sign.isprintable() else "-" for sign in stem) or "picture"
