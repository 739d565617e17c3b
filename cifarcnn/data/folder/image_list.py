"""A list of images as CSV: ``image,label`` and, if one likes, ``split``."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cifarcnn.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader

SPLITS = ("training", "validation", "test")

_SUFFIXES = (".csv", ".tsv", ".txt")
_SPELLINGS = {
    **{name: name for name in SPLITS},
    "train": "training",
    "val": "validation",
    "valid": "validation",
}
SPLIT = "split"
_COLUMNS = ("image", "label", SPLIT)
_SEPARATORS = ",;\t"


class ListedImage(NamedTuple):
    """An image of a list.

    Attributes:
        name: As in the list, made plain: ``cats/1.png``.
        path: Where it lies.
    """

    name: str
    path: str

    def stat(self) -> os.stat_result:
        """Its size and times.

        Raises:
            OSError: It is not there.
        """
        return os.stat(self.path)


@dataclass(frozen=True)
class ImageList:
    """What a list says.

    Attributes:
        images: By split, then by class, both in the order of their names; all in
            ``training`` where the list has no splits.
        has_splits: Whether it says which split an image belongs to.
        problems: What is wrong, each with its line. Empty for a sound list.
        unused_columns: The names of further columns.
    """

    images: dict[str, dict[str, list[ListedImage]]]
    has_splits: bool
    problems: tuple[str, ...]
    unused_columns: tuple[str, ...]


def is_list(path: Path) -> bool:
    """Whether ``path`` is a file whose name says that it is a list."""
    return path.suffix.lower() in _SUFFIXES and path.is_file()


def read_image_list(path: Path) -> ImageList:
    """Read a list and hold every row against what is there.

    UTF-8, with or without a mark at its beginning. The first row names the columns and
    shows what stands between them: a comma, a semicolon or a tab. Paths are relative to
    the folder of the list.

    Raises:
        DataError: It cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _refuse(f"line {line}: the text is not UTF-8; save the list as UTF-8")
    first = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=max(_SEPARATORS, key=first.count),
        skipinitialspace=True,
        strict=True,
    )
    header = [name.strip().lower() for name in next(reader, [])]
    if any(header.count(name) != 1 for name in _COLUMNS[:2]) or header.count(SPLIT) > 1:
        found = f"found {first.strip():.100}" if first.strip() else "the list is empty"
        return _refuse(
            "line 1: expected the names of the columns, image and label and, if you "
            f"like, split; {found}"
        )
    checked = _Rows(path.parent, header)
    for line, row in _number(reader, checked.problems):
        checked.add(line, row)
    if not checked.lines and not checked.problems:
        checked.problems.append("line 2: no row; expected a picture and its label")
    return ImageList(
        images={
            split: {label: sorted(images) for label, images in sorted(by_label.items())}
            for split, by_label in checked.images.items()
        },
        has_splits=SPLIT in header,
        problems=tuple(checked.problems),
        unused_columns=tuple(name for name in header if name not in _COLUMNS),
    )


def _refuse(problem: str) -> ImageList:
    return ImageList({}, False, (problem,), ())


def _number(reader: Reader, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it begins; without the empty ones.

    What follows something that is no CSV is not read.
    """
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(f"line {line}: {error}; is a quote missing?")
            return
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield line, cells


class _Rows:
    """The rows that were read, sorted into splits and classes."""

    def __init__(self, folder: Path, header: list[str]) -> None:
        self.images: dict[str, dict[str, list[ListedImage]]] = {
            split: {} for split in SPLITS
        }
        self.problems: list[str] = []
        self.lines: dict[str, tuple[int, str, str]] = {}
        self._folder = folder
        self._header = header

    def add(self, line: int, row: list[str]) -> None:
        if len(row) != len(self._header):
            self.problems.append(
                f"line {line}: {len(row)} cells, expected {len(self._header)}; a name "
                "with a separator in it needs quotes"
            )
            return
        cells = dict(zip(self._header, row, strict=True))
        image, label = cells["image"], cells["label"]
        split = _SPELLINGS.get(cells.get(SPLIT, SPLITS[0]).lower())
        # What a path may be written as: ./a.png, b/../a.png.
        name = os.path.normpath(image).replace(os.sep, "/")
        found = [
            *self._check_image(image, name, label, cells.get(SPLIT, "")),
            *([] if label else ["no label"]),
        ]
        if split is None:
            found.append(
                f"the split {cells[SPLIT]!r} is none of training, validation and test"
                if cells[SPLIT]
                else "no split; expected training, validation or test"
            )
        self.problems += [f"line {line}: {problem}" for problem in found]
        self.lines.setdefault(name, (line, label, cells.get(SPLIT, "")))
        if split is not None and not found:
            place = ListedImage(name, os.path.join(self._folder, name))
            self.images[split].setdefault(label, []).append(place)

    def _check_image(self, image: str, name: str, label: str, split: str) -> list[str]:
        if not image:
            return ["no image"]
        if name in self.lines:
            line, other_label, other_split = self.lines[name]
            differs = [
                f"there {other}, here {one}"
                for one, other in ((label, other_label), (split, other_split))
                if one != other and one and other
            ]
            more = f" ({'; '.join(differs)})" if differs else ""
            return [f"{image} stands in line {line} already{more}"]
        path = self._folder / name
        if path.is_file():
            return []
        if path.is_dir():
            return [f"{image} is a folder"]
        slash = "; write / between folders" if "\\" in image else ""
        return [f"there is no file {image}{slash}"]
