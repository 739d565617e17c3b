"""From the words of a config to an open data set."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cifarcnn.data.cifar.facts import CIFAR10, CIFAR100
from cifarcnn.data.dataset import open_dataset
from cifarcnn.errors import DataError, UsageError


def test_an_unknown_data_set_is_refused():
    with pytest.raises(UsageError) as caught:
        open_dataset("mnist", None)
    assert str(caught.value) == (
        "the data set 'mnist' is unknown; expected cifar10, cifar100, synthetic or "
        "folder."
    )


def test_a_folder_needs_a_path():
    with pytest.raises(DataError) as caught:
        open_dataset("folder", None)
    assert str(caught.value) == (
        "dataset: folder needs data.path, the folder that holds <class>/<picture>, or "
        "a list."
    )


def test_synthetic_takes_no_path():
    with pytest.raises(UsageError) as caught:
        open_dataset("synthetic", "somewhere")
    assert str(caught.value) == (
        "dataset: synthetic is drawn by code and takes no path, found somewhere."
    )


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DataError) as caught:
        open_dataset("cifar10", "~/data")
    assert f"\n  {tmp_path}/data (does not exist)\n" in str(caught.value)


@pytest.mark.parametrize("cifar", [CIFAR10, CIFAR100])
def test_the_facts_fit_together(cifar):
    assert len(set(cifar.class_names)) == cifar.label_limits[-1]
    for layout in cifar.layouts:
        assert sum(file.images for file in layout.training) == 50_000
        assert layout.test.images == 10_000
        assert len(layout.archive.sha256) == 64
        assert all(len(file.md5) == 32 for file in layout.data_files)


def test_importing_the_package_imports_no_heavy_module():
    heavy = "{'numpy', 'PIL', 'keras', 'tensorflow', 'matplotlib'}"
    code = f"import sys, cifarcnn.data; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def test_no_file_of_the_package_imports_a_framework():
    """Missing data is told without the seconds that a framework takes to load."""
    code = (
        "import importlib, sys, cifarcnn.data as data\n"
        "from pkgutil import walk_packages\n"
        "names = [m.name for m in walk_packages(data.__path__, 'cifarcnn.data.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "heavy = {'keras', 'tensorflow', 'torch', 'jax', 'matplotlib'}\n"
        "print(len(names) > 20, sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "True []\n"


def test_a_data_set_knows_the_shape_of_its_images(fresh_cache):
    dataset = open_dataset("synthetic", None)
    assert dataset.image_shape == (32, 32, 3)
    assert dataset.test().images.shape[1:] == dataset.image_shape
