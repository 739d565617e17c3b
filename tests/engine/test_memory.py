"""What is left of the memory, read from files like the system's own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.engine.memory import (
    describe_out_of_memory,
    free_memory,
    is_out_of_memory,
    peak_memory,
)

GIB = 1024**3


def write(root: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


MACHINE = {
    "proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 4194304 kB\nSwapFree: 1048576 kB"
}


def test_of_a_machine_it_is_what_is_available_and_the_swap(tmp_path: Path):
    assert free_memory(write(tmp_path, MACHINE)) == 5 * GIB


def test_a_system_that_does_not_say_gives_nothing(tmp_path: Path):
    assert free_memory(tmp_path) is None


GROUP = "docker/1234"
SECOND = {
    "proc/self/cgroup": f"0::/{GROUP}",
    "sys/fs/cgroup/docker/memory.max": "max",
    "sys/fs/cgroup/docker/memory.current": 3 * GIB,
    f"sys/fs/cgroup/{GROUP}/memory.max": 2 * GIB,
    f"sys/fs/cgroup/{GROUP}/memory.current": GIB,
    # Files that were read stay in the memory only as long as nobody else needs it.
    f"sys/fs/cgroup/{GROUP}/memory.stat": (
        f"anon 1\ninactive_file {GIB // 4}\nactive_file {GIB // 4}"
    ),
}
FIRST = {
    "proc/self/cgroup": f"8:memory:/{GROUP}\n1:cpu:/",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": 2**63 - 4096,
    "sys/fs/cgroup/memory/memory.usage_in_bytes": GIB,
    f"sys/fs/cgroup/memory/{GROUP}/memory.limit_in_bytes": 2 * GIB,
    f"sys/fs/cgroup/memory/{GROUP}/memory.usage_in_bytes": GIB // 2,
}
# As in a container, which sees its own group as the root of all.
INSIDE = {
    "proc/self/cgroup": "0::/",
    "sys/fs/cgroup/memory.max": GIB,
    "sys/fs/cgroup/memory.current": 2 * GIB,
}


@pytest.mark.parametrize(
    ("group", "free"), [(SECOND, 1.5 * GIB), (FIRST, 1.5 * GIB), (INSIDE, 0)]
)
def test_a_control_group_may_leave_less(
    tmp_path: Path, group: dict[str, object], free: float
):
    assert free_memory(write(tmp_path, {**MACHINE, **group})) == free


def test_a_control_group_without_a_limit_says_nothing(tmp_path: Path):
    unlimited = {name: value for name, value in FIRST.items() if GROUP not in name}
    assert free_memory(write(tmp_path, unlimited)) is None


def test_a_limit_of_the_process_may_leave_less():
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (GIB, GIB))

    code = "from cifarcnn.engine.memory import free_memory; print(free_memory())"
    done = subprocess.run(
        [sys.executable, "-c", code], preexec_fn=limit, capture_output=True, text=True
    )
    assert 0 < int(done.stdout) < GIB, done.stderr


def test_what_engines_raise_is_known():
    from tensorflow.errors import InvalidArgumentError, ResourceExhaustedError

    # TensorFlow waits for ten seconds before it raises the first one by itself.
    assert is_out_of_memory(ResourceExhaustedError(None, None, "OOM when allocating"))
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory"))
    with pytest.raises(MemoryError) as refused:
        np.zeros(2**50)
    assert is_out_of_memory(refused.value)
    assert not is_out_of_memory(InvalidArgumentError(None, None, "something else"))


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_what_jax_raises_for_want_of_it_means_it():
    script = (
        "import jax\n"
        "from cifarcnn.engine import is_out_of_memory\n"
        "try:\n    jax.numpy.zeros(10**13).block_until_ready()\n"
        "except Exception as error:\n    print(is_out_of_memory(error))\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize(
    "words",
    [
        "INTERNAL: failed to call cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY: out of memory",
        "Failed with CUDNN_STATUS_ALLOC_FAILED at cuda_dnn.cc",
        "failed to create cublas handle: CUBLAS_STATUS_ALLOC_FAILED",
    ],
)
def test_what_the_libraries_of_cuda_say_of_it_means_it(words: str):
    from tensorflow.errors import InternalError

    assert is_out_of_memory(InternalError(None, None, words))
    assert is_out_of_memory(RuntimeError(words))


@pytest.mark.parametrize(
    "words",
    [
        "DNN library initialization failed. Look at the errors above for more details.",
        "Could not create cudnn handle: CUDNN_STATUS_INTERNAL_ERROR",
        "failed to create cublas handle: the resource allocation failed",
        "No BLAS support in stream.",
    ],
)
def test_a_library_that_does_not_start_means_it_where_the_card_is_full(
    words: str, card: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    from tensorflow.errors import InternalError

    error = InternalError(None, None, words)
    assert not is_out_of_memory(error)
    card("81559, 12")
    assert is_out_of_memory(error)
    assert not is_out_of_memory(InternalError(None, None, "something else"))
    tools = Path(os.environ["PATH"].partition(":")[0])
    (tools / "memory").write_text("81559, 81000\n")
    assert not is_out_of_memory(error)


def test_the_sentence_names_who_else_holds_the_card(card: Callable[..., None]):
    error = RuntimeError("RESOURCE_EXHAUSTED: Out of memory")
    purpose = "for a batch of 8 pictures"
    assert describe_out_of_memory(error, purpose, on_gpu=True) == (
        "The memory of the GPU is not enough for a batch of 8 pictures."
    )
    card("81559, 12", f"{os.getpid()}, 900, python3", "17, 76000, ollama")
    assert describe_out_of_memory(error, purpose, on_gpu=True) == (
        "The memory of the GPU is not enough for a batch of 8 pictures; process 17 "
        "(ollama) holds 79.7 GB of 85.5, which its end would free."
    )
    plain = "The memory is not enough for a batch of 8 pictures."
    assert describe_out_of_memory(error, purpose, on_gpu=False) == plain
    assert describe_out_of_memory(MemoryError(), purpose, on_gpu=True) == plain


def test_the_most_that_this_process_held_is_what_the_system_says(tmp_path: Path):
    made_up = {"proc/self/status": "Name: python\nVmHWM:  2048 kB\nVmRSS: 1024 kB"}
    assert peak_memory(write(tmp_path, made_up)) == 2048 * 1024
    assert peak_memory(tmp_path / "nothing") is None
    if sys.platform == "linux":
        held = bytearray(50_000_000)
        held[::4096] = b"x" * len(held[::4096])
        assert len(held) < (peak_memory() or 0) < 100 * GIB
