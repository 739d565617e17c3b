"""Which numbers a device computes a training step with fastest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cifarcnn.engine.devices import Device

Policy = Literal["float32", "mixed_bfloat16", "mixed_float16"]
# Without one of these a CPU takes bfloat16 apart, and is several times slower.
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_CPU_FACTS = Path("/proc/cpuinfo")


def choose_precision(
    choice: Literal["float32", "mixed_bfloat16", "mixed_float16", "auto"],
    device: Device,
) -> Policy:
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
        return precision_of_gpu(_compute_capability())
    import keras

    if keras.config.backend() != "tensorflow":
        return "float32"
    return precision_of_cpu(_CPU_FACTS)


def precision_of_gpu(capability: tuple[int, int] | None) -> Policy:
    """The fast precision of a GPU by its compute capability; ``None``: unknown."""
    if capability is None or capability < (7, 0):
        return "float32"
    return "mixed_bfloat16" if capability >= (8, 0) else "mixed_float16"


def precision_of_cpu(facts: Path) -> Policy:
    """The fast precision of a CPU.

    Args:
        facts: A file like Linux's ``/proc/cpuinfo``; where it is missing nothing is
            known, and float32 is right everywhere.
    """
    try:
        text = facts.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "float32"
    for line in text.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            fast = _BFLOAT16_FLAGS & set(flags.split())
            return "mixed_bfloat16" if fast else "float32"
    return "float32"


def _compute_capability() -> tuple[int, int] | None:
    """Of the first GPU; ``None`` where the backend does not say."""
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.get_visible_devices("GPU")
        details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
        return _as_pair(details.get("compute_capability"))
    if keras.config.backend() == "jax":
        import jax

        return _as_pair(getattr(jax.devices()[0], "compute_capability", None))
    return None


def _as_pair(value: Any) -> tuple[int, int] | None:
    """``(8, 0)`` or ``"8.0"`` as two numbers."""
    parts = str(value).split(".") if isinstance(value, str) else list(value or ())
    numbers = [int(part) for part in parts if str(part).isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None
