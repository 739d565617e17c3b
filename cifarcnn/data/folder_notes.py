"""What the user should know of a folder of images, in sentences."""

from __future__ import annotations

from cifarcnn.config.datasets import ImageShape
from cifarcnn.data.decoded_cache import Cropped, DecodedStore
from cifarcnn.data.folder_layout import (
    ClassFolders,
    FolderLayout,
    describe_left_out,
)
from cifarcnn.data.repeated_images import find_repeated, find_shared
from cifarcnn.data.splits import Split

_SHOWN = 3  # pairs of images that a note names


def describe_training(
    layout: FolderLayout, store: DecodedStore, image_shape: ImageShape
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
    notes += [
        f"{split.path} has no pictures: validation is cut from train"
        for split in layout.validations
        if not split.count
    ]
    if layout.unused:
        names = ", ".join(layout.unused)
        notes.append(f"folders beside train that are not used: {names}")
    training = store.training()
    notes += _describe_split(train, store, "training", image_shape)
    notes += _describe_repeated(train, training)
    held = store.validation()
    if validation is not None and held is not None:
        notes += _describe_split(validation, store, "validation", image_shape)
        notes += _describe_shared((train, training), (validation, held))
    return notes


def describe_test(
    layout: FolderLayout, store: DecodedStore, image_shape: ImageShape
) -> list[str]:
    """Of the test images, also what of them is in the other splits."""
    test, images = layout.test, store.test()
    if test is None or images is None or layout.train is None:
        return []
    notes = _describe_split(test, store, "test", image_shape)
    notes += _describe_shared((layout.train, store.training()), (test, images))
    held = store.validation()
    if layout.validation is not None and held is not None:
        notes += _describe_shared((layout.validation, held), (test, images))
    missing = [name for name in store.class_names if not test.images.get(name)]
    if missing:
        notes.append(f"{test.path.name} has no pictures of {', '.join(missing)}")
    return notes


def describe_listing(listed: ClassFolders) -> list[str]:
    """How many files were left out, by ending; nothing where none were."""
    found = describe_left_out(listed.all_left_out)
    return [f"{listed.path.name}: {found}"] if found else []


def describe_cropped(
    name: str, cropped: Cropped, count: int, image_shape: ImageShape
) -> list[str]:
    """How many images lose something to the proportions of the network, and how much.

    Args:
        name: Of the split.
        cropped: How many, and the largest share.
        count: Of all images of the split.
        image_shape: What the network takes.
    """
    if not cropped.images:
        return []
    height, width, _ = image_shape
    shape = "square" if height == width else f"of the shape {width}x{height}"
    return [
        f"{name}: {cropped.images:,} of {count:,} pictures are not {shape}: the middle "
        f"is used, {max(cropped.largest_share, 0.01):.0%} cropped at most"
    ]


def _describe_split(
    listed: ClassFolders, store: DecodedStore, part: str, image_shape: ImageShape
) -> list[str]:
    cropped = store.cropped.get(part, Cropped(0, 0.0))
    name = listed.path.name
    return [
        *describe_listing(listed),
        *describe_cropped(name, cropped, listed.count, image_shape),
    ]


def _describe_repeated(listed: ClassFolders, split: Split) -> list[str]:
    pairs = find_repeated(split.images)
    if not pairs:
        return []
    # Those that contradict one another are the worst.
    apart = [pair for pair in pairs if split.labels[pair[0]] != split.labels[pair[1]]]
    names = listed.image_names()
    shown = [*apart, *(pair for pair in pairs if pair not in set(apart))]
    other = f", {len(apart):,} of them in another class" if apart else ""
    return [
        f"{len(pairs):,} of the {len(split):,} pictures in {listed.path.name} are "
        f"there before, pixel for pixel{other}: {_list_pairs(shown, names, names)}"
    ]


def _describe_shared(
    first: tuple[ClassFolders, Split], second: tuple[ClassFolders, Split]
) -> list[str]:
    pairs = find_shared(first[1].images, second[1].images)
    if not pairs:
        return []
    names = second[0].image_names(), first[0].image_names()
    return [
        f"{len(pairs):,} of the {len(second[1]):,} pictures in {second[0].path.name} "
        f"are in {first[0].path.name} too, pixel for pixel: "
        f"{_list_pairs(pairs, *names)}"
    ]


def _list_pairs(
    pairs: list[tuple[int, int]], names: list[str], others: list[str]
) -> str:
    shown = [f"{names[one]} is {others[other]}" for one, other in pairs[:_SHOWN]]
    more = len(pairs) - _SHOWN
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
