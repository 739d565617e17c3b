"""Class folders without splits, and lists: the cut by the names of the files."""

from __future__ import annotations

import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.config import Config
from cifarcnn.data.dataset import Dataset, open_config_dataset
from cifarcnn.data.folder.name_hash import FOLD, TEST, measure_position, validation_salt
from cifarcnn.data.summary import describe_content
from cifarcnn.errors import DataError

CLASSES = ("elm", "oak")


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def trees(tmp_path: Path, fresh_cache: Path) -> Path:
    """Forty images of two classes, each another one."""
    for number in range(40):
        name = CLASSES[number % 2]
        draw(tmp_path / "trees" / name / f"{number}.png", number)
    return tmp_path / "trees"


def config_of(root: Path, units: int = 2, seed: int = 0, **data: object) -> Config:
    data = {"dataset": "folder", "path": str(root), "image_size": 8, **data}
    layers = ["Flatten", {"Dense": {"units": units}}]
    training = {"seed": seed}
    return Config.model_validate(
        {"data": data, "model": {"layers": layers}, "training": training}
    )


def opened(root: Path, **data: object) -> Dataset:
    return open_config_dataset(config_of(root, **data))


def refusal(root: Path, **data: object) -> str:
    config = config_of(root, **data)
    with pytest.raises(DataError) as caught:
        open_config_dataset(config).require_different_images(config)
    return str(caught.value)


def splits(root: Path, seed: int = 0, **data: object) -> dict[str, set[bytes]]:
    """The images of each split, by their pixels."""
    config = config_of(root, seed=seed, **data)
    dataset = open_config_dataset(config)
    training, validation = dataset.training(config.data.validation_fraction, seed)
    found = {"training": training, "validation": validation, "test": dataset.test()}
    return {
        part: {np.asarray(image).tobytes() for image in split.images}
        for part, split in found.items()
        if split is not None
    }


def pixels(path: Path) -> bytes:
    return np.array(Image.open(path)).tobytes()


def notes(root: Path, **data: object) -> list[str]:
    config = config_of(root, **data)
    found = []
    for _ in range(2):  # read, then from the cache
        dataset = open_config_dataset(config)
        found.append([*dataset.training_notes(config), *dataset.test_notes(config)])
    assert found[0] == found[1]
    return found[0]


def test_the_names_of_the_files_alone_decide(trees):
    expected: dict[str, set[bytes]] = {"training": set(), "validation": set()}
    expected["test"] = set()
    for path in trees.glob("*/*.png"):
        image = (path.parent.name, path.name)
        part = "training"
        if measure_position(TEST, *image) < 0.2:
            part = "test"
        elif measure_position(validation_salt(3), *image) < 0.25:
            part = "validation"
        expected[part].add(pixels(path))
    assert all(expected.values())
    cut = {"test_fraction": 0.2, "validation_fraction": 0.25}
    assert splits(trees, 3, **cut) == expected


def test_adding_and_removing_an_image_moves_no_other(trees):
    before = splits(trees, test_fraction=0.3)
    for number in range(40, 80):
        draw(trees / CLASSES[number % 2] / f"a{number}.png", number)
    after = splits(trees, test_fraction=0.3)
    for part, images in before.items():
        assert images < after[part]
    for path in trees.glob("*/?.png"):
        path.unlink()
    later = splits(trees, test_fraction=0.3)
    for part, images in after.items():
        assert later[part] < images


def test_no_seed_moves_a_test_image(trees):
    first, other = (splits(trees, seed, test_fraction=0.3) for seed in (0, 1))
    assert first["test"] == other["test"]
    assert first["validation"] != other["validation"]


@pytest.mark.skipif(os.name == "nt", reason="needs names that look the same")
def test_accents_taken_apart_move_no_image(tmp_path, fresh_cache):
    for number in range(30):
        draw(tmp_path / "one" / "th\u00e9" / f"\u00e9{number}.png", number)
        draw(tmp_path / "one" / "tea" / f"\u00e9{number}.png", 100 + number)
    for path in (tmp_path / "one").glob("*/*.png"):
        apart = unicodedata.normalize("NFD", f"{path.parent.name}/{path.name}")
        (tmp_path / "two" / apart).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "two" / apart)
    assert splits(tmp_path / "one") == splits(tmp_path / "two")


def test_what_was_cut_is_said(trees):
    assert notes(trees, test_fraction=0.2, validation_fraction=0.3) == [
        "5 of the 40 pictures in trees are kept for the test, by the names of their "
        "files (data.test_fraction)"
    ]
    (trees / "elm" / "notes.txt").write_text("planted in 1971")
    draw(trees / "cover.png", 99)
    (trees / "more" / "pines").mkdir(parents=True)
    assert notes(trees, test_fraction=0, validation_fraction=0.3) == [
        "no pictures are kept for the test (data.test_fraction is 0)",
        "trees: 1 file left out: .txt",
        "folders beside the class folders that are not used: more",
        "pictures beside the class folders that are not used: 1",
    ]
    with pytest.raises(DataError) as caught:
        opened(trees, test_fraction=0).test()
    assert str(caught.value) == (
        f"{trees} has no test pictures: expected a folder test beside the class "
        "folders, or a data.test_fraction above 0 when it was trained."
    )


def test_class_folders_beside_test_and_validation_folders_are_to_learn_from(trees):
    draw(trees / "Test" / "elm" / "x.png", 100)
    draw(trees / "valid" / "oak" / "x.png", 101)
    dataset = opened(trees)
    training, validation = dataset.training(0.1, 0)
    assert dataset.class_names == CLASSES
    assert (len(training), len(validation), len(dataset.test())) == (40, 1, 1)
    assert notes(trees)[:2] == [
        f"the test pictures are those of {trees}/Test",
        f"the 1 validation pictures are those of {trees}/valid; nothing is cut from "
        "training (data.validation_fraction)",
    ]


def test_a_class_may_be_called_train(tmp_path, fresh_cache):
    for number, name in enumerate(["bus", "car", "train"] * 5):
        draw(tmp_path / name / f"{number}.png", number)
    assert opened(tmp_path, units=3).class_names == ("bus", "car", "train")
    assert (
        f"{tmp_path}/train is taken for a class: it has pictures and no folders"
        in notes(tmp_path, units=3)
    )


def test_a_folder_train_without_test_keeps_all_its_images(trees):
    (trees / "train").mkdir()
    for name in CLASSES:
        (trees / name).rename(trees / "train" / name)
    dataset = opened(trees)
    training, validation = dataset.training(0.1, 0)
    assert np.bincount(validation.labels).tolist() == [2, 2]
    assert len(training) == 36
    with pytest.raises(DataError):
        dataset.test()
    # As many of every class, as for CIFAR; for a fold the names decide.
    fold = splits_of_folds(trees / "train", trees, 4)
    assert all(fold)


# --- too few images ------------------------------------------------------------------


def name_for(label: str, test: bool, validation: bool = False) -> str:
    """A name that is cut to where a test wants it, of halves."""
    return next(
        name
        for name in (f"{number}.png" for number in range(10_000))
        if (measure_position(TEST, label, name) < 0.5) == test
        and (measure_position(validation_salt(0), label, name) < 0.5) == validation
    )


def test_a_class_without_an_image_to_train_on_is_refused(tmp_path, fresh_cache):
    draw(tmp_path / "elm" / name_for("elm", test=True), 1)
    draw(tmp_path / "oak" / name_for("oak", test=False), 2)
    assert refusal(tmp_path, test_fraction=0.5) == (
        "The cut for the test (data.test_fraction 0.5, by the names of the files) "
        "takes the only picture of the class elm and leaves none to train on. Add "
        "pictures, or make it smaller."
    )
    assert refusal(tmp_path, test_fraction=0, validation_fraction=1e-9) == (
        "data.validation_fraction 1e-09 takes none of the 2 pictures for validation: "
        "they are too few. Add pictures, take a larger share, or set "
        "data.validation_fraction to 0."
    )
    for label in CLASSES:
        shutil.rmtree(tmp_path / label)
        draw(tmp_path / label / name_for(label, test=False, validation=True), 3)
    assert refusal(tmp_path, test_fraction=0.5, validation_fraction=0.5) == (
        "data.validation_fraction 0.5 takes every picture of elm, oak for validation "
        "and leaves none to train on. Add pictures, or take fewer for validation."
    )


def test_a_class_without_an_image_to_judge_by_is_named(tmp_path, fresh_cache):
    tmp_path /= "trees"
    for seed, label in enumerate(CLASSES):
        draw(tmp_path / label / name_for(label, test=False), seed)
    draw(tmp_path / "elm" / name_for("elm", test=True), 3)
    draw(tmp_path / "oak" / name_for("oak", test=False, validation=True), 4)
    assert notes(tmp_path, test_fraction=0.5, validation_fraction=0.5)[1:] == [
        "validation has no pictures of elm",
        "test has no pictures of oak",
    ]
    (tmp_path / "elm" / name_for("elm", test=True)).unlink()
    with pytest.raises(DataError) as caught:
        opened(tmp_path, test_fraction=0.5, validation_fraction=0).test()
    assert str(caught.value) == (
        f"{tmp_path} has no test pictures: expected more pictures, or a larger "
        "data.test_fraction."
    )
    assert notes(tmp_path, test_fraction=0.5, validation_fraction=0)[-1] == (
        "none of the 3 pictures fell to the test (data.test_fraction, by the names of "
        "the files)"
    )


def test_an_empty_class_folder_is_refused(trees):
    (trees / "ash").mkdir()
    (trees / "yew").mkdir()
    (trees / "yew" / "1.tif").write_bytes(b"II*\0")
    assert refusal(trees) == (
        f"{trees}/ash has no pictures; expected PNG, JPEG, WebP, BMP or GIF files.\n"
        f"{trees}/yew has no pictures (1 file left out: .tif); expected PNG, JPEG, "
        "WebP, BMP or GIF files."
    )


def test_a_file_in_place_of_a_folder_and_links_in_a_circle_do_no_harm(trees):
    (trees / "train").write_text("no folder")
    (trees / "ash").write_bytes(b"no folder")
    (trees / "again").symlink_to(trees)
    (trees / "elm" / "up").symlink_to(trees)
    (trees / "oak2").symlink_to(trees / "oak")
    dataset = opened(trees)
    assert dataset.class_names == CLASSES
    assert sum(map(len, splits(trees).values())) == 40
    assert notes(trees)[1] == (
        "trees: 4 files left out: 2 without an ending, 2 linked twice; 1 folder in a "
        "class folder is not read"
    )


def test_a_test_folder_of_unsorted_images_leaves_the_class_folders_whole(trees):
    draw(trees / "test" / "1.png", 100)
    config = config_of(trees)
    dataset = open_config_dataset(config)
    assert len(dataset.training(0, 0)[0]) == 40
    assert dataset.test_notes(config) == [
        "test: 1 file left out: in no class folder",
        f"{trees}/test has no pictures in class folders",
    ]


def test_class_folders_below_another_folder_are_pointed_out(trees):
    root = trees.parent / "download"
    root.mkdir()
    trees.rename(root / "trees")
    assert refusal(root) == (
        f"{root} has no class folders, but {root}/trees has: set data.path to it."
    )


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root may read everything"
)
def test_a_class_folder_that_may_not_be_read_is_named(trees):
    (trees / "elm").chmod(0)
    said = refusal(trees)
    (trees / "elm").chmod(0o700)
    assert said == f"{trees}/elm cannot be read: Permission denied."


# --- folds ---------------------------------------------------------------------------


def splits_of_folds(images: Path, root: Path, count: int) -> list[set[bytes]]:
    """The validation images of every fold; together all that are in ``images``."""
    folds = []
    for number in range(1, count + 1):
        config = config_of(root, seed=number, fold=f"{number}/{count}")
        _, validation = open_config_dataset(config).training(0.1, number)
        folds.append({np.asarray(image).tobytes() for image in validation.images})
    everything = [pixels(path) for path in images.glob("*/*.png")]
    assert sorted(image for fold in folds for image in fold) == sorted(everything)
    return folds


def test_every_image_is_in_one_fold_whatever_the_seed(trees):
    test = splits(trees)["test"]
    for path in list(trees.glob("*/*.png")):
        if pixels(path) in test:
            path.unlink()
    folds = splits_of_folds(trees, trees, 3)
    assert folds[1] == {
        pixels(path)
        for path in trees.glob("*/*.png")
        if 1 / 3 <= measure_position(FOLD, path.parent.name, path.name) < 2 / 3
    }
    assert notes(trees, fold="2/3")[1] == (
        "validation is fold 2 of 3 (data.fold); data.validation_fraction is not used"
    )


def test_a_fold_beside_validation_images_of_ones_own_is_refused(trees):
    draw(trees / "val" / "elm" / "1.png", 100)
    assert refusal(trees, fold="1/5") == (
        f"data.fold is 1/5, but {trees} has validation pictures of its own, val. "
        "Remove data.fold, or move them to the others."
    )


# --- a list --------------------------------------------------------------------------


def write_list(trees: Path, *columns: str) -> Path:
    place = trees.parent / "list.csv"
    rows = [f"image,label{',split' if columns else ''}"]
    for number, path in enumerate(sorted(trees.glob("*/*.png"))):
        split = [columns[number % len(columns)]] if columns else []
        rows.append(
            ",".join(
                [f"trees/{path.parent.name}/{path.name}", path.parent.name, *split]
            )
        )
    place.write_text("\n".join(rows))
    return place


def test_a_list_without_splits_is_cut_by_the_names_in_it(trees):
    place = write_list(trees)
    found = splits(place, test_fraction=0.3)
    assert found["test"] == {
        pixels(path)
        for path in trees.glob("*/*.png")
        if measure_position(
            TEST, path.parent.name, f"trees/{path.parent.name}/{path.name}"
        )
        < 0.3
    }
    assert sum(map(len, found.values())) == 40
    lines = place.read_text().splitlines()
    place.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    assert splits(place, test_fraction=0.3) == found


def test_a_list_may_say_which_split_an_image_belongs_to(trees):
    place = write_list(trees, "train", "train", "val", "test")
    dataset = opened(place)
    training, validation = dataset.training(0.5, 0)
    assert (len(training), len(validation), len(dataset.test())) == (20, 10, 10)
    assert notes(place) == [
        f"the 10 validation pictures are those of rows of {place}; nothing is cut "
        "from training (data.validation_fraction)"
    ]
    place = write_list(trees, "train")
    assert [len(split) for split in opened(place).training(0.2, 0)] != [40, 0]
    with pytest.raises(DataError) as caught:
        opened(place).test()
    assert str(caught.value) == (
        f"{place} has no test pictures: expected rows whose split is test."
    )


def test_what_is_wrong_with_a_list_is_refused(trees):
    place = trees.parent / "list.csv"
    place.write_text("image,label\n" + "x.png,elm\n" * 30)
    said = refusal(place)
    assert said.startswith(
        f"{place} has 30 problems:\n  line 2: there is no file x.png\n  line 3: x.png "
        "stands in line 2 already\n"
    )
    assert said.endswith("\n  and 10 more")
    place.write_text("image,label\ntrees/elm/0.png,elm\n")
    assert refusal(place) == (f"{place} has 1 label to train on, expected 2 to 10,000.")
    place.write_text(
        "image,label,split\ntrees/elm/0.png,elm,train\ntrees/oak/1.png,oak,train\n"
        "trees/oak/3.png,yew,test\n"
    )
    assert refusal(place) == (
        f"{place} has pictures for test of other classes: yew. The classes are elm, "
        "oak."
    )


def test_other_labels_than_the_classes_of_the_config_are_told(trees):
    place = write_list(trees)
    assert refusal(place, classes=["elm", "yew"]) == (
        f"The labels of {place} are not the classes of data.classes, which must name "
        "them all: yew has no row there; oak is not expected."
    )
    dataset = opened(place, classes=["oak", "elm"])
    assert dataset.class_names == ("oak", "elm")


# --- damaged images ------------------------------------------------------------------


def test_damaged_images_are_left_out_by_choice_and_named(trees):
    keep = [path.read_bytes() for path in sorted(trees.glob("elm/*.png"))]
    whole = splits(trees, test_fraction=0.3)
    for number, path in enumerate(sorted(trees.glob("elm/*.png"))[:8]):
        path.write_bytes(keep[number][: 8 * number])
    assert refusal(trees).startswith(
        f"{trees} has pictures that cannot be read, 8 in all. Mend or remove them, or "
        f"set data.damaged: leave_out to go on without them:\n  {trees}/elm/"
    )
    for _ in range(2):
        found = splits(trees, test_fraction=0.3, damaged="leave_out")
        assert sum(map(len, found.values())) == 32
        assert all(images <= whole[part] for part, images in found.items())
    said = [
        note
        for note in notes(trees, test_fraction=0.3, damaged="leave_out")
        if "damaged" in note
    ]
    listed = "\n".join(said)
    assert "left out (data.damaged): elm/" in listed
    counts = [int(note.split(": ")[1].split()[0]) for note in said]
    assert sum(counts) == 8
    assert ("and 1 more" in listed) == (max(counts) == 6)


def test_a_class_of_which_no_image_can_be_read_is_refused(trees):
    for path in trees.glob("oak/*.png"):
        path.write_bytes(b"none")
    assert refusal(trees, damaged="leave_out") == (
        f"{trees}: none of the training pictures of oak can be read."
    )


# --- the same pixels -----------------------------------------------------------------


def content_notes(path, **settings):
    config = config_of(path, **settings)
    dataset = open_config_dataset(config)
    return describe_content(config, dataset, *dataset.training(0.5, 0)).notes


def test_the_same_pixels_on_both_sides_of_a_cut_are_refused_or_allowed(
    tmp_path, fresh_cache
):
    for seed, label in enumerate(CLASSES):
        draw(tmp_path / label / name_for(label, test=False), seed)
    test = tmp_path / "elm" / name_for("elm", test=True)
    held = tmp_path / "oak" / name_for("oak", test=False, validation=True)
    draw(test, 1)
    draw(held, 0)
    cut = {"test_fraction": 0.5, "validation_fraction": 0.5}
    oak, elm = name_for("oak", test=False), name_for("elm", test=False)
    found = [
        "1 of the 1 pictures in validation are in training too (the same 8x8 pixels): "
        f"oak/{held.name} is elm/{elm}",
        "1 of the 1 pictures in test are in training too (the same 8x8 pixels): "
        f"elm/{test.name} is oak/{oak}",
    ]
    said = refusal(tmp_path, **cut)
    assert said.splitlines() == [
        f"{tmp_path} has the same pictures in two splits, so that what was learnt by "
        "heart would be judged:",
        *(f"  {sentence}" for sentence in sorted(found)),
        "Remove one of each, or accept them with data.duplicates: allow.",
    ]
    config = config_of(tmp_path, **cut, duplicates="allow")
    open_config_dataset(config).require_different_images(config)
    assert set(found) <= set(notes(tmp_path, **cut, duplicates="allow"))
    refused = (
        "`train` refuses pictures that are in two splits: remove one of each, or "
        "accept them with --set data.duplicates=allow"
    )
    assert refused in content_notes(tmp_path, **cut)
    assert refused not in content_notes(tmp_path, **cut, duplicates="allow")


def test_the_same_pixels_under_two_labels_are_named(trees):
    kept = [
        (label, name)
        for label in CLASSES
        for name in (f"{n}.png" for n in range(100, 300))
        if measure_position(TEST, label, name) >= 0.1
    ]
    elm = [name for label, name in kept if label == "elm"][:2]
    oak = [name for label, name in kept if label == "oak"][:1]
    for label, names in (("elm", elm), ("oak", oak)):
        for name in names:
            draw(trees / label / name, 500)
    found = notes(trees, validation_fraction=0)
    assert (
        "1 picture in training is in two classes (the same 8x8 pixels): "
        f"oak/{oak[0]} is elm/{elm[0]}"
    ) in found
    assert any(f"elm/{elm[1]} is elm/{elm[0]}" in note for note in found)
    config = config_of(trees, validation_fraction=0)
    open_config_dataset(config).require_different_images(config)
