from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.doctor.child import ProbeResult
from cifarcnn.doctor.gpus import (
    ask_for_devices,
    examine_backend,
    examine_cuda_libraries,
    examine_nvidia,
)
from cifarcnn.doctor.section import Finding, Section
from cifarcnn.engine.machine import Machine
from cifarcnn.engine.nvidia_driver import Card, Driver

Stub = Callable[[str, str], Path]
NO_DRIVER = Machine(has_driver=False, has_device_files=False)
CARD = Card("NVIDIA X", 80_000_000_000, (9, 0), "GPU-1")
WELL = Machine(
    driver_version="580.95.05",
    driver=Driver((13, 0), (CARD, Card("NVIDIA Y", 8_500_000_000, (7, 5), "GPU-2"))),
)
SEES = ProbeResult({"gpus": [{"name": "NVIDIA X", "compute_capability": [9, 0]}]})
SEES_NONE = ProbeResult({"gpus": [], "libraries": []})
LIBRARIES = [
    {"name": "libcudnn.so.9", "package": "nvidia-cudnn-cu12", "path": "/env/cudnn.so.9",
     "error": None, "required": True},
    {"name": "libcusolver.so.11", "package": "nvidia-cusolver-cu12", "path": None,
     "error": "file too short", "required": True},
    {"name": "libcufft.so.11", "package": "nvidia-cufft-cu12", "path": None,
     "error": None, "required": True},
]  # fmt: skip


# What a probe asks TensorFlow for, of a machine with two cards.
TENSORFLOW = """
from types import SimpleNamespace as Namespace

cards = [Namespace(name="/physical_device:GPU:0"), Namespace(name="/GPU:1")]
details = {"device_name": "NVIDIA X", "compute_capability": (8, 6)}
config = Namespace(
    list_physical_devices=lambda kind: cards,
    experimental=Namespace(
        get_device_details=lambda card: details if card is cards[0] else {},
        set_memory_growth=lambda card, grow: None,
    ),
)
"""


def test_the_cards_are_told_with_what_is_free_on_them(
    smi: Callable[[str], None],
) -> None:
    smi("echo 'GPU-2, 100'; echo 'GPU-1, [N/A]'; echo 'Warning: old, driver, x'")
    section = examine_nvidia(WELL)
    assert section.facts == {
        "driver_loaded": True,
        "driver_version": "580.95.05",
        "cuda_version": [13, 0],
        "hidden": False,
        "cards": [
            {
                "name": "NVIDIA X",
                "memory_bytes": 80_000_000_000,
                "free_memory_bytes": None,
                "compute_capability": [9, 0],
            },
            {
                "name": "NVIDIA Y",
                "memory_bytes": 8_500_000_000,
                "free_memory_bytes": 104_857_600,
                "compute_capability": [7, 5],
            },
        ],
        "problem": None,
    }
    assert section.lines == [
        ("driver", "580.95.05"),
        ("CUDA", "up to 13.0"),
        ("card 0", "NVIDIA X, 80.0 GB, compute capability 9.0"),
        ("card 1", "NVIDIA Y, 8.5 GB, 105 MB free, compute capability 7.5"),
    ]


@pytest.mark.parametrize("script", ["exit 9", "echo No devices were found", "kill $$"])
def test_an_nvidia_smi_that_fails_leaves_the_memory_unknown(
    smi: Callable[[str], None], script: str
) -> None:
    smi(script)
    assert examine_nvidia(WELL).facts["cards"][0]["free_memory_bytes"] is None


@pytest.mark.parametrize(
    ("machine", "lines"),
    [
        (NO_DRIVER, [("driver", "not loaded"), ("cards", "none was found")]),
        (
            Machine(has_driver=False, makers=frozenset({"NVIDIA"})),
            [("driver", "not loaded"), ("cards", "one is plugged in")],
        ),
        (
            Machine(driver=Driver(complaint="it did not answer within 30 seconds")),
            [
                ("driver", "loaded, of unknown version"),
                ("cards", "none is listed: it did not answer within 30 seconds"),
            ],
        ),
        (
            Machine(driver_version="1.2", driver=Driver(error=(999, "unknown error"))),
            [("driver", "1.2"), ("cards", "none is listed: unknown error")],
        ),
    ],
)
def test_without_cards_what_is_there_is_told(
    machine: Machine, lines: list[tuple[str, str]]
) -> None:
    assert examine_nvidia(machine).lines == lines


def test_a_backend_that_sees_a_gpu_names_it() -> None:
    section = examine_backend("tensorflow", WELL, SEES)
    assert section.facts == {
        "installed": True,
        "gpus": [{"name": "NVIDIA X", "compute_capability": [9, 0]}],
        "reason": None,
        "command": None,
        "said": None,
    }
    assert section.lines == [("GPU 0", "NVIDIA X, compute capability 9.0")]
    jax = ProbeResult({"gpus": [{"name": "NVIDIA X", "compute_capability": "9.0"}]})
    assert examine_backend("jax", WELL, jax).lines == section.lines
    other = ProbeResult({"gpus": [{"name": "gfx90a", "compute_capability": None}]})
    assert examine_backend("jax", NO_DRIVER, other).lines == [("GPU 0", "gfx90a")]


def test_a_backend_that_is_not_installed_is_nothing_to_mend() -> None:
    section = examine_backend("jax", WELL, None)
    assert section.facts["installed"] is False
    assert (section.lines, section.findings) == ([("", "not installed")], [])


def test_a_backend_that_fails_is_to_be_mended(stub: Stub) -> None:
    stub("jax", "from jax import lib")
    # JAX's own way to say so.
    stub(
        "jax/lib",
        "try:\n    import jaxlib_that_is_not_there\n"
        "except ModuleNotFoundError as error:\n"
        "    raise ModuleNotFoundError('jax requires jaxlib') from error",
    )
    section = examine_backend("jax", WELL, ask_for_devices("jax"))
    message = (
        "JAX failed when it was imported: the Python package jaxlib-that-is-not-there "
        "is not installed."
    )
    command = "python -m pip install jaxlib-that-is-not-there"
    assert section.findings == [Finding(message, command)]
    assert section.lines == [("fails", message)]
    assert (section.facts["reason"], section.facts["command"]) == (message, command)


def examine_all(
    machine: Machine, tensorflow: ProbeResult, jax: ProbeResult | None
) -> Section:
    backends = [
        examine_backend("tensorflow", machine, tensorflow),
        examine_backend("jax", machine, jax),
    ]
    return examine_cuda_libraries(machine, tensorflow, backends)


def test_where_no_backend_sees_the_card_each_says_why_and_what_mends_it() -> None:
    hidden = Machine(hidden=True, driver=WELL.driver)
    tensorflow = examine_backend("tensorflow", hidden, SEES_NONE)
    reason = "the environment variable CUDA_VISIBLE_DEVICES hides every GPU."
    ((label, text),) = tensorflow.lines
    assert (label, text.startswith(f"none: {reason} ")) == ("GPU", True)
    assert "unset CUDA_VISIBLE_DEVICES" in text
    assert tensorflow.facts["command"] == "unset CUDA_VISIBLE_DEVICES"
    assert examine_all(hidden, SEES_NONE, SEES_NONE).findings == [
        Finding(f"TensorFlow sees no GPU: {reason}", "unset CUDA_VISIBLE_DEVICES"),
        Finding(f"JAX sees no GPU: {reason}", "unset CUDA_VISIBLE_DEVICES"),
    ]


def test_what_a_backend_says_itself_of_its_gpus_is_told() -> None:
    words = (
        "W0000 00:00:1.2 34 gpu_device.cc:2342] Cannot dlopen some GPU libraries.\n"
        "I0000 00:00:1.2 34 port.cc:1] oneDNN is on, no GPU.\n"
        "2026-01-01 errors, as always\n"
    )
    said = ProbeResult({"gpus": [], "libraries": []}, stderr=words)
    section = examine_backend("tensorflow", WELL, said)
    assert section.facts["said"] == "Cannot dlopen some GPU libraries."
    assert section.lines[-1] == ("it says", "Cannot dlopen some GPU libraries.")
    # Where there is no driver, that is said already.
    assert examine_backend("tensorflow", NO_DRIVER, said).facts["said"] is None
    jax = ProbeResult({"gpus": [], "said": "Unable to initialize backend 'cuda'"})
    assert examine_backend("jax", WELL, jax).facts["said"] == (
        "Unable to initialize backend 'cuda'"
    )
    jax = ProbeResult(
        {"gpus": []}, stderr="WARNING:root:An NVIDIA GPU may be present\n"
    )
    assert examine_backend("jax", WELL, jax).facts["said"] == (
        "WARNING:root:An NVIDIA GPU may be present"
    )
    words = (
        "Jax plugin configuration error: Exception when calling jax_plugins.x()\n"
        "Traceback (most recent call last):\n"
        "RuntimeError: Unable to load cuDNN. Is it installed?\n"
    )
    said = ProbeResult({"gpus": []}, stderr=words)
    section = examine_backend("jax", WELL, said)
    assert section.facts["said"] == words.splitlines()[-1]


@pytest.mark.parametrize(
    "machine", [NO_DRIVER, Machine(system="Darwin", has_driver=False)]
)
def test_a_machine_without_a_card_has_nothing_to_mend(machine: Machine) -> None:
    assert examine_all(machine, SEES_NONE, None).findings == []


def test_a_card_that_one_backend_sees_is_enough() -> None:
    assert examine_all(WELL, SEES_NONE, SEES).findings == []


def test_a_card_without_a_driver_is_to_be_mended() -> None:
    machine = Machine(has_driver=False, makers=frozenset({"NVIDIA"}))
    (finding,) = examine_all(machine, SEES_NONE, None).findings
    assert finding.message.startswith(
        "TensorFlow sees no GPU: this machine has an NVIDIA card, but its driver is "
        "not loaded."
    )


def test_the_libraries_are_told_with_where_they_were_found() -> None:
    result = ProbeResult({"gpus": [], "libraries": LIBRARIES})
    section = examine_cuda_libraries(WELL, result, [])
    assert section.facts["libraries"] == LIBRARIES
    assert section.lines[:3] == [
        ("libcudnn.so.9", "/env/cudnn.so.9"),
        ("libcusolver.so.11", "file too short"),
        ("libcufft.so.11", "not found"),
    ]
    assert examine_cuda_libraries(NO_DRIVER, SEES_NONE, []).lines[0] == (
        "",
        "not looked for: no NVIDIA driver is loaded",
    )
    crashed = ProbeResult(stage="import", exit_code=-4)
    assert examine_cuda_libraries(WELL, crashed, []).lines[0] == (
        "",
        "TensorFlow was not asked for them, or did not answer",
    )


def test_tensorflow_is_asked_for_its_gpus_in_a_process_of_its_own(stub: Stub) -> None:
    stub("tensorflow", TENSORFLOW)
    result = ask_for_devices("tensorflow")
    assert result.answer == {
        "libraries": result.answer["libraries"],
        "gpus": [
            {"name": "NVIDIA X", "compute_capability": [8, 6]},
            {"name": "/GPU:1", "compute_capability": None},
        ],
    }
