"""Every layout that people have, into the cache, checked and never over another."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.cifar import facts
from cifarcnn.data.cifar.facts import CIFAR100
from cifarcnn.data.cifar.location import find_cifar, read_provenance
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.dataset import open_dataset
from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.matrix_profile import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    make_matrix_profile,
)
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.data.importing.import_cifar import import_cifar
from cifarcnn.errors import DataError

TARGET = TargetSize(32, 32, "crop")

WANTED = (
    "expected an archive or a folder of the binary or the Python version, a folder "
    "that holds one, an .npz file with x_train, y_train, x_test and y_test, or folders "
    "of 32x32 pictures train/<class>/ and test/<class>/."
)


@pytest.fixture(autouse=True)
def _nothing_elsewhere(fresh_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def bring(tiny10, tiny100):
    def bring(path, *samples, **options):
        kinds = tuple(sample.cifar for sample in samples or (tiny10, tiny100))
        return import_cifar(path, kinds, **options)

    return bring


@pytest.fixture
def refusal(bring, fresh_cache):
    def refusal(path, *samples):
        with pytest.raises(DataError) as caught:
            bring(path, *samples)
        left = list(fresh_cache.iterdir()) if fresh_cache.exists() else []
        assert [one.name for one in left if not one.name.endswith(".lock")] == []
        return str(caught.value)

    return refusal


def checksum(sample, path):
    return CifarSource(sample.cifar, find_cifar(sample.cifar, path)).decode().checksum


@pytest.mark.parametrize("kind", ["binary", "python"])
@pytest.mark.parametrize("name", ["tiny10", "tiny100"])
@pytest.mark.parametrize("packed", [False, True])
def test_archives_and_folders(
    request, bring, tmp_path, fresh_cache, name, kind, packed
):
    sample = request.getfixturevalue(name)
    path = (sample.pack if packed else sample.write)(kind, tmp_path)
    brought = bring(path)
    layout = sample.cifar.binary if kind == "binary" else sample.cifar.python
    assert brought.path == fresh_cache / layout.folder
    assert (brought.cifar, brought.official) == (sample.cifar, False)
    assert checksum(sample, brought.path) == checksum(sample, path)
    note = read_provenance(brought.path)
    assert (note.how, note.origin) == ("imported", str(path))


@pytest.mark.parametrize("name", ["cifar.tar.gz", "cifar-10-binary.tar (1).gz", "x"])
def test_an_archive_of_any_name(tiny10, bring, tmp_path, name):
    path = tiny10.pack("binary", tmp_path).rename(tmp_path / name)
    assert bring(path).path.name == "cifar-10-batches-bin"


def test_an_archive_that_a_browser_unzipped(tiny10, bring, tmp_path):
    path = tiny10.pack("python", tmp_path)
    plain = tmp_path / "cifar-10-python.tar"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    brought = bring(plain)
    assert checksum(tiny10, brought.path) == checksum(tiny10, path)


def test_the_cache_of_keras(tiny10, bring, tmp_path):
    home = tmp_path / ".keras" / "datasets"
    folder = tiny10.write("python", home / "cifar-10-batches-py-target")
    assert folder.parent.name == "cifar-10-batches-py-target"
    assert bring(home).path.name == "cifar-10-batches-py"


def test_the_cache_of_torchvision(tiny10, bring, tmp_path):
    tiny10.pack("python", tmp_path / "root")
    tiny10.write("python", tmp_path / "root")
    assert bring(tmp_path / "root").path.name == "cifar-10-batches-py"


def test_a_damaged_copy_beside_a_sound_one(tiny10, bring, tmp_path):
    tiny10.pack("python", tmp_path / "root")
    folder = tiny10.write("python", tmp_path / "root")
    (folder / "data_batch_4").unlink()
    assert len(list(bring(tmp_path / "root").path.iterdir())) == 7


def official(sample, path):
    """The sample, its facts naming the archive ``path`` as the official one."""
    content, layout = path.read_bytes(), sample.cifar.binary
    digest = hashlib.sha256(content).hexdigest()
    archive = replace(layout.archive, size=len(content), sha256=digest)
    return replace(
        sample, cifar=replace(sample.cifar, binary=replace(layout, archive=archive))
    )


def test_the_official_archive_stays_an_archive(
    tiny10, bring, tmp_path, fresh_cache, monkeypatch
):
    path = tiny10.pack("binary", tmp_path)
    known = official(tiny10, path)
    other = path.rename(tmp_path / "download.bin")
    brought = bring(other, known)
    assert brought.path == fresh_cache / "cifar-10-binary.tar.gz"
    assert brought.official and brought.path.read_bytes() == other.read_bytes()
    monkeypatch.setitem(facts.CIFAR_DATASETS, "cifar10", known.cifar)
    assert open_dataset("cifar10", None).official


def save_npz(sample, path):
    pixels = [rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) for rows in sample.rows]
    np.savez(
        path,
        x_train=np.concatenate(pixels[:-1]),
        y_train=np.concatenate(sample.labels[:-1]),
        x_test=pixels[-1],
        y_test=sample.labels[-1],
    )
    return path


def test_an_npz_becomes_the_binary_files_to_the_byte(tiny10, bring, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    brought = bring(save_npz(tiny10, tmp_path / "cifar.npz"), tiny10)
    for file in tiny10.cifar.binary.data_files:
        assert (brought.path / file.name).read_bytes() == (
            folder / file.name
        ).read_bytes()


def test_the_coarse_labels_of_cifar_100_are_put_back(tiny100, bring, tmp_path):
    brought = bring(save_npz(tiny100, tmp_path / "cifar.npz"), tiny100)
    records = np.frombuffer((brought.path / "test.bin").read_bytes(), np.uint8)
    coarse, fine = records.reshape(-1, 3074)[:, :2].T
    assert np.array_equal(coarse, np.array(CIFAR100.coarse_labels)[fine])


def test_superclasses_hold_five_classes_each():
    assert len(CIFAR100.coarse_labels) == 100
    assert np.bincount(CIFAR100.coarse_labels).tolist() == [5] * 20
    groups = {
        number: {
            name
            for name, coarse in zip(
                CIFAR100.class_names, CIFAR100.coarse_labels, strict=True
            )
            if coarse == number
        }
        for number in range(20)
    }
    # As the publisher's page lists them.
    assert groups[0] == {"beaver", "dolphin", "otter", "seal", "whale"}
    assert groups[14] == {"baby", "boy", "girl", "man", "woman"}
    assert groups[19] == {"lawn_mower", "rocket", "streetcar", "tank", "tractor"}


def draw(sample, folder, ending="png"):
    names = sample.cifar.class_names
    for split, numbers in (("train", range(5)), ("test", [5])):
        for number in numbers:
            images = sample.rows[number].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            for place, label in enumerate(sample.labels[number]):
                path = folder / split / names[label] / f"{number}-{place:02}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(images[place]).save(path)
    return folder


def test_folders_of_images(tiny10, bring, tmp_path):
    brought = bring(draw(tiny10, tmp_path / "pictures"))
    split = CifarSource(tiny10.cifar, find_cifar(tiny10.cifar, brought.path)).decode()
    # In another order, as the names of the files have it.
    expected = {row.tobytes() for rows in tiny10.rows[:5] for row in rows}
    found = {image.transpose(2, 0, 1).tobytes() for image in split.training.images}
    assert found == expected
    assert split.training.labels.tolist() == sorted(split.training.labels.tolist())


def test_colours_of_another_space_are_brought_as_srgb(tiny10, bring, tmp_path):
    folder = draw(tiny10, tmp_path / "pictures")
    expected = {}
    for number, path in enumerate(sorted((folder / "train" / "cat").iterdir())):
        with Image.open(path) as image:
            profile = make_matrix_profile(ADOBE_RGB, ADOBE_GAMMA)
            image.save(path, icc_profile=b"damaged" if number < 2 else profile)
        expected[read_image(path, path.name, TARGET).tobytes()] = None
    brought = bring(folder)
    split = CifarSource(tiny10.cifar, find_cifar(tiny10.cifar, brought.path)).decode()
    found = {image.tobytes() for image in split.training.images}
    assert expected.keys() <= found
    note = "its colour profile is damaged and was left out"
    assert brought.notes == {note: 2}


def test_folders_of_other_classes_need_no_import(tiny10, tmp_path, refusal):
    folder = draw(tiny10, tmp_path / "pictures")
    (folder / "test" / "cat").rename(folder / "test" / "hat")
    assert refusal(folder) == (
        f"{folder} has folders train and test, but their folders are not the classes "
        "of CIFAR-10 or CIFAR-100. Pictures of your own need no import: train on them "
        "with data.dataset=folder and data.path."
    )


def test_a_class_with_too_few_images(tiny10, tmp_path, refusal):
    folder = draw(tiny10, tmp_path / "pictures")
    next((folder / "test" / "cat").iterdir()).unlink()
    assert refusal(folder) == f"{folder}/test/cat has 1 pictures, expected 2."


def test_images_of_another_size(tiny10, tmp_path, refusal):
    folder = draw(tiny10, tmp_path / "pictures")
    path = sorted((folder / "train" / "airplane").iterdir())[3]
    Image.new("RGB", (64, 48)).save(path)
    assert refusal(folder) == (f"{path} is 64x48; the pictures of CIFAR are 32x32.")


def test_a_image_that_cannot_be_read(tiny10, tmp_path, refusal):
    folder = draw(tiny10, tmp_path / "pictures")
    path = sorted((folder / "train" / "airplane").iterdir())[3]
    path.write_bytes(b"")
    assert refusal(folder) == (
        f"{path}: the file is empty; expected a PNG, JPEG, WebP, BMP or GIF picture."
    )


def test_nothing_of_the_kind(tmp_path, refusal):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("notes")
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "empty") == (
        f"{tmp_path / 'empty'} holds no copy of CIFAR; {WANTED}"
    )
    assert refusal(tmp_path / "notes.txt") == (
        f"{tmp_path / 'notes.txt'} is not a copy of CIFAR; {WANTED}"
    )
    assert refusal(tmp_path / "pipe") == (
        f"{tmp_path / 'pipe'} is not a regular file or folder; {WANTED}"
    )
    assert refusal(tmp_path / "no") == (
        f"{tmp_path / 'no'} cannot be read: No such file or directory."
    )


def test_every_damaged_copy_is_named(tiny10, tmp_path, refusal):
    for kind in ("binary", "python"):
        folder = tiny10.write(kind, tmp_path / "root")
        next(one for one in folder.iterdir() if "test" in one.name).unlink()
    assert refusal(tmp_path / "root") == (
        f"{tmp_path}/root/cifar-10-batches-bin lacks test_batch.bin. Get it again.\n"
        f"{tmp_path}/root/cifar-10-batches-py lacks test_batch. Get it again."
    )


@pytest.fixture
def stretched(tiny10):
    """Its images after ``change``; labels stay."""

    def stretched(change):
        return replace(tiny10, rows=[rows.copy() for rows in change(tiny10.rows)])

    return stretched


def test_a_repeated_half_is_noticed(tiny10, stretched, tmp_path, refusal):
    copy = stretched(lambda rows: [*rows[:3], rows[0], rows[1], rows[5]])
    folder = copy.write("binary", tmp_path)
    assert refusal(folder) == (
        f"{folder}: 40 of the 100 training pictures are there more than once; this is "
        "not CIFAR-10."
    )


def test_training_images_for_the_test_are_noticed(tiny10, stretched, tmp_path, refusal):
    folder = stretched(lambda rows: [*rows[:5], rows[2]]).write("binary", tmp_path)
    assert refusal(folder) == (
        f"{folder}: 20 of the 20 test pictures are training pictures too: judging by "
        "them would say nothing."
    )


def test_wrong_numbers_of_a_class_are_noticed(tiny10, tmp_path, refusal):
    labels = [part.copy() for part in tiny10.labels]
    labels[0][labels[0] == 3] = 4
    path = save_npz(replace(tiny10, labels=labels), tmp_path / "cifar.npz")
    assert refusal(path, tiny10) == (
        f"{path} has 8 training pictures of the class cat, expected 10 of every class."
    )


def test_the_same_again_changes_nothing(tiny10, bring, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    first = bring(folder)
    before = {one.name: one.stat().st_mtime_ns for one in first.path.iterdir()}
    second = bring(folder)
    assert second.path == first.path
    assert {one.name: one.stat().st_mtime_ns for one in second.path.iterdir()} == before


@pytest.mark.parametrize("there", ["other", "nothing", "file"])
def test_something_else_in_its_place_is_not_touched(
    tiny10, stretched, bring, tmp_path, fresh_cache, there
):
    target = fresh_cache / "cifar-10-batches-bin"
    if there == "other":
        stretched(lambda rows: [255 - part for part in rows]).write(
            "binary", fresh_cache
        )
    elif there == "nothing":
        target.mkdir(parents=True)
    else:
        fresh_cache.mkdir()
        target.write_text("mine")
    with pytest.raises(DataError) as caught:
        bring(tiny10.write("binary", tmp_path))
    assert str(caught.value) == (
        f"{target} is there already and holds something else. It is not touched. Move "
        "it away and import again."
    )


def test_another_copy_that_goes_before_it_is_named(
    tiny10, bring, tmp_path, monkeypatch
):
    mine = tiny10.write("binary", tmp_path / "mine")
    monkeypatch.setenv("CIFARCNN_DATA", str(tmp_path / "mine"))
    assert bring(tiny10.write("python", tmp_path)).shadowed_by == mine


def test_leftovers_of_a_killed_import_are_removed(tiny10, bring, tmp_path, fresh_cache):
    (fresh_cache / ".importing-abc" / "cifar-10-batches-bin").mkdir(parents=True)
    bring(tiny10.write("binary", tmp_path))
    assert list(fresh_cache.glob(".importing-*")) == []


def test_another_folder(tiny10, bring, tmp_path, fresh_cache):
    brought = bring(tiny10.write("binary", tmp_path), folder=tmp_path / "to")
    assert brought.path == tmp_path / "to" / "cifar-10-batches-bin"
    assert not fresh_cache.exists()


def test_links_out_of_a_folder_bring_only_what_passes_as_cifar(
    tiny10, bring, tmp_path, refusal
):
    folder = tiny10.write("binary", tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder / "batches.meta.txt").unlink()
    (folder / "batches.meta.txt").symlink_to(secret)
    assert refusal(folder) == (
        f"{folder}/batches.meta.txt names 1 classes, expected the 10 of CIFAR-10."
    )


def test_a_folder_that_cannot_be_made(tiny10, tmp_path, bring):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as caught:
        bring(tiny10.write("binary", tmp_path), folder=tmp_path / "file")
    assert str(caught.value) == f"{tmp_path / 'file'} cannot be made: File exists."


@pytest.mark.slow
@pytest.mark.real_data
def test_the_real_images_pass(real_data, tmp_path):
    brought = import_cifar(real_data, folder=tmp_path / "to")
    assert brought.cifar.name == "cifar10"
    shutil.rmtree(brought.path)
