"""What is wrong with a folder of one's own images, in sentences with the way out."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path

from cifarcnn.data.folder.class_folders import (
    NESTED,
    OUTSIDE,
    ClassFolders,
    describe_left_out,
    list_class_folders,
    list_some,
)
from cifarcnn.data.folder.layout import VALIDATION_NAMES, FolderLayout, find_layout

_EXPECTED = "expected <class>/<picture>, or train/<class>/<picture>"
_FORMATS = "expected PNG, JPEG, WebP, BMP or GIF files"
_MOST_CLASSES = 10_000  # that the files of a run name
SHOWN = 5  # unreadable images that a message lists
_SHOWN_LINES = 20  # of a list
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def find_problems(layout: FolderLayout, test_fraction: float) -> tuple[list[str], bool]:
    """Hold the classes of every split against what a training needs.

    Returns:
        A sentence for each problem, and whether reading the images can tell more.
    """
    train = layout.train
    if layout.problems:
        return [_describe_list_problems(layout)], False
    if train is None:
        return [_explain_missing_train(layout.root)], False
    counted = 2 <= len(train.images) <= _MOST_CLASSES
    sentences = [] if counted else [_explain_count(layout, train)]
    for name in train.images:
        try:
            name.encode()
        except UnicodeEncodeError:
            sentences.append(
                f"{train.path} has a class folder whose name is not UTF-8: {name!a}. "
                "Rename it."
            )
    if counted:
        sentences += _find_empty_classes(layout, train, test_fraction)
    if len(layout.validations) > 1:
        names = " and ".join(split.path.name for split in layout.validations)
        sentences.append(
            f"{layout.root} has {names}: only one of them can be the validation split. "
            "Rename or remove the others."
        )
    for split in layout.splits if counted else ():
        if foreign := [name for name in split.images if name not in train.images]:
            what = f"{split.path} has class folders for no class of the training"
            if layout.is_list:
                what = f"{split.path} has pictures for {split.title} of other classes"
            sentences.append(
                f"{what}: {list_some(foreign)}. The classes are "
                f"{list_some(train.images)}.{describe_accents(foreign, train.images)}"
            )
    return sentences, counted


def _explain_count(layout: FolderLayout, train: ClassFolders) -> str:
    """Too few classes, or too many."""
    count = len(train.images)
    expected = f"expected 2 to {_MOST_CLASSES:,}"
    if layout.is_list:
        what = "label" if count == 1 else "labels"
        return f"{layout.root} has {count:,} {what} to train on, {expected}."
    only = next(iter(train.images), "")
    if count == 1 and not train.images[only] and train.left_out[only][NESTED] > 1:
        return (
            f"{train.path} has one folder, {only}, and the folders in that may be the "
            "classes; expected train/<class>/<picture>: move them into "
            f"{train.path}."
        )
    what = "class folder" if count == 1 else "class folders"
    outside = train.left_out[""][OUTSIDE] if layout.whole is None else 0
    stray = f" {outside:,} pictures in it lie in no class folder." if outside else ""
    return (
        f"{train.path} has {count:,} {what}, {expected}: one folder of pictures for "
        f"each class.{stray}"
    )


def _find_empty_classes(
    layout: FolderLayout, train: ClassFolders, test_fraction: float
) -> list[str]:
    whole = layout.whole or train
    sentences = []
    for name, images in whole.images.items():
        if not images:
            found = describe_left_out(whole.left_out[name])
            sentences.append(
                f"{whole.path / name} has no pictures{found and f' ({found})'}; "
                f"{_FORMATS}."
            )
        elif not train.images[name]:
            count = len(images)
            those = "the only picture" if count == 1 else f"all {count} pictures"
            sentences.append(
                f"The cut for the test (data.test_fraction {test_fraction}, by the "
                f"names of the files) takes {those} of the class {name} and leaves "
                "none to train on. Add pictures, or make it smaller."
            )
    return sentences


def _describe_list_problems(layout: FolderLayout) -> str:
    """The first of what is wrong with a list, and how much it is in all."""
    count = len(layout.problems)
    what = "problem" if count == 1 else "problems"
    listed = _list_lines(layout.problems, _SHOWN_LINES)
    return f"{layout.root} has {count:,} {what}:{listed}"


def _list_lines(lines: Sequence[str], shown: int, where: str = "") -> str:
    """The first lines, indented, and how many more there are, and ``where``."""
    listed = "".join(f"\n  {line}" for line in lines[:shown])
    more = len(lines) - shown
    return f"{listed}\n  and {more:,} more{where}" if more > 0 else listed


def describe_accents(foreign: Collection[str], known: Collection[str]) -> str:
    """A sentence on names that look like known ones; empty where there are none."""
    composed = {unicodedata.normalize("NFC", name) for name in known}
    alike = [name for name in foreign if unicodedata.normalize("NFC", name) in composed]
    if not alike:
        return ""
    return (
        f" {list_some(alike)}: the names look the same, but in one of the two an "
        "accent is a character of its own, as macOS writes it. Rename the folders."
    )


def describe_unreadable(root: Path, failures: Sequence[str], shown: int = SHOWN) -> str:
    """A sentence on images that cannot be read.

    Args:
        root: Where they are.
        failures: For each its path and the reason.
        shown: How many of them to list.
    """
    listed = _list_lines(failures, shown, ", which data show lists")
    return (
        f"{root} has pictures that cannot be read, {len(failures):,} in all. Mend or "
        "remove them, or set data.damaged: leave_out to go on without them:"
        f"{listed}"
    )


def describe_other_classes(
    layout: FolderLayout, lacking: Collection[str], surplus: Collection[str], where: str
) -> str:
    """A sentence on classes that are others than those of ``where``."""
    what, place = ("labels", "row") if layout.is_list else ("class folders", "folder")
    found = [f"{list_some(lacking)} has no {place} there"] if lacking else []
    found += [f"{list_some(surplus)} is not expected"] if surplus else []
    return (
        f"The {what} of {layout.root} are not the classes of {where}: "
        f"{'; '.join(found)}.{describe_accents(surplus, lacking)}"
    )


def describe_repeated(origin: str, found: Sequence[str]) -> str:
    """What to do about images that are in two splits: a sentence on each two."""
    listed = "".join(f"\n  {sentence}" for sentence in found)
    return (
        f"{origin} has the same pictures in two splits, so that what was learnt by "
        f"heart would be judged:{listed}\nRemove one of each, or accept them with "
        "data.duplicates: allow."
    )


def describe_missing_test(origin: str, layout: FolderLayout | None) -> str:
    """A sentence on a data set without test images; ``None`` where it is no folder."""
    found = instead = ""
    if layout is not None and layout.test:
        found = layout.test.described_left_out
    if layout is not None and layout.validation:
        instead = " Its validation pictures can be judged on instead."
    expected = "a folder test beside train, with the same folder for each class"
    if layout is not None and layout.is_list:
        expected = "rows whose split is test"
    elif layout is not None and layout.is_cut:
        expected = "more pictures, or a larger data.test_fraction"
    elif layout is not None and layout.whole is not None and layout.test is None:
        expected = (
            "a folder test beside the class folders, or a data.test_fraction above 0 "
            "when it was trained"
        )
    return (
        f"{origin} has no test pictures{found and f' ({found})'}: expected {expected}."
        f"{instead}"
    )


def _explain_missing_train(root: Path) -> str:
    if not root.is_dir():
        if not os.path.lexists(root):
            return f"There is no folder or list {root}; {_EXPECTED} in data.path."
        unpack = " Unpack it first." if root.suffix.lower() in _ARCHIVES else ""
        return (
            f"{root} is neither a folder nor a list (.csv); {_EXPECTED} in "
            f"data.path.{unpack}"
        )
    listed = list_class_folders(root)
    splits = {"test", *VALIDATION_NAMES}
    alike = [name for name in listed.images if "train" in name.lower()]
    inner = {
        name: layout
        for name in listed.images
        if name.lower() not in splits
        and (layout := find_layout(root / name, 0)).train is not None
    }
    for name, layout in inner.items():
        if layout.whole is None:
            path = root / name
            return (
                f"{root} has no folder train, but {path} has one: set data.path to it."
            )
    if alike:
        return (
            f"{root} has no folder train: it has {list_some(listed.images)}. If "
            f"{alike[0]} holds <class>/<picture>, rename it to train, and those for "
            "validation and test to validation and test."
        )
    if inner:
        path = root / next(iter(inner))
        return f"{root} has no class folders, but {path} has: set data.path to it."
    if count := listed.left_out[""][OUTSIDE]:
        return (
            f"{root} has no class folders, and {count:,} pictures lie in it without a "
            f"folder for their class; {_EXPECTED}."
        )
    if not os.listdir(root):
        return f"{root} is empty; {_EXPECTED}."
    found = f": it has {list_some(listed.images)}" if listed.images else ""
    return f"{root} has no class folders with pictures{found}; {_EXPECTED}."
