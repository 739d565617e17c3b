"""Features on disk: whole or not there, whatever ends the process or fills the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cifarcnn
from cifarcnn import caches


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path))
    return tmp_path / "features"


KEY = "0123456789abcdef" * 2


def write(rows: np.ndarray, key: str = KEY, *, finish: bool = True) -> Any:
    from cifarcnn.training.feature_cache import FeatureFile, find_refusal

    assert find_refusal(rows.nbytes) is None
    file = FeatureFile(key, rows.shape)
    try:
        for first in range(0, len(rows), 3):
            file.write(rows[first : first + 3].data)
        if finish:
            return file.finish()
    finally:
        file.close()
    return None


def test_what_was_written_is_found(keras, own_cache: Path):
    from cifarcnn.training.feature_cache import find_features

    rows = np.arange(40, dtype=np.float32).reshape(10, 2, 2)
    path = write(rows)
    found = find_features(KEY)
    np.testing.assert_array_equal(found, rows)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert find_features("f" * 32) is None
    assert caches.size_bytes("features") == path.stat().st_size
    caches.clear("features")
    assert list(own_cache.iterdir()) == []


def test_what_is_not_finished_is_not_there(keras, own_cache: Path):
    from cifarcnn.training.feature_cache import find_features

    write(np.ones((10, 4), np.float32), finish=False)
    assert find_features(KEY) is None
    assert list(own_cache.iterdir()) == []


@pytest.mark.parametrize("place", [0, 60, -1])
def test_a_damaged_file_is_not_used(keras, own_cache: Path, place: int):
    from cifarcnn.training.feature_cache import find_features

    path = write(np.ones((10, 4), np.float32))
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    assert find_features(KEY) is None
    path.write_bytes(content[:-8])
    assert find_features(KEY) is None


def test_what_was_used_longest_ago_makes_room(
    keras, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    from cifarcnn.training import feature_cache

    rows = np.ones((10, 100), np.float32)
    monkeypatch.setattr(feature_cache, "MOST_BYTES", 10_000)
    keys = [str(number) * 32 for number in range(3)]
    for age, key in enumerate(keys[:2]):
        path = write(rows, key)
        os.utime(path, (1000 + age, 1000 + age))
    # Being used makes the older one the younger.
    assert feature_cache.find_features(keys[0]) is not None
    write(rows, keys[2])
    found = [feature_cache.find_features(key) is not None for key in keys]
    assert found == [True, False, True]
    assert feature_cache.find_refusal(10_001) == "at most 0 GB are kept"


def test_images_and_weights_and_facts_make_another_key(keras):
    from cifarcnn.training.feature_cache import features_key

    layers = keras.layers
    network = keras.Sequential([layers.Input((4,)), layers.Dense(2), layers.Dense(2)])

    def key(images: np.ndarray, **facts: Any) -> str:
        return features_key(network, iter([images]), facts)

    images = np.zeros((3, 4), np.uint8)
    first = key(images, precision="float32")
    assert key(images, precision="float32") == first
    assert key(images, precision="mixed_bfloat16") != first
    assert key(images + np.uint8(1), precision="float32") != first
    assert key(images[:2], precision="float32") != first
    bias = network.weights[-1]
    bias.assign(bias + 1e-7)
    assert key(images, precision="float32") != first


CONFIG = """\
name: {name}
data: {{dataset: synthetic}}
model: {{layers: [{layers}, GlobalAveragePooling2D, Dense: 10]}}
training: {{epochs: 1}}
"""
CONV = "Conv2D: {filters: 32, kernel_size: 5, padding: same}"


class Training:
    """The real program, in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._said = folder / "said.txt"
        command = [sys.executable, "-m", "cifarcnn", "train", *options]
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                command, stdout=said, stderr=said, cwd=folder
            )

    def end(self) -> tuple[int, str]:
        code = self.process.wait()
        return code, self._said.read_text()

    def send_when(self, files: str, folder: Path, number: int) -> tuple[int, str]:
        """Send a signal as soon as there are such files."""
        while not any(folder.glob(files)):
            assert self.process.poll() is None, self.end()
            time.sleep(0.001)
        self.process.send_signal(number)
        return self.end()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows cannot stop a process")
def test_ended_while_features_are_computed_nothing_is_left_that_is_used(
    keras, own_cache: Path, tmp_path: Path, no_litert: None
):
    layers = f"{CONV}, {CONV}, {CONV}"
    (tmp_path / "base.yaml").write_text(CONFIG.format(name="base", layers=layers))
    base = cifarcnn.load_config(tmp_path / "base.yaml")
    cifarcnn.train(base, tmp_path / "runs/base-1", device="cpu", smoke=True)
    layers = "Pretrained: {run: runs/base-1}"
    (tmp_path / "new.yaml").write_text(CONFIG.format(name="new", layers=layers))
    begun = Training(tmp_path, "--config", "new.yaml", "--smoke")
    code, said = begun.send_when(".*.tmp", own_cache, signal.SIGTERM)
    assert code == 143, said
    assert "nothing was trained meanwhile, and no feature is kept." in said
    assert said.endswith("Go on with: cifarcnn train --resume runs/new-1\n")
    assert not any(own_cache.iterdir())
    again = Training(tmp_path, "--resume", "runs/new-1")
    code, said = again.send_when(".*.tmp", own_cache, signal.SIGKILL)
    assert code == -signal.SIGKILL, said
    assert not any(own_cache.glob("*.npy"))
    code, said = Training(tmp_path, "--resume", "runs/new-1").end()
    assert code == 0, said
    assert "computed once, and kept" in said
    assert len(list(own_cache.glob("*.npy"))) == 1
