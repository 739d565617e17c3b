"""CIFAR in both formats, as folders and archives, sound and damaged."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.data.cifar.facts import CIFAR10
from cifarcnn.data.cifar.location import find_cifar
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.dataset import open_dataset
from cifarcnn.data.decoded_cache import Decoded, DecodedStore
from cifarcnn.errors import DataError

FORMS = ["binary", "python"]


def decode(sample, path: Path) -> Decoded:
    return CifarSource(sample.cifar, find_cifar(sample.cifar, path)).decode()


def refusal(sample, path: Path) -> str:
    with pytest.raises(DataError) as caught:
        decode(sample, path)
    return str(caught.value)


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["tiny10", "tiny100"])
def test_every_form_gives_the_images_that_were_written(
    request, tmp_path, name, kind, packed
):
    sample = request.getfixturevalue(name)
    path = (sample.pack if packed else sample.write)(kind, tmp_path)
    decoded = decode(sample, path)
    pixels = np.concatenate(sample.rows[:-1]).reshape(-1, 3, 32, 32)
    assert np.array_equal(decoded.training.images, pixels.transpose(0, 2, 3, 1))
    assert np.array_equal(decoded.training.labels, np.concatenate(sample.labels[:-1]))
    assert np.array_equal(decoded.test.labels, sample.labels[-1])
    assert decoded.test.images[3, 5, 7].tolist() == [
        sample.rows[-1][3, plane * 1024 + 5 * 32 + 7] for plane in range(3)
    ]
    assert decoded.class_names == sample.cifar.class_names
    assert decoded.official is False


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_the_way_to_the_files_may_be_of_any_bytes(tiny10, tmp_path, fresh_cache):
    path = tiny10.write("binary", tmp_path / os.fsdecode(b"caf\xe9"))
    source = CifarSource(tiny10.cifar, find_cifar(tiny10.cifar, path))
    # Once from the files and once from the cache.
    checksums = {DecodedStore(source).checksum for _ in range(2)}
    assert len(checksums) == 1
    assert list((fresh_cache / "decoded").iterdir())


def test_every_form_has_the_same_checksum(tiny10, tmp_path):
    sums = {
        decode(tiny10, write(kind, tmp_path / f"{kind}-{write.__name__}")).checksum
        for kind in FORMS
        for write in (tiny10.write, tiny10.pack)
    }
    assert len(sums) == 1


def test_batches_pickled_by_python_3_are_read(tiny10, tmp_path):
    folder = tiny10.write("python", tmp_path)
    content = {"labels": tiny10.labels[0].tolist(), "data": tiny10.rows[0]}
    (folder / "data_batch_1").write_bytes(pickle.dumps(content, protocol=4))
    assert decode(tiny10, folder).training.labels[:20].tolist() == content["labels"]


def with_checksums(sample, folder: Path):
    """The sample, its facts naming the files in ``folder`` as the official ones."""
    files = [
        replace(file, md5=hashlib.md5((folder / file.name).read_bytes()).hexdigest())
        for file in sample.cifar.binary.data_files
    ]
    layout = replace(sample.cifar.binary, training=tuple(files[:-1]), test=files[-1])
    return replace(sample, cifar=replace(sample.cifar, binary=layout))


def test_a_folder_with_every_checksum_is_official(tiny10, tmp_path, rewrite):
    folder = tiny10.write("binary", tmp_path)
    known = with_checksums(tiny10, folder)
    assert decode(known, folder).official is True
    rewrite(folder / "test_batch.bin", lambda data: data.__setitem__(9, data[9] ^ 1))
    assert decode(known, folder).official is False


def test_an_archive_with_the_checksum_is_official(tiny10, tmp_path):
    path = tiny10.pack("binary", tmp_path)
    content, layout = path.read_bytes(), tiny10.cifar.binary
    digest = hashlib.sha256(content).hexdigest()
    archive = replace(layout.archive, size=len(content), sha256=digest)
    cifar = replace(tiny10.cifar, binary=replace(layout, archive=archive))
    assert decode(replace(tiny10, cifar=cifar), path).official is True


def test_missing_files_are_all_named(tiny10, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    for name in ("data_batch_2.bin", "test_batch.bin", "batches.meta.txt"):
        (folder / name).unlink()
    assert refusal(tiny10, folder) == (
        f"{folder} lacks data_batch_2.bin, test_batch.bin and batches.meta.txt. "
        "Get it again."
    )


def test_one_missing_file_is_named(tiny10, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    (folder / "data_batch_5.bin").unlink()
    assert refusal(tiny10, folder) == f"{folder} lacks data_batch_5.bin. Get it again."


def test_a_file_cut_short_is_named(tiny10, tmp_path, rewrite):
    folder = tiny10.write("binary", tmp_path)
    rewrite(folder / "data_batch_3.bin", lambda data: data.pop())
    assert refusal(tiny10, folder) == (
        f"{folder}/data_batch_3.bin is cut short: it has 61,459 bytes, expected "
        "61,460. Get it again."
    )


def test_a_file_that_is_too_long_is_named(tiny10, tmp_path, rewrite):
    folder = tiny10.write("binary", tmp_path)
    rewrite(folder / "test_batch.bin", lambda data: data.append(0))
    assert refusal(tiny10, folder) == (
        f"{folder}/test_batch.bin is too long: it has 61,461 bytes, expected 61,460. "
        "Get it again."
    )


def test_a_pickle_of_an_impossible_size_is_named(tiny10, tmp_path):
    folder = tiny10.write("python", tmp_path)
    (folder / "data_batch_1").write_bytes(b"\x80\x02}.")
    assert refusal(tiny10, folder) == (
        f"{folder}/data_batch_1 is cut short: it has 4 bytes, expected 61,440 to "
        "129,536. Get it again."
    )


def test_a_folder_in_place_of_a_file_is_refused(tiny10, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    (folder / "data_batch_1.bin").unlink()
    (folder / "data_batch_1.bin").mkdir()
    assert refusal(tiny10, folder) == (
        f"{folder}/data_batch_1.bin is not a regular file."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_named(tiny10, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    (folder / "data_batch_1.bin").chmod(0)
    assert refusal(tiny10, folder) == (
        f"{folder}/data_batch_1.bin cannot be read: Permission denied."
    )


def test_a_dangling_link_is_named(tiny10, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    (folder / "data_batch_1.bin").unlink()
    (folder / "data_batch_1.bin").symlink_to(tmp_path / "nowhere")
    assert refusal(tiny10, folder) == (
        f"{folder}/data_batch_1.bin cannot be read: No such file or directory."
    )


def test_a_label_that_is_too_large_is_named(tiny10, tmp_path, rewrite):
    folder = tiny10.write("binary", tmp_path)
    rewrite(folder / "data_batch_2.bin", lambda data: data.__setitem__(3073 * 4, 10))
    assert refusal(tiny10, folder) == (
        f"{folder}/data_batch_2.bin: picture 4 (counted from 0) has the label 10, "
        "expected 0 to 9."
    )


def test_a_coarse_label_that_is_too_large_is_named(tiny100, tmp_path, rewrite):
    folder = tiny100.write("binary", tmp_path)
    rewrite(folder / "train.bin", lambda data: data.__setitem__(3074 * 2, 20))
    assert refusal(tiny100, folder) == (
        f"{folder}/train.bin: picture 2 (counted from 0) has the label 20, "
        "expected 0 to 19."
    )


def test_a_wrong_count_in_the_training_split_is_named(tiny10, tmp_path, rewrite):
    folder = tiny10.write("binary", tmp_path)
    old = int(tiny10.labels[0][0])
    new = (old + 1) % 10
    rewrite(folder / "data_batch_1.bin", lambda data: data.__setitem__(0, new))
    first = min(old, new)
    found = 9 if first == old else 11
    assert refusal(tiny10, folder) == (
        f"{folder}: data_batch_1.bin to data_batch_5.bin: found {found} pictures of "
        f"the class {CIFAR10.class_names[first]}, expected 10 of every class. "
        "Get it again."
    )


def test_a_wrong_count_in_the_test_split_is_named(tiny10, tmp_path):
    folder = tiny10.write("binary", tmp_path)
    record = bytes([3]) + bytes(3072)
    (folder / "test_batch.bin").write_bytes(record * 20)
    assert refusal(tiny10, folder) == (
        f"{folder}: test_batch.bin: found 0 pictures of the class airplane, expected 2 "
        "of every class. Get it again."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"airplane\nautomobile\n", "names 2 classes, expected the 10 of CIFAR-10."),
        (
            b"airplane automobile bird cat deer wolf frog horse ship truck",
            "names class 5 'wolf', expected 'dog'.",
        ),
        (b"\xff\xfe", "is not plain text; expected one class name a line."),
    ],
)
def test_foreign_class_names_are_refused(tiny10, tmp_path, content, sentence):
    folder = tiny10.write("binary", tmp_path)
    (folder / "batches.meta.txt").write_bytes(content)
    assert refusal(tiny10, folder) == f"{folder}/batches.meta.txt {sentence}"


@pytest.mark.slow
def test_full_size_files_are_read_and_not_taken_for_official_ones(
    tmp_path, fresh_cache
):
    folder = tmp_path / CIFAR10.binary.folder
    folder.mkdir()
    records = np.zeros((10_000, 3073), np.uint8)
    records[:, 0] = np.arange(10_000) % 10
    for file in CIFAR10.binary.data_files:
        records.tofile(folder / file.name)
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR10.class_names))
    dataset = open_dataset("cifar10", tmp_path)
    training, validation = dataset.training(0.1, seed=0)
    assert training.images.shape == (45_000, 32, 32, 3)
    assert np.bincount(validation.labels).tolist() == [500] * 10
    assert len(dataset.test()) == 10_000
    assert dataset.official is False
    assert dataset.notice is None


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(
    "form",
    [name for form in CIFAR10.layouts for name in (form.folder, form.archive.name)],
)
def test_real_cifar_10_is_the_same_in_every_form_that_is_here(
    real_data, fresh_cache, form
):
    if not (real_data / form).exists():
        pytest.skip(f"the folder of CIFARCNN_TEST_DATA has no {form}")
    dataset = open_dataset("cifar10", real_data / form)
    first = open_dataset("cifar10", real_data)
    assert dataset.checksum == first.checksum
    training, _ = dataset.training(0, 0)
    assert np.array_equal(training.images, first.training(0, 0)[0].images)
    assert np.bincount(training.labels).tolist() == [5_000] * 10
    assert np.bincount(dataset.test().labels).tolist() == [1_000] * 10
