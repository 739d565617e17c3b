"""What can go wrong while a copy is written."""

from __future__ import annotations

import resource
import shutil
from dataclasses import replace

import pytest

from cifarcnn.data.importing.detect_format import read_copy
from cifarcnn.data.importing.import_cifar import install_copy
from cifarcnn.errors import DataError


@pytest.fixture
def found(tiny10, tmp_path):
    return read_copy(tiny10.write("binary", tmp_path / "source"), (tiny10.cifar,))


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "store"
    target.mkdir()
    return target


def test_a_source_that_changes_meanwhile_is_noticed(found, folder, rewrite):
    path = found.location.path / "data_batch_1.bin"
    rewrite(path, lambda data: data.__setitem__(100, data[100] ^ 1))
    with pytest.raises(DataError) as caught:
        install_copy(found, folder)
    assert str(caught.value) == (
        f"{folder}/cifar-10-batches-bin: what was written is not what was read; the "
        "source changed meanwhile, or a disk is failing. Nothing was imported."
    )
    assert list(folder.iterdir()) == []


def test_a_disk_that_takes_no_more(found, folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(DataError) as caught:
            install_copy(found, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    start, rest = str(caught.value).split(" bytes are needed, ")
    assert start == (f"{folder} cannot take the data: File too large. About 368,640")
    assert rest.endswith(
        " are free. The environment variable CIFARCNN_CACHE can name another folder."
    )
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_gone(found, folder):
    shutil.rmtree(folder)
    with pytest.raises(DataError) as caught:
        install_copy(found, folder)
    assert str(caught.value) == (
        f"{folder} cannot be written: No such file or directory."
    )


def test_arrays_without_a_place_become_binary_files(found, folder):
    path = install_copy(replace(found, location=None), folder)
    for file in found.cifar.binary.data_files:
        original = found.location.path / file.name
        assert (path / file.name).read_bytes() == original.read_bytes()
