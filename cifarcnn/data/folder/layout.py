"""Which images of one's own are for training, for validation and for the test."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from cifarcnn.data.folder import name_hash
from cifarcnn.data.folder.class_folders import (
    NESTED,
    OUTSIDE,
    ClassFolders,
    ImageEntry,
    is_folder,
    is_hidden,
    list_class_folders,
    scan_folder,
    why_left_out,
)
from cifarcnn.data.folder.image_list import SPLITS, ImageList, is_list, read_image_list

# Each is the name of the validation split in some widespread data set.
VALIDATION_NAMES = ("validation", "val", "valid")


@dataclass(frozen=True)
class FolderLayout:
    """Which splits a folder, or a list of images, has.

    Attributes:
        root: The folder or list.
        train: ``None`` where there is none.
        validations: Those of ``VALIDATION_NAMES`` that are there; more than one is a
            problem.
        test: ``None`` where there is none.
        unused: The names of the other folders beside ``train``, or beside the classes.
        stray_images: How many images lie in ``root`` itself.
        whole: Class folders without ``train``, or a list; ``None`` elsewhere.
        is_list: Whether ``root`` is a list.
        is_cut: Whether the test split was cut off from ``whole``.
        problems: Of a list: what is wrong with it.
        unused_columns: Of a list.
    """

    root: Path
    train: ClassFolders | None
    validations: tuple[ClassFolders, ...] = ()
    test: ClassFolders | None = None
    unused: tuple[str, ...] = ()
    stray_images: int = 0
    whole: ClassFolders | None = None
    is_list: bool = False
    is_cut: bool = False
    problems: tuple[str, ...] = ()
    unused_columns: tuple[str, ...] = ()

    @property
    def validation(self) -> ClassFolders | None:
        """The validation split; ``None`` where there is none, or no image in it."""
        return next((split for split in self.validations if split.count), None)

    @property
    def has_train_folder(self) -> bool:
        """Whether the training images lie in a folder of their own."""
        return self.whole is None and not self.is_list

    @property
    def splits(self) -> tuple[ClassFolders, ...]:
        """All of them."""
        found = (self.train, *self.validations, self.test)
        return tuple(split for split in found if split is not None)


def find_layout(root: Path, test_fraction: float) -> FolderLayout:
    """Look for the splits in ``root``, which need not exist; capitals do not matter.

    Args:
        root: A folder, or a list of images.
        test_fraction: The share of the images that is cut off for the test, where there
            is neither ``train`` nor ``test``.

    Raises:
        DataError: A folder or the list cannot be read.
    """
    if is_list(root):
        return _arrange_list(root, read_image_list(root), test_fraction)
    entries = scan_folder(root)
    folders = [entry.name for entry in entries if is_folder(entry)]
    # Of Test and test the latter: the last one in the order of names.
    alike = {name.lower(): name for name in folders}
    splits = {
        name: list_class_folders(root / alike[name])
        for name in ("train", *VALIDATION_NAMES, "test")
        if name in alike
    }
    used = {split.path.name for split in splits.values()}
    whole = None
    if "train" not in splits or not splits["train"].images:
        whole = _find_classes(root, used - {alike.get("train", "")})
        if whole is not None:
            splits.pop("train", None)
            used = used - {alike.get("train", "")} | set(whole.images)
    layout = FolderLayout(
        root=root,
        train=splits.get("train"),
        validations=tuple(splits[name] for name in VALIDATION_NAMES if name in splits),
        test=splits.get("test"),
        unused=tuple(
            name for name in folders if name not in used and not is_hidden(name)
        ),
        stray_images=sum(why_left_out(entry) is None for entry in entries),
    )
    return layout if whole is None else _cut(layout, whole, test_fraction)


def _find_classes(root: Path, splits: set[str]) -> ClassFolders | None:
    """The class folders beside the splits; ``None`` where none of them has an image.

    A folder that holds nothing but folders is no class.
    """
    listed = list_class_folders(root)
    images = {
        name: found
        for name, found in listed.images.items()
        if name not in splits and (found or set(listed.left_out[name]) != {NESTED})
    }
    # A class may be called train, but not the only one.
    if not any(found for name, found in images.items() if name.lower() != "train"):
        return None
    left_out = {name: listed.left_out[name] for name in ("", *images)}
    # Said of the folder itself.
    left_out[""] = Counter(
        {kind: n for kind, n in left_out[""].items() if kind != OUTSIDE}
    )
    return replace(
        listed, images=images, left_out=left_out, name_format="{label}/{file}"
    )


def _arrange_list(root: Path, listed: ImageList, test_fraction: float) -> FolderLayout:
    def collect(split: str) -> ClassFolders:
        return ClassFolders(root, listed.images[split], {}, split, "{file}")

    layout = FolderLayout(
        root,
        None,
        is_list=True,
        problems=listed.problems,
        unused_columns=listed.unused_columns,
    )
    if listed.problems:
        return layout
    if not listed.has_splits:
        return _cut(layout, collect(SPLITS[0]), test_fraction)
    training, validation, test = (
        collect(split) if listed.images[split] else None for split in SPLITS
    )
    validations = () if validation is None else (validation,)
    return replace(layout, train=training, validations=validations, test=test)


def _cut(
    layout: FolderLayout, whole: ClassFolders, test_fraction: float
) -> FolderLayout:
    """Cut the test split off from the images, by their names, unless there is one."""
    whole = replace(whole, title=os.path.basename(os.path.abspath(layout.root)))
    if layout.test is not None or test_fraction == 0:
        train = replace(whole, title="training", left_out={})
        return replace(layout, train=train, whole=whole)
    images = whole.images_by_class()
    chosen = name_hash.choose(name_hash.TEST, images, 0, test_fraction)
    training: dict[str, list[ImageEntry]] = {label: [] for label in whole.images}
    test: dict[str, list[ImageEntry]] = {label: [] for label in whole.images}
    for (label, image), is_test in zip(images, chosen, strict=True):
        (test if is_test else training)[label].append(image)
    return replace(
        layout,
        train=replace(whole, images=training, title="training", left_out={}),
        test=replace(whole, images=test, title="test", left_out={}),
        whole=whole,
        is_cut=True,
    )
