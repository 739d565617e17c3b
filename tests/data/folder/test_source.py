"""Images of one's own."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.dataset import open_config_dataset, open_dataset, open_source
from cifarcnn.data.folder.source import FolderSource
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import DataError


def put(path: Path, colour: tuple[int, int, int] = (9, 9, 9), size: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), colour).save(path)


@pytest.fixture
def root(tmp_path: Path, fresh_cache: Path) -> Path:
    root = tmp_path / "mine"
    for number in range(4):
        put(root / "train" / "pear" / f"{number}.png", (0, 200, number))
    for number in range(3):
        put(root / "train" / "apple" / f"{number}.PNG", (200, 0, number))
    put(root / "test" / "pear" / "x.gif", (0, 200, 0))
    put(root / "test" / "apple" / "y.bmp", (200, 0, 0), size=32)
    (root / "train" / "pear" / "notes.txt").write_text("not a picture")
    (root / "train" / "pear" / ".hidden.png").write_text("not a picture")
    (root / "train" / ".trash").mkdir()
    return root


EXPECTED = "expected <class>/<picture>, or train/<class>/<picture>"
MEND = "Mend or remove them, or set data.damaged: leave_out to go on without them:"


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset("folder", root)
    return str(caught.value)


def test_classes_are_sorted_and_images_in_order(root):
    dataset = open_dataset("folder", root)
    training, none = dataset.training(0, 0)
    assert none is None
    assert dataset.class_names == ("apple", "pear")
    assert training.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert training.images[:, 0, 0].tolist() == [
        [200, 0, 0], [200, 0, 1], [200, 0, 2],
        [0, 200, 0], [0, 200, 1], [0, 200, 2], [0, 200, 3],
    ]  # fmt: skip
    assert dataset.test().labels.tolist() == [0, 1]
    assert (dataset.name, dataset.origin) == ("folder", str(root))
    assert (dataset.official, dataset.notice) == (False, None)


def test_a_new_image_is_noticed(root):
    before = open_dataset("folder", root)
    assert open_dataset("folder", root).checksum == before.checksum
    put(root / "train" / "pear" / "9.jpg")
    after = open_dataset("folder", root)
    assert len(after.training(0, 0)[0]) == 8
    assert after.checksum != before.checksum


def test_without_a_test_folder_only_the_test_fails(root):
    for path in [
        *(root / "test").glob("*/*"),
        *(root / "test").glob("*"),
        root / "test",
    ]:
        path.unlink() if path.is_file() else path.rmdir()
    for _ in range(2):  # decoded, then from the cache
        dataset = open_dataset("folder", root)
        assert len(dataset.training(0, 0)[0]) == 7
        with pytest.raises(DataError) as caught:
            dataset.test()
        assert str(caught.value) == (
            f"{root} has no test pictures: expected a folder test beside train, with "
            "the same folder for each class."
        )


def test_unreadable_images_are_counted_and_the_first_are_shown(root):
    for number in range(6):
        (root / "train" / "pear" / f"bad{number}.png").write_bytes(b"")
    shown = "".join(
        f"\n  {root}/train/pear/bad{number}.png: the file is empty; expected a PNG, "
        "JPEG, WebP, BMP or GIF picture."
        for number in range(5)
    )
    assert refusal(root) == (
        f"{root} has pictures that cannot be read, 6 in all. {MEND}{shown}"
        "\n  and 1 more, which data show lists"
    )


def test_a_dangling_link_is_an_unreadable_image(root):
    (root / "test" / "pear" / "link.png").symlink_to(root / "nowhere")
    assert refusal(root) == (
        f"{root} has pictures that cannot be read, 1 in all. {MEND}"
        f"\n  {root}/test/pear/link.png: there is no such file."
    )


def test_an_empty_folder_is_refused(tmp_path, fresh_cache):
    assert refusal(tmp_path) == (f"{tmp_path} is empty; {EXPECTED}.")


def test_an_archive_is_to_be_unpacked(tmp_path, fresh_cache):
    (tmp_path / "pets.ZIP").write_bytes(b"PK")
    assert refusal(tmp_path / "pets.ZIP") == (
        f"{tmp_path}/pets.ZIP is neither a folder nor a list (.csv); {EXPECTED} in "
        "data.path. Unpack it first."
    )


@pytest.mark.parametrize("count", [0, 1])
def test_the_number_of_classes_has_bounds(tmp_path, fresh_cache, count):
    for number in range(count):
        (tmp_path / "train" / f"class{number}").mkdir(parents=True)
    (tmp_path / "train").mkdir(exist_ok=True)
    what = "class folder" if count == 1 else "class folders"
    assert refusal(tmp_path) == (
        f"{tmp_path}/train has {count} {what}, expected 2 to 10,000: one folder of "
        "pictures for each class."
    )


def test_a_class_without_images_is_named(root):
    (root / "train" / "fig").mkdir()
    (root / "test" / "fig").mkdir()
    assert refusal(root) == (
        f"{root}/train/fig has no pictures; expected PNG, JPEG, WebP, BMP or GIF files."
    )


def test_other_classes_in_test_are_named(root):
    (root / "test" / "plum").mkdir()
    put(root / "valid" / "quince" / "1.png")
    assert refusal(root) == (
        f"{root}/valid has class folders for no class of the training: quince. The "
        "classes are apple, pear.\n"
        f"{root}/test has class folders for no class of the training: plum. The "
        "classes are apple, pear."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_a_class_whose_name_is_not_utf_8_is_refused(root):
    for split in ("train", "test"):
        pear = os.fsencode(root / split / "pear")
        os.rename(pear, pear[:-4] + b"caf\xe9")
    assert refusal(root) == (
        f"{root}/train has a class folder whose name is not UTF-8: 'caf\\udce9'. "
        "Rename it."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_the_way_to_the_images_may_be_of_any_bytes(root):
    moved = root.with_name(os.fsdecode(b"caf\xe9"))
    root.rename(moved)
    for _ in range(2):
        assert open_dataset("folder", moved).class_names == ("apple", "pear")


def test_a_validation_split_of_unequal_classes_is_cut_in_proportion(root):
    _, validation = open_dataset("folder", root).training(0.5, 1)
    assert np.bincount(validation.labels).tolist() == [2, 2]


def test_the_size_of_the_images_is_a_value(root):
    target = TargetSize(16, 24, "crop")
    small = FolderSource(root, target, test_fraction=0.1, damaged="refuse")
    assert open_source("folder", small).training(0, 0)[0].images.shape == (7, 16, 24, 3)
    assert open_source("folder", small).image_shape == (16, 24, 3)
    # The arrays of another size are not taken from the cache.
    assert open_dataset("folder", root).test().images.shape == (2, 32, 32, 3)


# --- a validation split of its own ---------------------------------------------------


@pytest.mark.parametrize("name", ["validation", "val", "valid"])
def test_the_validation_split_of_a_folder_is_used(root, name):
    put(root / name / "pear" / "1.png", (1, 2, 3))
    for _ in range(2):  # decoded, then from the cache
        for fraction in (0, 0.5):
            training, validation = open_dataset("folder", root).training(fraction, 7)
            assert len(training) == 7
            assert validation.labels.tolist() == [1]
            assert validation.images[0, 0, 0].tolist() == [1, 2, 3]


def test_the_validation_split_belongs_to_the_checksum(root):
    without = open_dataset("folder", root).checksum
    put(root / "val" / "pear" / "1.png", (1, 2, 3))
    put(root / "val" / "apple" / "1.png", (4, 5, 6))
    within = open_dataset("folder", root).checksum
    put(root / "val" / "pear" / "1.png", (1, 2, 4))
    changed = open_dataset("folder", root).checksum
    (root / "val").rename(root / "other")
    assert len({without, within, changed}) == 3
    assert open_dataset("folder", root).checksum == without


def test_the_checksum_of_older_runs_is_known(root):
    put(root / "val" / "pear" / "1.png", (1, 2, 3))
    dataset = open_dataset("folder", root)
    training, validation = dataset.training(0, 0)
    digest = hashlib.sha256()
    for split in (training, dataset.test(), validation):
        digest.update(b"validation" if split is validation else b"")
        digest.update(split.labels.data)
        digest.update(np.array(split.images).data)
    assert dataset.has_checksum(digest.hexdigest())
    assert dataset.has_checksum(dataset.checksum)
    put(root / "val" / "pear" / "1.png", (1, 2, 4))
    changed = open_dataset("folder", root)
    assert not changed.has_checksum(digest.hexdigest())
    assert not changed.has_checksum(dataset.checksum)


def test_the_same_images_are_another_checksum_as_validation_and_as_test(root):
    as_test = open_dataset("folder", root).checksum
    (root / "test").rename(root / "val")
    assert open_dataset("folder", root).checksum != as_test


def test_damaged_arrays_are_read_again(root, fresh_cache):
    put(root / "val" / "pear" / "1.png", (1, 2, 3))
    open_dataset("folder", root)
    (stored,) = fresh_cache.glob("decoded/*/32x32-crop.*.npy")
    stored.write_bytes(b"")
    _, validation = open_dataset("folder", root).training(0, 0)
    assert validation.images[0, 0, 0].tolist() == [1, 2, 3]


def test_two_validation_folders_are_refused(root):
    put(root / "val" / "pear" / "1.png")
    put(root / "valid" / "pear" / "1.png")
    assert refusal(root) == (
        f"{root} has val and valid: only one of them can be the validation split. "
        "Rename or remove the others."
    )


# --- classes that a split lacks ------------------------------------------------------


@pytest.mark.parametrize("empty", [True, False])
def test_a_class_may_be_without_test_and_validation_images(root, empty):
    (root / "test" / "apple" / "y.bmp").unlink()
    put(root / "val" / "apple" / "1.png")
    (root / "val" / "pear").mkdir()
    if not empty:
        (root / "test" / "apple").rmdir()
        (root / "val" / "pear").rmdir()
    dataset = open_dataset("folder", root)
    assert dataset.test().labels.tolist() == [1]
    assert dataset.training(0.1, 0)[1].labels.tolist() == [0]


def test_a_test_folder_without_any_image_is_none(root):
    for path in (root / "test").glob("*/*"):
        path.rename(path.with_suffix(".tif"))
    dataset = open_dataset("folder", root)
    with pytest.raises(DataError) as caught:
        dataset.test()
    assert str(caught.value) == (
        f"{root} has no test pictures (2 files left out: .tif): expected a folder test "
        "beside train, with the same folder for each class."
    )
    put(root / "val" / "pear" / "1.png")
    with pytest.raises(DataError) as caught:
        open_dataset("folder", root).test()
    assert str(caught.value).endswith(
        "for each class. Its validation pictures can be judged on instead."
    )


def test_all_that_is_wrong_is_told_at_once(root):
    (root / "train" / "fig").mkdir()
    (root / "train" / "fig" / "1.tif").write_bytes(b"")
    put(root / "test" / "plum" / "1.png")
    (root / "train" / "pear" / "bad.png").write_bytes(b"")
    put(root / "val" / "pear" / "1.png")
    put(root / "valid" / "pear" / "1.png")
    assert refusal(root) == (
        f"{root}/train/fig has no pictures (1 file left out: .tif); expected PNG, "
        "JPEG, WebP, BMP or GIF files.\n"
        f"{root} has val and valid: only one of them can be the validation split. "
        "Rename or remove the others.\n"
        f"{root}/test has class folders for no class of the training: plum. The "
        "classes are apple, fig, pear.\n"
        f"{root} has pictures that cannot be read, 1 in all. {MEND}\n  "
        f"{root}/train/pear/bad.png: the file is empty; expected a PNG, JPEG, WebP, "
        "BMP or GIF picture."
    )


# --- the order of the classes --------------------------------------------------------


def config_of(root: Path, classes: list[str] | None):
    from cifarcnn.config import Config

    data = {"dataset": "folder", "path": str(root), "classes": classes}
    layers = ["Flatten", {"Dense": {"units": 2}}]
    return Config.model_validate({"data": data, "model": {"layers": layers}})


def test_the_config_gives_the_order_of_the_classes(root):
    put(root / "val" / "pear" / "1.png", (1, 2, 3))
    by_text = open_config_dataset(config_of(root, None))
    for _ in range(2):
        dataset = open_config_dataset(config_of(root, ["pear", "apple"]))
        training, validation = dataset.training(0.1, 0)
        assert dataset.class_names == ("pear", "apple")
        assert training.labels.tolist() == [1, 1, 1, 0, 0, 0, 0]
        assert validation.labels.tolist() == [0]
        assert dataset.test().labels.tolist() == [1, 0]
        assert np.array_equal(training.images, by_text.training(0.1, 0)[0].images)
        assert dataset.checksum == by_text.checksum
    assert by_text.class_names == ("apple", "pear")


def test_numbers_are_in_the_order_of_the_config(tmp_path, fresh_cache):
    names = [str(number) for number in range(1, 13)]
    for number, name in enumerate(names):
        put(tmp_path / "train" / name / "x.png", (number, 0, 0))
    assert open_dataset("folder", tmp_path).class_names[:3] == ("1", "10", "11")
    dataset = open_config_dataset(config_of(tmp_path, names))
    split, _ = dataset.training(0, 0)
    assert split.images[:, 0, 0, 0].tolist() == split.labels.tolist()
    assert sorted(split.labels.tolist()) == list(range(12))


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        (["pear", "fig"], "fig has no folder there; apple is not expected"),
        (["pear", "apple", "fig"], "fig has no folder there"),
        (["Pear", "apple"], "Pear has no folder there; pear is not expected"),
    ],
)
def test_other_classes_than_those_of_the_config_are_told_apart(root, classes, found):
    with pytest.raises(DataError) as caught:
        open_config_dataset(config_of(root, classes))
    assert str(caught.value) == (
        f"The class folders of {root} are not the classes of data.classes, which must "
        f"name them all: {found}."
    )


def test_other_classes_than_those_of_a_run_are_told_apart(root):
    config = config_of(root, ["apple", "pear"])
    assert open_config_dataset(config, ("pear", "apple")).class_names[0] == "pear"
    with pytest.raises(DataError) as caught:
        open_config_dataset(config, ("fig", "apple", "plum"))
    assert str(caught.value) == (
        f"The class folders of {root} are not the classes of the run: fig, plum has no "
        "folder there; pear is not expected."
    )


def test_images_of_one_size_and_time_that_change_places_are_read_again(root):
    """As out of an archive, with labels that are mended later."""
    pear, apple = (root / "train" / name / "9.bmp" for name in ("pear", "apple"))
    put(pear, (200, 0, 9))
    put(apple, (0, 200, 9))
    for path in root.rglob("*.*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    before = open_dataset("folder", root)
    pear.rename(root / "aside")
    apple.rename(pear)
    (root / "aside").rename(apple)
    after = open_dataset("folder", root)
    assert after.checksum != before.checksum
    assert after.training(0, 0)[0].images[3, 0, 0].tolist() == [200, 0, 9]


def test_a_training_folder_of_another_name_is_pointed_out(tmp_path, fresh_cache):
    put(tmp_path / "Training" / "pear" / "1.png")
    put(tmp_path / "Testing" / "pear" / "2.png")
    assert refusal(tmp_path) == (
        f"{tmp_path} has no folder train: it has Testing, Training. If Training holds "
        "<class>/<picture>, rename it to train, and those for validation and test to "
        "validation and test."
    )


def test_class_folders_that_lie_one_folder_too_deep_are_pointed_out(
    tmp_path, fresh_cache
):
    for split in ("train", "test"):
        for name in ("pear", "apple"):
            put(tmp_path / split / split / name / "1.png")
    assert refusal(tmp_path) == (
        f"{tmp_path}/train has one folder, train, and the folders in that may be the "
        "classes; expected train/<class>/<picture>: move them into "
        f"{tmp_path}/train."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that look the same")
def test_names_that_look_the_same_are_told_apart(tmp_path, fresh_cache):
    for name in ("caf\u00e9", "tea"):
        put(tmp_path / "train" / name / "1.png")
    apart = tmp_path / "test" / "cafe\u0301"
    put(apart / "1.png")
    reason = (
        "cafe\u0301: the names look the same, but in one of the two an accent is a "
        "character of its own, as macOS writes it. Rename the folders."
    )
    assert refusal(tmp_path) == (
        f"{tmp_path}/test has class folders for no class of the training: cafe\u0301. "
        f"The classes are caf\u00e9, tea. {reason}"
    )
    apart.rename(tmp_path / "test" / "tea")
    with pytest.raises(DataError) as caught:
        open_config_dataset(config_of(tmp_path, ["tea", "cafe\u0301"]))
    assert str(caught.value).endswith(
        "caf\u00e9 is not expected. " + reason.replace("e\u0301", "\u00e9")
    )
