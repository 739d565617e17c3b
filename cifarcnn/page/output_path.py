"""Where an explanation is put: nothing of the user's is ever replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from cifarcnn.errors import UsageError
from cifarcnn.files import (
    find_free_path,
    make_stem,
    os_error_as_usage_error,
    write_atomically,
)

Format = Literal["html", "png"]


def choose_output_path(
    out: Path | None, subject: str, layout: Format, example: str = "explained.html"
) -> Path:
    """The file of the page, or the folder of the images.

    Args:
        out: What the user asked for. None takes a name made from the subject in the
            working folder, with a number where that name is taken.
        subject: What is explained: the name of an image, or of a run.
        layout: ``html`` for a file, ``png`` for a folder.
        example: A name of such a page, for whoever names a folder.

    Raises:
        UsageError: The place is taken, or its folder is missing or cannot be written.
    """
    if out is None:
        ending = ".html" if layout == "html" else ""
        return find_free_path(Path(), f"{make_stem(subject)}-explained", ending)
    _refuse_taken(out, layout, example)
    parent = out.parent
    if not parent.is_dir():
        raise UsageError(
            f"There is no folder {parent} to put {out.name} in. Make it first, or name "
            "another place with --out."
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(
            f"The folder {parent} may not be written to. Name another place with --out."
        )
    return out


def choose_gif_path(out: Path | None, page: Path, subject: str, layout: Format) -> Path:
    """Where the sliding filter goes: into the folder of the images, or by the page.

    Args:
        out: What the user asked for, as for ``choose_output_path``.
        page: What ``choose_output_path`` made of it.
        subject: What is explained.
        layout: As for ``choose_output_path``.

    Raises:
        UsageError: The place is taken.
    """
    if layout == "png":
        return page / "sliding.gif"
    if out is None:
        return find_free_path(Path(), f"{make_stem(subject)}-sliding", ".gif")
    gif = out.with_suffix(".gif")
    _refuse_taken(gif, "html", "explained.html")
    return gif


def write_new(path: Path, data: bytes) -> None:
    """Write a file whole, into a folder that is made when it is the last one missing.

    Raises:
        UsageError: It cannot be written, or its name has been taken meanwhile.
    """
    with os_error_as_usage_error(
        f"{path} cannot be written", ". Name another place with --out."
    ):
        path.parent.mkdir(exist_ok=True)
        if os.path.lexists(path):
            raise UsageError(_taken(path))
        write_atomically(path, data)


def _refuse_taken(path: Path, layout: Format, example: str) -> None:
    if not os.path.lexists(path):
        return
    if layout == "html" and path.is_dir():
        raise UsageError(
            f"{path} is a folder, but the page is a file. Name it, such as "
            f"--out {path / example}."
        )
    if layout == "png" and path.is_dir() and not any(path.iterdir()):
        return
    raise UsageError(_taken(path))


def _taken(path: Path) -> str:
    what = "is a folder that is not empty" if path.is_dir() else "exists already"
    return (
        f"{path} {what}, and nothing is replaced. Name another place with --out, or "
        "move it away first."
    )
