"""What a folder of one's own images holds, told by names and headers alone."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.config.datasets import Data
from cifarcnn.data.folder.layout import find_layout
from cifarcnn.data.folder.problems import find_problems
from cifarcnn.data.image.exif_orientation import SIDEWAYS, read_orientation
from cifarcnn.data.image.image_file import open_header, read_bytes, silent_pillow
from cifarcnn.errors import DataError, ImageError, UsageError

# So many headers tell the sizes of all.
_HEADERS = 200


@dataclass(frozen=True)
class FolderSurvey:
    """What there is to learn from, and to cut a test split from.

    Attributes:
        class_counts: How many images each class has: training images, where a test
            split lies beside them.
        sizes: ``(height, width)`` of some of them, the shorter side ascending.
    """

    class_counts: Mapping[str, int]
    sizes: tuple[tuple[int, int], ...]

    @property
    def short_side(self) -> int:
        """The median of the shorter sides, in pixels."""
        return int(statistics.median(min(size) for size in self.sizes))


def survey_folder(root: Path) -> FolderSurvey:
    """Look into a folder, or into a list of images, as a training would.

    Raises:
        UsageError: There is nothing, or its path is not text in UTF-8.
        DataError: No training would take what is there, or none of the images that
            were looked at can be read.
    """
    if not os.path.lexists(root):
        raise UsageError(f"'{root}' is not there; expected a folder of pictures")
    try:
        str(root).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the path of the folder is not UTF-8: {str(root)!a}; rename it"
        ) from None
    test_fraction: float = Data.model_fields["test_fraction"].default
    layout = find_layout(root, test_fraction)
    problems, _ = find_problems(layout, test_fraction)
    if layout.train is None or problems:
        raise DataError("\n".join(problems))
    listed = layout.whole or layout.train
    sizes, failures = [], []
    paths = [Path(entry.path) for _, entry in listed.images_by_class()]
    for path in paths[:: -(-len(paths) // _HEADERS)]:
        try:
            sizes.append(_read_size(path))
        except ImageError as error:
            failures.append(f"{path}: {error}")
    if not sizes:
        raise DataError(f"{root} has no picture that can be read: {failures[0]}")
    counts = {name: len(images) for name, images in listed.images.items()}
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
