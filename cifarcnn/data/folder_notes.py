"""What the user should know of a folder of images, in sentences."""

from __future__ import annotations

from cifarcnn.data.decoded_cache import DecodedStore, ReadingRecord
from cifarcnn.data.duplicate_images import find_duplicates, find_overlap
from cifarcnn.data.folder_layout import (
    ClassFolders,
    FolderLayout,
    list_some,
)
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.data.splits import Split

_SHOWN = 3  # pairs of images that a note names


def describe_training(
    layout: FolderLayout, store: DecodedStore, target: TargetSize
) -> list[str]:
    """Of the training and validation images; the test images are not looked at."""
    train, validation = layout.train, layout.validation
    if train is None:
        return []
    notes = []
    if validation is not None:
        notes.append(
            f"the {validation.count:,} validation pictures are those of "
            f"{validation.path}; nothing is cut from train "
            "(data.validation_fraction)"
        )
    for split in layout.validations if validation is None else ():
        notes += [
            *describe_listing(split),
            f"{split.path} has no pictures: validation is cut from train",
        ]
    if layout.unused:
        names = list_some(layout.unused)
        notes.append(f"folders beside train that are not used: {names}")
    if layout.stray_images:
        notes.append(
            f"pictures beside train that are not used: {layout.stray_images:,}"
        )
    training = store.training()
    notes += _describe_split(train, store, "training", target)
    notes += _describe_duplicates(train, training)
    held = store.validation()
    if validation is not None and held is not None:
        notes += _describe_split(validation, store, "validation", target)
        notes += _describe_overlap((train, training), (validation, held))
    return notes


def describe_test(
    layout: FolderLayout, store: DecodedStore, target: TargetSize
) -> list[str]:
    """Of the test images, also what of them is in the other splits."""
    test, images = layout.test, store.test()
    if test is None or layout.train is None:
        return []
    if images is None:
        return [
            *describe_listing(test),
            f"{test.path} has no pictures in class folders",
        ]
    notes = _describe_split(test, store, "test", target)
    notes += _describe_overlap((layout.train, store.training()), (test, images))
    held = store.validation()
    if layout.validation is not None and held is not None:
        notes += _describe_overlap((layout.validation, held), (test, images))
    return notes


def describe_listing(listed: ClassFolders) -> list[str]:
    """How many files were left out, by ending; nothing where none were."""
    found = listed.described_left_out
    return [f"{listed.path.name}: {found}"] if found else []


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


def _describe_split(
    listed: ClassFolders, store: DecodedStore, part: str, target: TargetSize
) -> list[str]:
    reading = store.readings[part]
    name = listed.path.name
    missing = [title for title in store.class_names if not listed.images.get(title)]
    return [
        *describe_listing(listed),
        *describe_reading(name, reading, listed.count, target),
        *([f"{name} has no pictures of {list_some(missing)}"] if missing else []),
    ]


def _describe_duplicates(listed: ClassFolders, split: Split) -> list[str]:
    pairs = find_duplicates(split.images)
    if not pairs:
        return []
    labels, names = split.labels, listed.image_names()
    # Those that contradict one another are the worst.
    pairs.sort(key=lambda pair: bool(labels[pair[0]] == labels[pair[1]]))
    apart = sum(bool(labels[one] != labels[other]) for one, other in pairs)
    other_class = f", {apart:,} of them in another class" if apart else ""
    return [
        f"{len(pairs):,} of the {len(split):,} pictures in {listed.path.name} repeat "
        f"an earlier one{other_class} {_list_pairs(pairs, names, names, split)}"
    ]


def _describe_overlap(
    first: tuple[ClassFolders, Split], second: tuple[ClassFolders, Split]
) -> list[str]:
    pairs = find_overlap(first[1].images, second[1].images)
    if not pairs:
        return []
    names = second[0].image_names(), first[0].image_names()
    return [
        f"{len(pairs):,} of the {len(second[1]):,} pictures in {second[0].path.name} "
        f"are in {first[0].path.name} too {_list_pairs(pairs, *names, second[1])}"
    ]


def _list_pairs(
    pairs: list[tuple[int, int]], names: list[str], others: list[str], split: Split
) -> str:
    """What is compared, and some pairs: images that differ may come to the same."""
    height, width = split.images.shape[1:3]
    shown = [f"{names[one]} is {others[other]}" for one, other in pairs[:_SHOWN]]
    more = len(pairs) - _SHOWN
    listed = ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
    return f"(the same {width}x{height} pixels): {listed}"
