"""What the user should know of a folder or list of images, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cifarcnn.config.folder_config import UNEVEN
from cifarcnn.data.decoded_cache import Part, ReadingRecord
from cifarcnn.data.duplicate_images import Pair
from cifarcnn.data.folder.class_folders import ClassFolders, list_some
from cifarcnn.data.folder.content import FolderContent, ValidationCut
from cifarcnn.data.folder.layout import FolderLayout
from cifarcnn.data.image.target_size import TargetSize

_SHOWN = 3  # pairs of images that a note names
_SHOWN_DAMAGED = 5


def describe_training(
    content: FolderContent, class_names: Sequence[str], cut: ValidationCut
) -> list[str]:
    """Of the training and validation images; the test images are not looked at.

    Raises:
        UsageError: ``cut`` is out of range.
        DataError: A class would have nothing left to train on.
    """
    chosen = content.choose_validation(class_names, cut)
    notes = [*_describe_layout(content, cut), *_describe_part(content, "training")]
    if chosen is not None:
        labels = content.labels("training", class_names)[chosen]
        counts = np.bincount(labels, minlength=len(class_names))
        missing = [n for n, c in zip(class_names, counts, strict=True) if not c]
        if missing:
            notes.append(f"validation has no pictures of {list_some(missing)}")
    notes += _describe_repeats(content, chosen)
    if "validation" in content.parts:
        notes += _describe_part(content, "validation", class_names)
    return notes + describe_overlap(content, chosen, ("validation",))


def describe_test(
    content: FolderContent, class_names: Sequence[str], cut: ValidationCut
) -> list[str]:
    """Of the test images, also what of them is in the other splits.

    Raises:
        UsageError: ``cut`` is out of range.
        DataError: A class would have nothing left to train on.
    """
    test = content.layout.test
    if test is None:
        return []
    if "test" not in content.parts:
        if content.layout.is_cut:
            return [
                f"none of the {content.parts['training'].listed.count:,} pictures fell "
                "to the test (data.test_fraction, by the names of the files)"
            ]
        return [
            *describe_listing(test),
            f"{test.path} has no pictures in class folders",
        ]
    chosen = content.choose_validation(class_names, cut)
    return [
        *_describe_part(content, "test", class_names),
        *describe_overlap(content, chosen, ("test",)),
    ]


def describe_overlap(
    content: FolderContent,
    chosen: np.ndarray | None,
    parts: Sequence[Part] = ("validation", "test"),
) -> list[str]:
    """Which images of some splits are in another one too, pixel for pixel.

    Args:
        content: The images.
        chosen: The training images that go to validation.
        parts: Each is compared with the splits before it.
    """
    notes = []
    for (part, other), pairs in sorted(content.pairs(chosen).items()):
        if part in parts and part != other:
            count = _count(content, part, chosen)
            notes.append(
                f"{len(pairs):,} of the {count:,} pictures in {_title(content, part)} "
                f"are in {_title(content, other)} too {_list_pairs(content, pairs)}"
            )
    return notes


def describe_listing(listed: ClassFolders) -> list[str]:
    """How many files were left out, by ending; nothing where none were."""
    found = listed.described_left_out
    return [f"{listed.title}: {found}"] if found else []


def describe_damaged(title: str, damaged: Sequence[str]) -> list[str]:
    """How many images could not be read and were left out, and the first of them.

    Args:
        title: Of the split.
        damaged: What each is called, and why it cannot be read.
    """
    if not damaged:
        return []
    shown = [item.removesuffix(".") for item in damaged[:_SHOWN_DAMAGED]]
    more = len(damaged) - len(shown)
    what = "picture is" if len(damaged) == 1 else "pictures are"
    return [
        f"{title}: {len(damaged):,} damaged {what} left out (data.damaged): "
        f"{'; '.join(shown)}" + (f"; and {more:,} more" if more else "")
    ]


def describe_reading(
    name: str, reading: ReadingRecord, count: int, target: TargetSize
) -> list[str]:
    """What the images lost to the proportions of the network, and what else they did.

    Args:
        name: Of the split.
        reading: What was lost.
        count: Of all images of the split.
        target: What the network takes.
    """
    notes = [
        f"{name}: {number:,} of {count:,} pictures: {note}"
        for note, number in reading.notes.items()
    ]
    if not reading.cropped:
        return notes
    height, width = target.height, target.width
    shape = "square" if height == width else f"of the shape {width}x{height}"
    return [
        f"{name}: {reading.cropped:,} of {count:,} pictures are not {shape}: "
        f"{target.describe(reading.largest_share)}",
        *notes,
    ]


def describe_uneven_classes(
    labels: np.ndarray, class_names: Sequence[str]
) -> str | None:
    """A sentence where one class has five times as many images as another, or more.

    Args:
        labels: Of the training images.
        class_names: In the order of the labels.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    most, fewest = int(counts.argmax()), int(counts.argmin())
    if counts[most] < UNEVEN * counts[fewest] or not counts[fewest]:
        return None
    return (
        f"the classes are uneven: {counts[most]:,} pictures of {class_names[most]} and "
        f"{counts[fewest]:,} of {class_names[fewest]} to learn from. So that rare "
        "classes count as much, write: training: {class_weights: balanced}"
    )


def describe_fold(number: int, count: int) -> str:
    """Which images are for validation, where ``data.fold`` says it."""
    return (
        f"validation is fold {number} of {count} (data.fold); "
        "data.validation_fraction is not used"
    )


def _describe_layout(content: FolderContent, cut: ValidationCut) -> list[str]:
    layout = content.layout
    notes = []
    if layout.whole is not None:
        notes += _describe_whole(layout, layout.whole)
    if layout.unused_columns:
        names = list_some(layout.unused_columns)
        notes.append(f"columns of the list that are not used: {names}")
    validation = content.parts.get("validation")
    if cut.fold is not None:
        notes.append(describe_fold(*cut.fold))
    elif validation is not None:
        count, place = len(validation.images), validation.listed.path
        those = f"rows of {place}" if layout.is_list else f"{place}"
        notes.append(
            f"the {count:,} validation pictures are those of {those}; nothing is cut "
            f"from {_title(content, 'training')} (data.validation_fraction)"
        )
    for split in layout.validations if validation is None else ():
        notes += [
            *describe_listing(split),
            f"{split.path} has no pictures: validation is cut from "
            f"{_title(content, 'training')}",
        ]
    beside = "train" if layout.whole is None else "the class folders"
    if layout.unused:
        names = list_some(layout.unused)
        notes.append(f"folders beside {beside} that are not used: {names}")
    if layout.stray_images:
        notes.append(
            f"pictures beside {beside} that are not used: {layout.stray_images:,}"
        )
    return notes


def _describe_whole(layout: FolderLayout, whole: ClassFolders) -> list[str]:
    """How the test images are kept apart, where no folder ``train`` is there."""
    if layout.is_cut:
        count = 0 if layout.test is None else layout.test.count
        found = (
            f"{count:,} of the {whole.count:,} pictures in {whole.title} are kept for "
            "the test, by the names of their files (data.test_fraction)"
        )
    elif layout.test is not None:
        found = f"the test pictures are those of {layout.test.path}"
    else:
        found = "no pictures are kept for the test (data.test_fraction is 0)"
    taken = [
        f"{whole.path / name} is taken for a class: it has pictures and no folders"
        for name in ([] if layout.is_list else whole.images)
        if name.lower() == "train"
    ]
    return [found, *taken, *describe_listing(whole)]


def _describe_part(
    content: FolderContent, part: Part, class_names: Sequence[str] = ()
) -> list[str]:
    read = content.parts[part]
    title, count = read.listed.title, len(read.images)
    there = {name for name, _ in read.images}
    missing = [name for name in class_names if name not in there]
    return [
        *describe_listing(read.listed),
        *describe_damaged(title, read.damaged),
        *describe_reading(title, read.reading, count, content.target),
        *([f"{title} has no pictures of {list_some(missing)}"] if missing else []),
    ]


def _describe_repeats(content: FolderContent, chosen: np.ndarray | None) -> list[str]:
    """Training images that are there twice, in two classes or in one."""
    pairs = content.pairs(chosen).get(("training", "training"), ())
    classes, title = content.classes, _title(content, "training")
    contradicting = [pair for pair in pairs if classes[pair[0]] != classes[pair[1]]]
    repeating = [pair for pair in pairs if classes[pair[0]] == classes[pair[1]]]
    notes = []
    if contradicting:
        counted, verb = f"{len(contradicting):,} pictures", "are"
        if len(contradicting) == 1:
            counted, verb = "1 picture", "is"
        notes.append(
            f"{counted} in {title} {verb} in two classes "
            f"{_list_pairs(content, contradicting)}"
        )
    if repeating:
        count = _count(content, "training", chosen)
        notes.append(
            f"{len(repeating):,} of the {count:,} pictures in {title} repeat an "
            f"earlier one {_list_pairs(content, repeating)}"
        )
    return notes


def _title(content: FolderContent, part: Part) -> str:
    read = content.parts.get(part)
    return part if read is None else read.listed.title


def _count(content: FolderContent, part: Part, chosen: np.ndarray | None) -> int:
    moved = 0 if chosen is None else int(chosen.sum())
    read = content.parts.get(part)
    if read is None:
        return moved
    return len(read.images) - (moved if part == "training" else 0)


def _list_pairs(content: FolderContent, pairs: Sequence[Pair]) -> str:
    """What is compared, and some pairs: images that differ may come to the same."""
    size = f"{content.target.width}x{content.target.height}"
    names = content.names
    listed = list_some([f"{names[a]} is {names[b]}" for a, b in pairs], _SHOWN)
    return f"(the same {size} pixels): {listed}"
