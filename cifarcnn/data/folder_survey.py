"""What a folder of one's own images holds, told by names and headers alone."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.data.folder_layout import find_layout, list_class_folders
from cifarcnn.data.image.exif_orientation import SIDEWAYS, read_orientation
from cifarcnn.data.image.image_file import open_header, read_bytes, silent_pillow
from cifarcnn.errors import DataError, ImageError, UsageError

# So many headers tell the sizes of all.
_HEADERS = 200


@dataclass(frozen=True)
class FolderSurvey:
    """What there is to learn from.

    Attributes:
        class_counts: How many training images each class has.
        sizes: ``(height, width)`` of some of them, the shorter side ascending.
    """

    class_counts: Mapping[str, int]
    sizes: tuple[tuple[int, int], ...]

    @property
    def short_side(self) -> int:
        """The median of the shorter sides, in pixels."""
        return int(statistics.median(min(size) for size in self.sizes))


def survey_folder(root: Path) -> FolderSurvey:
    """Look into ``root/train/<class>/`` or, where there is no train, ``root/<class>/``.

    Raises:
        UsageError: There is no such folder, or its path is not text in UTF-8.
        DataError: A folder cannot be read, there are fewer than two classes with
            images, or no image that was looked at can be read.
    """
    if not root.is_dir():
        what = "is not a folder" if os.path.lexists(root) else "is not there"
        raise UsageError(f"'{root}' {what}; expected a folder of pictures")
    try:
        str(root).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the path of the folder is not UTF-8: {str(root)!a}; rename it"
        ) from None
    listed = find_layout(root).train or list_class_folders(root)
    found = {name: files for name, files in listed.images.items() if files}
    if len(found) < 2:
        what = f"pictures of {', '.join(found)} only" if found else "no pictures"
        left_out = listed.described_left_out
        raise DataError(
            f"{root} has {what} in class folders{left_out and f' ({left_out})'}; "
            "expected a folder of pictures for each of two or more classes, as in "
            f"{root / 'cat' / 'one.png'}."
        )
    paths = [Path(file.path) for files in found.values() for file in files]
    sizes, failures = [], []
    for path in paths[:: -(-len(paths) // _HEADERS)]:
        try:
            sizes.append(_read_size(path))
        except ImageError as error:
            failures.append(f"{path}: {error}")
    if not sizes:
        raise DataError(f"{root} has no picture that can be read: {failures[0]}")
    counts = {name: len(files) for name, files in found.items()}
    return FolderSurvey(counts, tuple(sorted(sizes, key=min)))


def _read_size(path: Path) -> tuple[int, int]:
    """Height and width, upright.

    Raises:
        ImageError: As ``image_file.read_image``, but for damage behind the header.
    """
    with silent_pillow():
        image = open_header(read_bytes(path), path.name)
        width, height = image.size
    if read_orientation(image) in SIDEWAYS:
        width, height = height, width
    return height, width
