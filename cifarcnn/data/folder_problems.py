"""What is wrong with a folder of one's own images, in sentences with the way out."""

from __future__ import annotations

import os
import shlex
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path

from cifarcnn.data.folder_layout import (
    NESTED,
    OUTSIDE,
    VALIDATION_NAMES,
    ClassFolders,
    FolderLayout,
    describe_left_out,
    find_layout,
    list_class_folders,
    list_some,
)

_EXPECTED = "expected train/<class>/<picture>"
_FORMATS = "expected PNG, JPEG, WebP, BMP or GIF files"
_SHOWN = 5  # unreadable images that a message lists
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def find_problems(layout: FolderLayout) -> tuple[list[str], bool]:
    """Hold the classes of every split against what a training needs.

    Returns:
        A sentence for each problem, and whether reading the images can tell more.
    """
    train = layout.train
    if train is None:
        return [_explain_missing_train(layout.root)], False
    sentences = []
    count = len(train.images)
    counted = 2 <= count <= 256
    only = next(iter(train.images), "")
    if count == 1 and not train.images[only] and train.left_out[only][NESTED] > 1:
        sentences.append(
            f"{train.path} has one folder, {only}, and the folders in that may be the "
            f"classes; {_EXPECTED}: move them into {train.path}."
        )
    elif not counted:
        sentences.append(
            f"{train.path} has {count} class folders, expected 2 to 256: one folder "
            f"of pictures for each class.{_describe_outside(train)}"
        )
    for name in train.images:
        try:
            name.encode()
        except UnicodeEncodeError:
            sentences.append(
                f"{train.path} has a class folder whose name is not UTF-8: {name!a}. "
                "Rename it."
            )
    for name, images in train.images.items() if counted else ():
        if not images:
            found = describe_left_out(train.left_out[name])
            sentences.append(
                f"{train.path / name} has no pictures{found and f' ({found})'}; "
                f"{_FORMATS}."
            )
    if len(layout.validations) > 1:
        names = " and ".join(split.path.name for split in layout.validations)
        sentences.append(
            f"{layout.root} has {names}: only one of them can be the validation split. "
            "Rename or remove the others."
        )
    for split in layout.splits if counted else ():
        if foreign := [name for name in split.images if name not in train.images]:
            sentences.append(
                f"{split.path} has class folders for no class of the training: "
                f"{list_some(foreign)}. The classes are {list_some(train.images)}."
                f"{describe_accents(foreign, train.images)}"
            )
    return sentences, counted


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


def describe_unreadable(root: Path, failures: Sequence[str]) -> str:
    """A sentence on images that cannot be read.

    Args:
        root: Where they are.
        failures: For each its path and the reason.
    """
    more = len(failures) - _SHOWN
    listed = "".join(f"\n  {line}" for line in failures[:_SHOWN])
    rest = f"\n  and {more} more" if more > 0 else ""
    return (
        f"{root} has pictures that cannot be read, {len(failures)} in all. Mend or "
        f"remove them:{listed}{rest}"
    )


def describe_missing_test(origin: str, layout: FolderLayout | None) -> str:
    """A sentence on a data set without test images; ``None`` where it is no folder."""
    found = instead = ""
    if layout is not None and layout.test:
        found = layout.test.described_left_out
    if layout is not None and layout.validation:
        instead = " Its validation pictures can be judged on instead."
    return (
        f"{origin} has no test pictures{found and f' ({found})'}: expected a folder "
        f"test beside train, with the same folder for each class.{instead}"
    )


def _explain_missing_train(root: Path) -> str:
    if not root.is_dir():
        if not os.path.lexists(root):
            return f"There is no folder {root}; {_EXPECTED} in data.path."
        unpack = " Unpack it first." if root.suffix.lower() in _ARCHIVES else ""
        return f"{root} is not a folder; {_EXPECTED} in data.path.{unpack}"
    listed = list_class_folders(root)
    splits = {"test", *VALIDATION_NAMES}
    classes = [name for name, images in listed.images.items() if images]
    classes = [name for name in classes if name.lower() not in splits]
    alike = [name for name in listed.images if "train" in name.lower()]
    inner = [name for name in listed.images if find_layout(root / name).train]
    if inner:
        path = root / inner[0]
        return f"{root} has no folder train, but {path} has one: set data.path to it."
    if alike and not classes:
        return (
            f"{root} has no folder train: it has {list_some(listed.images)}. If "
            f"{alike[0]} holds <class>/<picture>, rename it to train, and those for "
            "validation and test to validation and test."
        )
    if classes:
        return _explain_flat_classes(root, listed, classes)
    if count := listed.left_out[""][OUTSIDE]:
        return (
            f"{root} has no folder train, and {count:,} pictures lie in it without a "
            f"folder for their class; {_EXPECTED}."
        )
    if not os.listdir(root):
        return f"{root} is empty; {_EXPECTED}."
    found = f": it has {list_some(listed.images)}" if listed.images else ""
    return f"{root} has no folder train{found}; {_EXPECTED}."


def _explain_flat_classes(root: Path, listed: ClassFolders, classes: list[str]) -> str:
    """Class folders without ``train``: the commands that make the layout."""
    first = classes[0]
    image = listed.images[first][0].name
    train, test_class, an_image = (
        shlex.quote(str(path))
        for path in (
            root / "train",
            root / "test" / first,
            root / "train" / first / image,
        )
    )
    folders = " ".join(shlex.quote(str(root / name)) for name in classes)
    return (
        f"{root} has class folders ({list_some(classes)}) but no folder train. Put "
        f"them there:\n  mkdir {train} && mv {folders} {train}\n"
        f"and hold some pictures of every class back in {root / 'test'}/<class>, for "
        f"`evaluate`:\n  mkdir -p {test_class} && mv {an_image} {test_class}"
    )


def _describe_outside(split: ClassFolders) -> str:
    count = split.left_out[""][OUTSIDE]
    return f" {count:,} pictures in it lie in no class folder." if count else ""
