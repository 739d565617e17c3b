"""Whether XLA compiles the steps of a training, and the time that it takes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from cifarcnn.engine import Device, compilation_cache
from cifarcnn.errors import UsageError
from cifarcnn.literals import JitCompile
from cifarcnn.training.observer import Observer


def uses_xla(choice: JitCompile, device: Device, deterministic: bool = False) -> bool:
    """Whether the steps of a training are compiled by XLA (``training.jit_compile``).

    Said outright: Keras would decide it by the devices of the machine, used or not.

    Raises:
        UsageError: They are to be, which TensorFlow cannot do on several devices, nor
            where they are to give the same bits each time on a GPU.
    """
    if device.backend != "tensorflow":
        return True
    if device.count > 1:
        if choice is True:
            raise UsageError(
                "On TensorFlow XLA cannot compile steps that several devices do "
                "together. Leave training.jit_compile at auto, or train on JAX "
                "(--backend jax)."
            )
        return False
    if deterministic and device.kind == "gpu":
        if choice is True:
            raise UsageError(
                "On a GPU TensorFlow cannot keep training.deterministic in steps that "
                "XLA compiles. Leave training.jit_compile at auto, or train on Keras's "
                "other backend (--backend jax)."
            )
        return False
    return device.kind == "gpu" if choice == "auto" else choice


@contextlib.contextmanager
def compilation_told(observer: Observer, by_xla: bool) -> Iterator[None]:
    """Tell of what is compiled inside, and have it found by the next process.

    Args:
        observer: Is told.
        by_xla: Whether XLA compiles; the backend itself is done at once.
    """
    start = time.perf_counter()
    if by_xla:
        observer.compilation_started()
    yield
    # Now, for the process may be killed before its end.
    compilation_cache.seal()
    if by_xla:
        observer.compilation_ended(time.perf_counter() - start)
