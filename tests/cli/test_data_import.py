"""``cifarcnn data import``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cifarcnn.data.cifar.facts import CIFAR10
from cifarcnn.data.importing import import_cifar
from cifarcnn.data.importing.import_cifar import ImportResult


@pytest.fixture(autouse=True)
def _nothing_is_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def write_copy(folder: Path, *, same: bool = False) -> Path:
    """CIFAR-10 in its full size, of noise."""
    folder.mkdir()
    draws = np.random.default_rng(1)
    for file in CIFAR10.binary.data_files:
        records = draws.integers(0, 256, (file.images, 3073), np.uint8)
        records[:, 0] = np.arange(file.images) % 10
        if same:
            records[:, 1:] = records[0, 1:]
        (folder / file.name).write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR10.class_names))
    return folder


@pytest.mark.slow
def test_a_copy_is_brought_and_said_not_to_be_official(call, tmp_path):
    folder = write_copy(tmp_path / "copy")
    called = call("data", "import", folder)
    assert (called.code, called.out) == (0, f"{tmp_path}/cache/cifar-10-batches-bin\n")
    assert called.err == (
        "imported: CIFAR-10, but not the official bytes: 60,000 pictures, the right "
        "number of every class, hardly any of them twice; more cannot be checked\n"
    )
    lines = call("data", "show").out.splitlines()
    assert lines[1] == f"origin: {tmp_path}/cache/cifar-10-batches-bin"
    assert lines[2].startswith("imported: 20") and lines[2].endswith(f" from {folder}")
    assert lines[3] == (
        "official files: no; numbers, sizes and labels are right, the bytes are others"
    )
    also = call("data", "show", "--set", f"data.path={folder}").out.splitlines()
    assert also[2] == f"also here: {tmp_path}/cache/cifar-10-batches-bin"


def test_what_is_not_cifar_is_refused(call, tmp_path):
    folder = write_copy(tmp_path / "copy", same=True)
    called = call("data", "import", folder)
    assert (called.code, called.out) == (1, "")
    assert called.err == (
        f"error: {folder}: 49,995 of the 50,000 training pictures are there more than "
        "once; this is not CIFAR-10.\n"
    )


def test_the_official_files_are_said_to_be_official(call, monkeypatch):
    brought = ImportResult(
        CIFAR10,
        Path("/c/a"),
        official=True,
        shadowed_by=Path("/d/\x1bb"),
        notes={"its colour profile was left out": 2},
    )
    monkeypatch.setattr(import_cifar, "import_cifar", lambda *_, **__: brought)
    called = call("data", "import", "x")
    assert called.out == "/c/a\n"
    assert called.err == (
        "imported: CIFAR-10, the official files to the byte\n"
        "note: 2 pictures: its colour profile was left out\n"
        "note: /d/?b is found before it and is what the program uses; move it away, or "
        "name the new one with data.path\n"
    )


def test_nothing_there_is_said(call, tmp_path):
    called = call("data", "import", "nowhere")
    assert (called.code, called.out) == (1, "")
    assert called.err == "error: nowhere cannot be read: No such file or directory.\n"
