"""Fixtures that every part of the tests may use."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Started in the background, where shells have SIGINT ignored, or by nohup, which has
# SIGHUP ignored; the program honours that, so its tests need what a terminal gives.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# As whoever runs the tests has it. They promise equal bits and say "cpu", so that all
# of them, and what they start, see no GPU but where this is given to a process.
_GPU_ENVIRONMENT = dict(os.environ)
os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}


@pytest.fixture(scope="session")
def gpu_environment(_no_sklearn_in_other_processes: None) -> Mapping[str, str]:
    """The environment variables of a process that may use a GPU."""
    return {**_GPU_ENVIRONMENT, "PYTHONPATH": os.environ["PYTHONPATH"]}


def _put_slow_files_first(items: list[pytest.Item]) -> None:
    """Put files with slow tests first in each of the halves that two workers get.

    Then what they take from each other in the end is short.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow, quick = [], []
    for tests in files.values():
        is_slow = any(item.get_closest_marker("slow") for item in tests)
        (slow if is_slow else quick).append(tests)
    halves = [[item for tests in slow[half::2] for item in tests] for half in (0, 1)]
    rest = [item for tests in quick for item in tests]
    room = max(len(items) // 2 - len(halves[0]), 0)
    items[:] = [*halves[0], *rest[:room], *halves[1], *rest[room:]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _put_slow_files_first(items)
    from cifarcnn.engine.nvidia_driver import has_nvidia_driver

    hidden = _GPU_ENVIRONMENT.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
    if has_nvidia_driver() and not hidden:
        return
    skip = pytest.mark.skip(reason="no NVIDIA GPU is visible here")
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of decoded arrays for the whole session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or makes the secret of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data-home")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_sklearn_in_other_processes() -> Iterator[None]:
    """What the tests start imports no scikit-learn, a second that only Keras asks for.

    Nothing here but a test of the figures, in this process, needs it.
    """
    folder = Path(__file__).with_name("without_sklearn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield


@pytest.fixture(autouse=True)
def _own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the cache of whoever runs it."""
    monkeypatch.setenv("CIFARCNN_CACHE", str(shared_cache))
    monkeypatch.delenv("CIFARCNN_DATA", raising=False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder with the real CIFAR-10 images, in one of its forms at least."""
    from cifarcnn.data.cifar.facts import CIFAR10
    from cifarcnn.data.cifar.location import find_locations

    folder = os.environ.get("CIFARCNN_TEST_DATA")
    if not folder or not any(find_locations(CIFAR10, Path(folder))):
        pytest.skip("CIFARCNN_TEST_DATA does not name a folder with real CIFAR-10")
    return Path(folder)


# --- a trained run -------------------------------------------------------------------

TRAINED_CONFIG = """
name: small
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3, strides: 2, activation: relu}
    - BatchNormalization
    - Conv2D: {filters: 16, kernel_size: 3, strides: 2, activation: relu}
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax}
training: {epochs: 2, batch_size: 64}
"""


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Path:
    """The folder of a finished run on the synthetic data; not to be changed."""
    import cifarcnn

    folder = tmp_path_factory.mktemp("trained")
    config = folder / "small.yaml"
    config.write_text(TRAINED_CONFIG)
    run = folder / "small-1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        cifarcnn.train(cifarcnn.load_config(config), run, device="cpu")
    return run


def refuse_litert(patch: pytest.MonkeyPatch) -> None:
    """Have trainings write no ``model.tflite``, which takes longer than their steps."""
    from cifarcnn.errors import RunError

    def refuse(*arguments: Any) -> bytes:
        raise RunError("these tests do without it.")

    patch.setattr("cifarcnn.training.run_files.convert_run", refuse)


@pytest.fixture
def no_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings in this process write no ``model.tflite``."""
    refuse_litert(monkeypatch)


@dataclass(frozen=True)
class Called:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Called]:
    """Calls ``cifarcnn`` with arguments, in this process."""

    def call(*arguments: object, stdin: bytes = b"") -> Called:
        from cifarcnn.cli.main import main

        monkeypatch.setattr(sys, "argv", ["cifarcnn", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()  # what TensorFlow said while the test itself trained
        with pytest.raises(SystemExit) as left:
            main()
        captured = capfd.readouterr()
        return Called(int(left.value.code or 0), captured.out, captured.err)

    return call


# --- in a browser --------------------------------------------------------------------

_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Headless Chromium, as installed on this machine."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    # Chromium's sandbox does not work for root.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*_FLAGS, "--no-sandbox"] if root else _FLAGS
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page from disk without a network; complaints of any kind fail the test.

    Further arguments are those of a Playwright context, such as ``color_scheme``.
    """
    opened = []
    complaints: list[str] = []

    def open_page(path: Path, width: int = 1200, **settings: Any) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, offline=True, **settings
        )
        context.set_default_timeout(120_000)  # milliseconds, on a busy machine
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file:", "data:"))
                else complaints.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in opened:
        context.close()
    assert complaints == []


# --- machines that are made up: shared libraries with the names of real ones ---------

# What TensorFlow calls of the driver before it lists a card. `FAILURE` is what cuInit
# answers, `CARDS` how many there are.
DRIVER = """
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#ifndef FAILURE
#define FAILURE 0
#endif
#ifndef CARDS
#define CARDS 1
#endif
int cuInit(unsigned flags) { BEFORE; return FAILURE; }
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuDeviceGetCount(int *count) { *count = CARDS; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int length, int device)
{ strncpy(name, device ? "NVIDIA Second" : "NVIDIA Made-Up", length); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device)
{ *bytes = (size_t)24 << (30 + device); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device)
{ *value = attribute == 75 ? 8 : attribute == 76 ? 6 : 0; return 0; }
int cuDeviceGetUuid(char *uuid, int device)
{ memset(uuid, 0x1a + device, 16); return 0; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{ *flags = 0; *active = 0; return 0; }
int cuGetErrorString(int code, const char **words) { *words = "made up"; return 0; }
int cuGetErrorName(int code, const char **name) { *name = "MADE_UP"; return 0; }
"""


def compile_library(
    file: Path, source: str, needs: Sequence[Path] = (), options: Sequence[str] = ()
) -> Path:
    """A shared library of a source in C; its name for the loader is the file's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-x", "none"]
    command += [f"-Wl,-soname,{file.name}", "-Wl,--no-as-needed", *map(str, needs)]
    subprocess.run(
        [*command, *options, "-o", file], input=source, text=True, check=True
    )
    return file


@pytest.fixture(scope="session")
def _gcc() -> None:
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("needs Linux and gcc")


@pytest.fixture
def library(_gcc: None) -> Callable[..., Path]:
    return compile_library


@pytest.fixture
def driver(
    _gcc: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Puts a driver where the loader looks; options go to the compiler."""

    def make(before: str = "", *options: str) -> Path:
        folder = tmp_path / "driver"
        compile_library(
            folder / "libcuda.so.1", DRIVER, options=[f"-DBEFORE={before}", *options]
        )
        monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
        return folder

    return make


@pytest.fixture
def loaded_driver(tmp_path: Path) -> Path:
    """The root of a machine where the kernel has the driver."""
    root = tmp_path / "root"
    (root / "proc/driver/nvidia").mkdir(parents=True)
    (root / "proc/driver/nvidia/version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\n"
        "GCC version:  gcc version 12.2.0\n"
    )
    (root / "dev").mkdir()
    for name in ("nvidia0", "nvidiactl"):
        (root / "dev" / name).touch()
    return root


@pytest.fixture(scope="session")
def run_out_of_memory() -> Callable[..., Any]:
    """Raises what Keras's backend raises for want of memory.

    It is asked for more than can be counted in bytes: for what could be there
    TensorFlow waits ten seconds, in case somebody frees it.
    """
    from cifarcnn import engine

    engine.start("cpu")
    from keras import ops

    with pytest.raises(Exception) as caught:
        ops.zeros((2**62,))

    def fail(*arguments: Any, **named: Any) -> Any:
        raise caught.value

    return fail
