"""Which backend is taken, in processes that have none of them imported yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

Choose = Callable[..., dict[str, Any]]

CHOOSE = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from cifarcnn.engine import nvidia_driver
from cifarcnn.engine.backend_choice import choose_backend
from cifarcnn.errors import DeviceError
arguments = json.loads(sys.argv[1])
nvidia_driver.ROOT = Path(arguments.pop("root"))
sys.path[:0] = arguments.pop("first")
for name in arguments.pop("gone"):
    sys.modules[name] = None
try:
    found = asdict(choose_backend(**arguments))
except DeviceError as error:
    found = {"error": str(error)}
heavy = {"jax", "tensorflow", "keras", "numpy"} & set(sys.modules)
print(json.dumps({**found, "imported": sorted(n for n in heavy if sys.modules[n])}))
"""
# What JAX is asked, on a machine that has a card, one that has a broken one, and so on.
JAX = """
from types import SimpleNamespace
class Device(SimpleNamespace):
    def __str__(self): return self.name
def devices(platform=None):
    if platform == "cuda" and {platform!r} != "gpu":
        raise RuntimeError("Backend 'cuda' failed to initialize: driver is too old.")
    return [Device(platform={platform!r}, name="NVIDIA X")]
numpy = SimpleNamespace(ones=lambda shape: shape)
class Result:
    def __getitem__(self, place): return {result}
def convolve(image, kernel, strides, padding, dimension_numbers):
    return Result()
lax = SimpleNamespace(conv_general_dilated=convolve)
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders in which the driver of a machine lies, or does not."""
    root = tmp_path_factory.mktemp("machines")
    (root / "True/proc/driver/nvidia").mkdir(parents=True)
    (root / "True/proc/driver/nvidia/version").write_text("NVRM version: 580.1\n")
    return root


@pytest.fixture
def choose(machines: Path) -> Callable[..., dict[str, Any]]:
    return partial(_choose, machines)


def _choose(
    machines: Path,
    *first: Path,
    gone: tuple[str, ...] = (),
    env: Any = None,
    driver: bool = False,
    **arguments: Any,
) -> dict[str, Any]:
    """The answer of a new process, which looks for modules in ``first`` first."""
    given = {"first": [str(path) for path in first], "gone": gone, **arguments}
    given["root"] = str(machines / str(driver))
    variables = {k: v for k, v in os.environ.items() if k not in _VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", CHOOSE, json.dumps(given)],
        env={**variables, **(env or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, **({"err": done.stderr} if done.stderr else {})}


_VARIABLES = ("KERAS_BACKEND", "JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES")
NO_JAX = {"gone": ("jax", "jaxlib")}
NO_TENSORFLOW = {"gone": ("tensorflow",)}


@pytest.fixture
def jax(tmp_path: Path) -> Any:
    """Makes a folder with a JAX that lists this device, and plugins for it."""

    def make(
        platform: str = "gpu", plugins: tuple[str, ...] = ("xla_cuda13",), result=9.0
    ) -> Path:
        for name in ("jax", "jaxlib", *(f"jax_plugins/{each}" for each in plugins)):
            (tmp_path / name).mkdir(parents=True)
            (tmp_path / name / "__init__.py").touch()
        text = JAX.replace("{platform!r}", repr(platform))
        text = text.replace("{result}", repr(result))
        (tmp_path / "jax" / "__init__.py").write_text(text)
        return tmp_path

    return make


def test_without_jax_it_is_tensorflow_and_nothing_is_imported(choose: Choose) -> None:
    assert choose(driver=True, **NO_JAX) == {
        "name": "tensorflow",
        "asked_by": None,
        "note": None,
        "imported": [],
    }


def test_a_card_that_jax_can_use_decides_for_jax(choose: Choose, jax: Any) -> None:
    found = choose(jax(), driver=True)
    assert (found["name"], found["asked_by"], found["note"]) == ("jax", None, None)
    assert found["imported"] == ["jax"]


@pytest.mark.parametrize(
    ("plugins", "arguments", "env"),
    [
        ((), {"driver": True}, {}),
        (("xla_cuda13",), {"driver": False}, {}),
        (("xla_cuda12",), {"driver": True, "gpu_allowed": False}, {}),
        (("xla_cuda13",), {"driver": True}, {"JAX_PLATFORMS": "cpu"}),
        (("xla_cuda13",), {"driver": True}, {"CUDA_VISIBLE_DEVICES": ""}),
        (("xla_cuda13",), {"driver": True}, {"CUDA_VISIBLE_DEVICES": "-1"}),
    ],
)
def test_where_no_card_can_be_used_jax_is_not_even_imported(
    choose: Choose, jax: Any, plugins: tuple[str, ...], arguments: Any, env: Any
) -> None:
    found = choose(jax(plugins=plugins), env=env, **arguments)
    assert (found["name"], found["note"]) == ("tensorflow", None)
    assert found["imported"] == []


def test_a_card_of_another_maker_needs_no_nvidia_driver(
    choose: Choose, jax: Any
) -> None:
    assert choose(jax(plugins=("xla_rocm7",)), driver=False)["name"] == "jax"


def test_jax_that_finds_no_card_is_passed_over_with_its_reason(
    choose: Choose, jax: Any
) -> None:
    found = choose(jax(platform="cpu"), driver=True)
    assert (found["name"], found["note"]) == (
        "tensorflow",
        "JAX is installed for a GPU, but not used: it failed with: Backend 'cuda' "
        "failed to initialize: driver is too old.",
    )


def test_a_card_that_computes_nonsense_is_passed_over(choose: Choose, jax: Any) -> None:
    found = choose(jax(result=0.0), driver=True)
    assert (found["name"], found["note"]) == (
        "tensorflow",
        "JAX is installed for a GPU, but not used: a small convolution on NVIDIA X "
        "gave 0.",
    )


def test_jax_that_cannot_be_imported_is_passed_over(choose: Choose, jax: Any) -> None:
    folder = jax()
    (folder / "jax" / "__init__.py").write_text("raise ImportError('no jaxlib 9')\n")
    found = choose(folder, driver=True)
    assert (found["name"], found["note"]) == (
        "tensorflow",
        "JAX is installed for a GPU, but not used: it failed with: no jaxlib 9.",
    )


def test_the_real_jax_with_a_plugin_that_is_none_leaves_it_to_tensorflow(
    choose: Choose, tmp_path: Path
) -> None:
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    (tmp_path / "jax_plugins" / "xla_cuda13").mkdir(parents=True)
    (tmp_path / "jax_plugins" / "xla_cuda13" / "__init__.py").touch()
    found = choose(tmp_path, driver=True)
    assert found["name"] == "tensorflow"
    assert found["note"] == (
        "JAX is installed for a GPU, but not used: it failed with: module "
        "'jax_plugins.xla_cuda13' has no attribute 'initialize'."
    )


def test_what_a_plugin_of_the_real_jax_raises_is_the_reason(
    choose: Choose, tmp_path: Path
) -> None:
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    (tmp_path / "jax_plugins" / "xla_cuda13").mkdir(parents=True)
    (tmp_path / "jax_plugins" / "xla_cuda13" / "__init__.py").write_text(
        "def initialize():\n    raise RuntimeError('cuDNN 9.1 is too old.\\nMore')\n"
    )
    found = choose(tmp_path, driver=True)
    assert (found["name"], found["note"], found.get("err")) == (
        "tensorflow",
        "JAX is installed for a GPU, but not used: it failed with: cuDNN 9.1 is too "
        "old.",
        None,
    )


def test_without_tensorflow_it_is_jax_with_or_without_a_card(
    choose: Choose, jax: Any
) -> None:
    folder = jax(plugins=())
    for allowed in (True, False):
        found = choose(folder, gpu_allowed=allowed, **NO_TENSORFLOW)
        assert (found["name"], found["note"]) == ("jax", None)
        assert found["imported"] == []


def test_the_option_comes_first_then_the_variable_then_the_config(
    choose: Choose,
) -> None:
    env = {"KERAS_BACKEND": "tensorflow"}
    found = choose(option="jax", configured="tensorflow", env=env)
    assert found["name"] == "jax"
    assert found["asked_by"] == "The option backend"
    assert found["note"] == (
        "The environment variable KERAS_BACKEND asks for tensorflow, but the option "
        "backend comes first. The config's training.backend asks for tensorflow, but "
        "the option backend comes first."
    )
    found = choose(configured="jax", env=env)
    assert found["name"] == "tensorflow"
    assert found["note"] == (
        "The config's training.backend asks for jax, but the environment variable "
        "KERAS_BACKEND comes first."
    )
    found = choose(configured="jax")
    assert (found["name"], found["asked_by"], found["note"]) == (
        "jax",
        "The config's training.backend",
        None,
    )


def test_who_agrees_is_not_mentioned(choose: Choose) -> None:
    env = {"KERAS_BACKEND": "jax"}
    assert choose(option="jax", configured="jax", env=env)["note"] is None
    assert choose(option="auto", configured="auto", **NO_JAX)["note"] is None


def test_the_option_auto_leaves_it_to_the_machine(choose: Choose) -> None:
    found = choose(option="auto", env={"KERAS_BACKEND": "jax"}, **NO_JAX)
    assert (found["name"], found["asked_by"]) == ("tensorflow", None)
    assert found["note"] == (
        "The environment variable KERAS_BACKEND asks for jax, but the option backend "
        "comes first."
    )


def test_an_empty_variable_asks_for_nothing(choose: Choose) -> None:
    found = choose(env={"KERAS_BACKEND": ""}, **NO_JAX)
    assert (found["name"], found["asked_by"]) == ("tensorflow", None)


def test_a_training_that_goes_on_stays_where_it_was(choose: Choose, jax: Any) -> None:
    folder = jax()
    found = choose(folder, before="tensorflow", driver=True)
    assert (found["name"], found["imported"]) == ("tensorflow", [])
    assert choose(folder, before="jax", gpu_allowed=False)["name"] == "jax"
    assert choose(before="jax", **NO_JAX)["name"] == "tensorflow"
    assert choose(before="theano", **NO_JAX)["name"] == "tensorflow"
    assert choose(folder, before="jax", option="tensorflow")["name"] == "tensorflow"


IMPORTED = """
import keras
from cifarcnn import engine
from cifarcnn.errors import DeviceError
real = keras.config.backend
for found, asked in (("torch", None), (None, "jax"), (None, "auto"), (None, None)):
    keras.config.backend = (lambda: "torch") if found else real
    try:
        print(engine.start("cpu", asked).backend)
    except DeviceError as error:
        print(error)
"""


@pytest.mark.slow
def test_where_keras_is_imported_before_it_stays_on_what_it_runs_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "Keras runs on torch since it was imported in this process, but cifarcnn runs "
        "on tensorflow or jax. Start a new process.",
        "The option backend asks for jax, but Keras runs on tensorflow since it was "
        "imported in this process, and cannot change. Start a new process, or ask for "
        "tensorflow.",
        *("tensorflow", "tensorflow"),
    ], done.stderr


START = """
import os, sys
from cifarcnn import engine
from cifarcnn.errors import DeviceError
for name in sys.argv[3:]:
    sys.modules[name] = None
try:
    device = engine.start("auto", sys.argv[1] or None, configured=sys.argv[2])
    print(device.backend, device.description, sep=": ")
except DeviceError as error:
    print(error)
print(os.environ.get("KERAS_BACKEND"))
print(sys.modules.get("jax") is not None)
"""


def start(*arguments: str, **variables: str) -> list[str]:
    others = {k: v for k, v in os.environ.items() if k not in _VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", START, *arguments],
        env={**others, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_the_first_line_names_the_backend_and_the_variable_stays_the_users() -> None:
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    name = "jax" if os.path.exists("/proc/driver/nvidia/version") else "tensorflow"
    found, variable, _ = start("", "auto")
    assert found.startswith(f"{name}: ") and variable == "None"
    found, variable, imported = start("", "jax")
    assert found.startswith("jax: ") and ", JAX " in found and variable == "None"
    assert imported == "True"
    found, variable, imported = start("tensorflow", "auto", KERAS_BACKEND="jax")
    assert found.startswith("tensorflow: ") and variable == "jax"
    # Which TensorFlow would import by itself, for a second.
    assert imported == "False"
    found, *_ = start("", "auto", "tensorflow")
    assert found.startswith("jax: ") and ", JAX " in found


def test_a_backend_that_is_not_installed_is_told_by_who_asks_for_it() -> None:
    missing = "but the Python package jax is not installed. Install it, or ask for "
    said, *_ = start("jax", "auto", "jax")
    assert said == f"The option backend asks for jax, {missing}tensorflow."
    said, *_ = start("", "jax", "jax")
    assert said == f"The config's training.backend asks for jax, {missing}tensorflow."
    said, *_ = start("tensorflow", "auto", "tensorflow", "jax")
    assert said == (
        "The option backend asks for tensorflow, but the Python package tensorflow is "
        "not installed. Install it."
    )


FALL_BACK = """
import sys
from pathlib import Path
from cifarcnn.engine import nvidia_driver
nvidia_driver.ROOT = Path(sys.argv[1])
sys.path.insert(0, sys.argv[2])
from cifarcnn import engine
device = engine.start("auto")
print(device.backend, "jax" in sys.modules, device.note, sep=" | ")
# What is chosen once stays, without another look.
print(engine.start("auto") == device)
"""


@pytest.mark.slow
def test_where_jax_finds_no_card_tensorflow_starts_in_the_same_process(
    machines: Path, tmp_path: Path
) -> None:
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    (tmp_path / "jax_plugins" / "xla_cuda13").mkdir(parents=True)
    (tmp_path / "jax_plugins" / "xla_cuda13" / "__init__.py").touch()
    variables = {k: v for k, v in os.environ.items() if k not in _VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", FALL_BACK, str(machines / "True"), str(tmp_path)],
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, _ = done.stdout.splitlines()
    assert first.startswith("tensorflow | True | The GPU is not used: ")
    assert "JAX is installed for a GPU, but not used: it failed with: " in first


def test_what_a_plugin_of_jax_raises_is_told_without_a_traceback(
    machines: Path, tmp_path: Path
) -> None:
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    (tmp_path / "jax_plugins" / "xla_cuda12").mkdir(parents=True)
    (tmp_path / "jax_plugins" / "xla_cuda12" / "__init__.py").write_text(
        "def initialize():\n    raise RuntimeError('No libcudnn.so.9')\n"
    )
    script = FALL_BACK.replace('start("auto")', 'start("auto", "jax")')
    variables = {k: v for k, v in os.environ.items() if k not in _VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", script, str(machines / "True"), str(tmp_path)],
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, _ = done.stdout.splitlines()
    assert first.startswith("jax | True | The GPU is not used: ")
    assert first.endswith(" JAX says: No libcudnn.so.9.")
    assert "Traceback" not in done.stderr


def test_several_devices_ask_for_jax_and_others_come_first(choose: Choose) -> None:
    asked = choose(several_devices=True)
    assert (asked["name"], asked["asked_by"]) == ("jax", "Training on several devices")
    assert asked["imported"] == []
    found = choose(several_devices=True, configured="tensorflow")
    assert found["name"] == "tensorflow"
    assert found["note"] == (
        "Training on several devices asks for jax, but the config's training.backend "
        "comes first."
    )
