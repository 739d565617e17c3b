"""Which numbers a device computes a training step with fastest."""

from __future__ import annotations

from typing import Any

from cifarcnn.cpu import read_cpu_info
from cifarcnn.engine.devices import Device
from cifarcnn.literals import Policy, Precision

# Without one of these a CPU takes bfloat16 apart, and is several times slower.
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def choose_precision(choice: Precision, device: Device) -> Policy:
    """Keras's name of the precision to train with.

    Args:
        choice: ``auto`` takes bfloat16 on an NVIDIA GPU of compute capability 8.0 or
            more and float16 from 7.0 on, where each became fast; bfloat16 on a CPU
            with instructions for it, under TensorFlow; else float32. Every other
            choice is the answer.
        device: What Keras was started on.
    """
    if choice != "auto":
        return choice
    if device.kind == "gpu":
        # Nothing is known of some: float32 is right everywhere.
        capability = device.compute_capability or (0, 0)
        if capability >= (8, 0):
            return "mixed_bfloat16"
        return "mixed_float16" if capability >= (7, 0) else "float32"
    flags = read_cpu_info("flags").split()
    fast = device.backend == "tensorflow" and _BFLOAT16_FLAGS & set(flags)
    return "mixed_bfloat16" if fast else "float32"


def parse_compute_capability(value: Any) -> tuple[int, int] | None:
    """``(8, 0)`` or ``"8.0"`` as two numbers; ``None`` for anything else."""
    parts = str(value).split(".") if isinstance(value, str) else list(value or ())
    numbers = [int(part) for part in parts if str(part).isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None
