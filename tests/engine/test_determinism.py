from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from cifarcnn.engine import refusals_explained, start
from cifarcnn.engine.determinism import prepare_deterministic, require_deterministic
from cifarcnn.errors import DeviceError

FLAG = "--xla_gpu_deterministic_ops=true"
WAY_OUT = "or train with --set training.deterministic=false."

PREPARE = """
import os, sys
from cifarcnn.engine.determinism import prepare_deterministic, require_deterministic
for flags in (None, "", "--xla_dump_to=/tmp/x  --xla_gpu_autotune_level=2",
              "--xla_gpu_deterministic_ops", "--xla_gpu_deterministic_ops=true"):
    for device in ("auto", "cpu"):
        os.environ.pop("XLA_FLAGS", None)
        if flags is not None:
            os.environ["XLA_FLAGS"] = flags
        prepare_deterministic(device)
        print(os.environ.get("XLA_FLAGS"))
        if device == "auto":
            require_deterministic()
assert not {"keras", "numpy"} & set(sys.modules)
"""


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_what_xla_is_told_stands_beside_what_the_user_tells_it():
    done = run(PREPARE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *(FLAG, "None"),
        *(FLAG, ""),
        f"--xla_dump_to=/tmp/x --xla_gpu_autotune_level=2 {FLAG}",
        "--xla_dump_to=/tmp/x  --xla_gpu_autotune_level=2",
        *("--xla_gpu_deterministic_ops",) * 2,
        *(FLAG,) * 2,
    ]


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (
            f"{FLAG} --xla_gpu_deterministic_ops=False",
            "--xla_gpu_deterministic_ops=False",
        ),
        ("--xla_gpu_deterministic_ops=0", "--xla_gpu_deterministic_ops=0"),
        (
            "--xla_gpu_load_autotune_results_from=/a.txt",
            "--xla_gpu_load_autotune_results_from=/a.txt",
        ),
        (
            "--xla_gpu_per_fusion_autotune_cache_dir=/a",
            "--xla_gpu_per_fusion_autotune_cache_dir=/a",
        ),
    ],
)
def test_a_flag_of_the_user_that_says_the_opposite_is_refused(
    monkeypatch: pytest.MonkeyPatch, flags: str, found: str
):
    monkeypatch.setenv("XLA_FLAGS", flags)
    prepare_deterministic("cpu")
    with pytest.raises(DeviceError) as caught:
        prepare_deterministic("auto")
    assert str(caught.value) == (
        f"The environment variable XLA_FLAGS holds {found}, with which "
        f"training.deterministic cannot be kept on a GPU. Take it out, {WAY_OUT}"
    )


def test_flags_in_a_file_cannot_be_added_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XLA_FLAGS", "/home/me/flags.txt")
    with pytest.raises(DeviceError) as caught:
        prepare_deterministic("gpu")
    assert str(caught.value) == (
        "The environment variable XLA_FLAGS names the file /home/me/flags.txt, to "
        "which training.deterministic cannot add its flag. Write the flags themselves "
        f"into the variable, {WAY_OUT}"
    )


def test_a_process_that_runs_keras_already_is_told_to_begin_anew(
    monkeypatch: pytest.MonkeyPatch,
):
    start("cpu")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    prepare_deterministic("auto")
    assert "XLA_FLAGS" not in os.environ
    with pytest.raises(DeviceError) as caught:
        require_deterministic()
    assert str(caught.value) == (
        "training.deterministic cannot be kept on a GPU in a process that runs Keras "
        "already: XLA reads its flags once. Start a new process, set the environment "
        f"variable XLA_FLAGS={FLAG} before the first one, {WAY_OUT}"
    )


def test_on_a_cpu_nothing_is_changed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_deterministic_ops=false")
    start("cpu", deterministic=True)
    from tensorflow.python.framework import config

    assert not config.is_op_determinism_enabled()
    assert os.environ["XLA_FLAGS"] == "--xla_gpu_deterministic_ops=false"


# TensorFlow's real refusal: XLA has it on a CPU too.
REFUSED = """
from cifarcnn import engine
engine.start("cpu")
import keras, tensorflow as tf
from cifarcnn.engine import backend
backend.forbid_nondeterministic_operations()
model = keras.Sequential([
    keras.Input((8, 8, 1)),
    keras.layers.MaxPooling2D(3, strides=2, name="overlapping"),
    keras.layers.GlobalAveragePooling2D(name="average"),
])

@tf.function(jit_compile=True)
def gradient(images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        result = tf.reduce_sum(model(images))
    return tape.gradient(result, images)

try:
    with engine.refusals_explained(["overlapping", "average", "other"]):
        gradient(tf.ones((1, 8, 8, 1)))
except engine.determinism.DeviceError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_layer_that_tensorflow_refuses_is_named():
    done = run(REFUSED)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "training.deterministic cannot be kept on this GPU (layer overlapping): GPU "
        "MaxPool gradient ops do not yet have a deterministic XLA implementation. "
        "Train on the device cpu, where it always is, or on Keras's other backend, "
        f"{WAY_OUT}\n"
    )


def test_what_xla_refuses_is_said_without_a_layer():
    # As jaxlib writes it; no CPU refuses anything.
    text = (
        "UNIMPLEMENTED: HLO instruction select-and-scatter.7 does not have a "
        "deterministic implementation, but run-to-run determinism is required."
    )
    with pytest.raises(DeviceError) as caught, refusals_explained(["select"]):
        raise RuntimeError(text)
    assert f"on this GPU: {text} Train on" in str(caught.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("UNIMPLEMENTED: a cast"), ValueError("not deterministic")]
)
def test_other_errors_are_left_as_they_are(error: Any):
    with pytest.raises(type(error)) as caught, refusals_explained(["dense"]):
        raise error
    assert caught.value is error
