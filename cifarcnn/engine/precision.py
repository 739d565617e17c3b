"""Which numbers a device computes a training step with fastest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cifarcnn.cpu import CPU_INFO, read_cpu_info
from cifarcnn.engine.devices import Device
from cifarcnn.literals import Policy as Policy
from cifarcnn.literals import Precision

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
        return precision_of_gpu(device.compute_capability)
    return precision_of_cpu(CPU_INFO) if device.backend == "tensorflow" else "float32"


def precision_of_gpu(capability: tuple[int, int] | None) -> Policy:
    """The fast precision of a GPU by its compute capability; ``None``: unknown."""
    if capability is None or capability < (7, 0):
        return "float32"
    return "mixed_bfloat16" if capability >= (8, 0) else "mixed_float16"


def precision_of_cpu(cpu_info: Path) -> Policy:
    """The fast precision of a CPU.

    Args:
        cpu_info: A file like Linux's ``/proc/cpuinfo``; where it is missing nothing is
            known, and float32 is right everywhere.
    """
    flags = read_cpu_info("flags", cpu_info).split()
    return "mixed_bfloat16" if _BFLOAT16_FLAGS & set(flags) else "float32"


def parse_compute_capability(value: Any) -> tuple[int, int] | None:
    """``(8, 0)`` or ``"8.0"`` as two numbers; ``None`` for anything else."""
    parts = str(value).split(".") if isinstance(value, str) else list(value or ())
    numbers = [int(part) for part in parts if str(part).isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None
