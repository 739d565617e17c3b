from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cifarcnn import engine
from cifarcnn.engine.devices import ChosenGpu, describe_failed_operation
from cifarcnn.engine.missing_gpu import GPU_EXTRA
from cifarcnn.engine.nvidia_driver import has_nvidia_driver
from cifarcnn.errors import DeviceError


@pytest.fixture(scope="module")
def cpu() -> engine.Device:
    return engine.start("cpu")


def test_the_cpu_is_described_with_its_cores_and_the_versions(cpu):
    import keras
    import tensorflow as tf

    cores = len(os.sched_getaffinity(0))
    assert cpu.kind == "cpu"
    assert cpu.threads == cores
    assert cpu.description.startswith("cpu (")
    assert cpu.description.endswith(
        f", {cores} {'core' if cores == 1 else 'cores'}), "
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
    )
    assert cpu.note is None


def test_the_versions_are_those_the_numbers_depend_on(cpu):
    assert list(cpu.versions) == ["python", "cifarcnn", "tensorflow", "keras", "numpy"]
    assert cpu.versions["python"] == platform.python_version()


def test_it_can_be_started_again(cpu):
    assert engine.start("cpu") == cpu


def test_settings_from_the_home_folder_do_not_reach_the_networks(cpu):
    import keras

    keras.config.set_image_data_format("channels_first")
    keras.config.set_floatx("float16")
    engine.start("cpu")
    assert keras.config.image_data_format() == "channels_last"
    assert keras.config.floatx() == "float32"


class TensorFlowConfig:
    """TensorFlow's list of devices on a machine with a GPU."""

    def __init__(self, visible=True, taken=False):
        self.visible, self.taken, self.growing = visible, taken, []
        self.experimental = self

    def list_physical_devices(self, kind):
        return [SimpleNamespace(name="/physical_device:GPU:0")]

    def list_logical_devices(self, kind):
        return ["GPU:0"] if self.taken else []

    def get_visible_devices(self, kind):
        return self.list_physical_devices(kind) if self.visible else []

    def set_visible_devices(self, devices, kind):
        if self.taken:
            raise RuntimeError("Visible devices cannot be modified after being set")
        self.visible = bool(devices)

    def set_memory_growth(self, gpu, enable):
        self.growing.append((gpu.name, enable))

    def get_device_details(self, gpu):
        return {"device_name": "NVIDIA X", "compute_capability": (8, 6)}


def choose(cpu, monkeypatch, config, device):
    from cifarcnn.engine import tensorflow_only

    monkeypatch.setattr(tensorflow_only.tf, "config", config)
    return tensorflow_only.choose_gpu(device)


def test_a_gpu_is_taken_with_no_more_memory_than_it_needs(cpu, monkeypatch):
    config = TensorFlowConfig()
    for device in ("auto", "gpu"):
        found = choose(cpu, monkeypatch, config, device)
        assert found == ChosenGpu("NVIDIA X", (8, 6))
    assert config.growing[0] == ("/physical_device:GPU:0", True)


def test_the_cpu_hides_the_gpu_for_good(cpu, monkeypatch):
    config = TensorFlowConfig()
    assert choose(cpu, monkeypatch, config, "cpu") == ChosenGpu()
    assert choose(cpu, monkeypatch, config, "gpu") == ChosenGpu(
        reason="it was hidden earlier in this process (device cpu). Start a new one."
    )


def test_the_cpu_comes_too_late_for_a_process_on_the_gpu(cpu, monkeypatch):
    with pytest.raises(DeviceError) as caught:
        choose(cpu, monkeypatch, TensorFlowConfig(taken=True), "cpu")
    assert str(caught.value) == (
        "The device cpu cannot be chosen any more: TensorFlow already uses a GPU in "
        "this process. Start a new one."
    )


@pytest.mark.slow
def test_a_gpu_that_is_not_there_is_refused_with_the_reason():
    if has_nvidia_driver():
        pytest.skip("this machine has an NVIDIA driver")
    code = (
        "from cifarcnn import engine, errors\n"
        "try:\n"
        "    engine.start('gpu')\n"
        "except errors.DeviceError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "The device gpu cannot be used: no NVIDIA driver is loaded on this machine. If "
        "it has an NVIDIA card, install the driver; `nvidia-smi` then lists the card. "
        "Or train on the device cpu.\n"
    )


def test_a_card_that_others_hold_is_told_before_anything_begins(
    cpu, monkeypatch, run_out_of_memory
):
    import keras

    from cifarcnn.engine.backend import try_convolution

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setattr(keras.ops, "conv", run_out_of_memory)
    with pytest.raises(DeviceError) as caught:
        try_convolution(on_gpu=True)
    assert str(caught.value) == (
        "The memory of the GPU is not enough to begin. Free some of it, or take the "
        "device cpu."
    )
    monkeypatch.setattr(
        keras.ops, "conv", lambda *operands, **options: keras.ops.reshape([0.0], (2,))
    )
    assert "it failed with: " in (try_convolution() or "")


def test_a_failed_operation_names_the_device_and_the_way_out():
    complaint = "it failed with: no kernel image"
    assert describe_failed_operation("NVIDIA X", complaint, GPU_EXTRA) == (
        "The GPU NVIDIA X is listed, but a small convolution on it did not work: it "
        "failed with: no kernel image. Check the driver and its CUDA libraries (pip "
        "install 'cifarcnn[gpu]'), or train on the device cpu."
    )
    assert describe_failed_operation(None, "it gave 8.0", GPU_EXTRA) == (
        "A small convolution on the CPU did not work: it gave 8.0. The installation is "
        "broken; install cifarcnn anew in a fresh virtual environment."
    )


@pytest.mark.parametrize("backend", ["tf", "torch"])
def test_a_backend_that_it_does_not_run_on_is_named(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(DeviceError) as caught:
        engine.start("cpu")
    assert str(caught.value) == (
        f"The environment variable KERAS_BACKEND asks for '{backend}', but cifarcnn "
        "runs on tensorflow or jax. Unset it, or name one of these."
    )


def test_a_backend_that_is_not_installed_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['jax'] = None\n"
        "from cifarcnn import engine\n"
        "from cifarcnn.errors import DeviceError\n"
        "try:\n    engine.start('cpu')\n"
        "except DeviceError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        "The environment variable KERAS_BACKEND asks for jax, but the Python package "
        "jax is not installed. Install it, or ask for tensorflow.\n"
    )


def test_before_the_start_neither_keras_nor_numpy_is_imported() -> None:
    code = (
        "import sys, cifarcnn.engine\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'numpy', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KERAS_NNX_ENABLED", "true"),
        ("KERAS_NNX_ENABLED", "1"),
        ("KERAS_MAX_EPOCHS", "2"),
        ("KERAS_MAX_STEPS_PER_EPOCH", "many"),
    ],
)
def test_variables_that_change_what_keras_does_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(DeviceError) as caught:
        engine.start("cpu")
    assert str(caught.value) == (
        f"The environment variable {name} is '{value}', which makes Keras do what no "
        f"config of cifarcnn says. Unset it: unset {name}"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('{"floatx": "float12"}', "Invalid `floatx` configuration. Expected one of {"),
        ('{"image_data_format": 5}', "Invalid `image_data_format` configuration. Exp"),
        ('{"epsilon": "small"}', "Invalid `epsilon` configuration. Expected a float"),
        ("[1, 2]", "'list' object has no attribute 'get'."),
    ],
)
def test_settings_that_keras_refuses_are_named_by_their_file(
    tmp_path: Path, settings: str, said: str
) -> None:
    (tmp_path / "keras.json").write_text(settings)
    code = (
        "from cifarcnn.errors import DeviceError\n"
        "from cifarcnn.engine import start\n"
        "try: start('cpu')\n"
        "except DeviceError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_HOME": str(tmp_path)},
    )
    beginning = (
        f"Keras does not start with its settings in {tmp_path / 'keras.json'}: {said}"
    )
    assert done.stdout.startswith(beginning), done.stderr
    assert done.stdout.endswith(
        " Mend the file, or remove it; Keras writes a new one.\n"
    )


@pytest.mark.slow
def test_settings_for_other_programs_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(
        '{"nnx_enabled": true, "epsilon": 0.5, "floatx": "float64", '
        '"image_data_format": "channels_first", "backend": "torch"}'
    )
    code = (
        "from cifarcnn.engine import start\n"
        "start('cpu')\n"
        "import keras\n"
        "print(keras.config.epsilon(), keras.config.floatx(), keras.config.backend(),\n"
        "      keras.config.image_data_format(), keras.config.is_nnx_enabled())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_HOME": str(tmp_path)},
    )
    assert done.stdout == "1e-07 float32 tensorflow channels_last False\n", done.stderr
