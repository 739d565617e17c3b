from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.doctor import child
from cifarcnn.doctor.gpus import ask_for_devices
from cifarcnn.doctor.section import Finding
from cifarcnn.doctor.trials import cpu_works, examine_convolutions, examine_training
from cifarcnn.installed import find_module

Stub = Callable[[str, str], Path]
# A TensorFlow of a machine with three cards: the second crashes, the third errs.
TENSORFLOW = """
import contextlib, os, signal
from types import SimpleNamespace as Namespace

grown = []
config = Namespace(
    list_physical_devices=lambda kind: [1, 2, 3],
    experimental=Namespace(set_memory_growth=lambda card, grow: grown.append(card)),
)

@contextlib.contextmanager
def device(name):
    global answer
    assert grown == [1, 2, 3]
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == "-1"
    assert hidden == (name == "/CPU:0")
    if name == "/GPU:1":
        os.kill(os.getpid(), signal.SIGSEGV)
    answer = 8.0 if name == "/GPU:2" else 9.0
    yield

def ones(shape): assert shape == (64, 34, 34, 32)
def fill(shape, value): assert (shape, value) == ((3, 3, 32, 32), 1 / 32)

class Maps:
    def __getitem__(self, place): return Namespace(numpy=lambda: answer)

nn = Namespace(conv2d=lambda images, kernel, strides, padding: Maps())
"""


def test_each_device_is_tried_in_a_process_of_its_own(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    stub("tensorflow", TENSORFLOW)
    gpus = [{"name": "NVIDIA X"}] * 3
    section = examine_convolutions({"tensorflow": gpus})
    names = [(fact["backend"], fact["device"]) for fact in section.facts]
    assert names == [
        ("tensorflow", device) for device in ("CPU", "GPU 0", "GPU 1", "GPU 2")
    ]
    for fact in section.facts[:2]:
        assert fact["problem"] is None
        assert 0 <= fact["median_milliseconds"] < 1000 * fact["process_seconds"]
        assert 0 <= fact["first_milliseconds"] < 1000 * fact["process_seconds"]
    again = "pip install 'cifarcnn[gpu]'"
    crash = "TensorFlow on GPU 1 crashed in a small convolution: Segmentation fault."
    error = (
        "TensorFlow on GPU 2 failed in a small convolution: ValueError: it gave 8 in "
        "place of 9."
    )
    assert section.findings == [Finding(crash, again), Finding(error, again)]
    assert section.facts[2]["problem"] == crash
    assert section.facts[2]["median_milliseconds"] is None
    assert len({tuple(sorted(fact)) for fact in section.facts}) == 1
    assert cpu_works(section)
    assert section.lines[2:] == [
        ("TensorFlow, GPU 1", crash),
        ("TensorFlow, GPU 2", error),
    ]


@pytest.mark.slow
def test_a_library_that_hangs_is_given_up(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "LIMIT_SECONDS", 3)
    stub("jax", "import time; time.sleep(300)")
    section = examine_convolutions({"jax": []})
    message = (
        "JAX on CPU gave no answer within 3 seconds when it was imported, and was "
        "ended."
    )
    assert section.findings == [Finding(message)]
    assert section.facts[0]["process_seconds"] >= 3


def test_without_any_library_nothing_is_tried() -> None:
    section = examine_convolutions({})
    assert section.facts == []
    assert section.lines == [
        ("", "not tried: neither TensorFlow nor JAX can be imported")
    ]
    assert not cpu_works(section)


def test_a_training_that_cannot_start_says_why(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub("keras", "raise ImportError('wrong architecture')")
    monkeypatch.setenv("KERAS_BACKEND", "garbage")
    section = examine_training(False)
    message = (
        "The environment variable KERAS_BACKEND asks for 'garbage', but cifarcnn runs "
        "on tensorflow or jax. Unset it, or name one of these."
    )
    assert section.findings == [Finding(message, "unset KERAS_BACKEND")]
    nothing = ("backend", "backend_reason", "description", "note", "precision_auto")
    assert section.facts == {
        **dict.fromkeys(nothing),
        "problem": message,
        "device": None,
    }
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    (finding,) = examine_training(True).findings
    assert finding == Finding(
        "A training failed when it was started: ImportError: wrong architecture.",
        "python -m pip install --force-reinstall keras",
    )


@pytest.mark.slow
def test_a_training_on_the_cpu_is_offered_where_the_other_device_fails(
    stub: Stub,
) -> None:
    folder = stub("keras_stub", "")
    # As if a card were listed that does not compute.
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "from cifarcnn import engine\n"
        "from cifarcnn.errors import DeviceError\n"
        "if sys.argv[-1] == 'auto':\n"
        "    def start(device):\n"
        "        raise DeviceError('The GPU NVIDIA X does not compute.')\n"
        "    engine.start = start\n"
    )
    section = examine_training(True)
    assert section.findings == [Finding("The GPU NVIDIA X does not compute.")]
    assert section.facts["device"] == "cpu"
    assert section.facts["backend_reason"]
    assert section.facts["problem"] == "The GPU NVIDIA X does not compute."
    assert section.lines[-1] == ("CPU", "works with: cifarcnn train --device cpu")


@pytest.mark.slow
def test_jax_computes_on_the_cpu_whatever_the_environment_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not find_module("jax"):
        pytest.skip("JAX is not installed")
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    (fact,) = examine_convolutions({"jax": []}).facts
    assert fact["problem"] is None
    assert fact["median_milliseconds"] > 0
    result = ask_for_devices("jax")
    assert result.answer["gpus"] or result.answer["said"]
