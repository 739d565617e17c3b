"""Large arrays on their way to the device, never there or here twice."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from typing import Any

import keras
import numpy as np

from cifarcnn.engine import tensorflow_only
from cifarcnn.engine.card_memory import read_card_memory
from cifarcnn.engine.distribution import current_distribution
from cifarcnn.engine.memory import free_memory, peak_memory

if keras.config.backend() == "jax":
    import jax

# What both backends ask of memory that they take over.
_ALIGNMENT = 64


def free_device_memory(*, on_gpu: bool) -> int | None:
    """The bytes that arrays may still take on the device; ``None``: not known."""
    if not on_gpu:
        return free_memory()
    memory = read_card_memory()
    free = [] if memory is None else [memory.free_bytes]
    if keras.config.backend() == "jax":
        own = jax.local_devices()[0].memory_stats() or {}
        if os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE") != "false":
            # What the card has no more is its own already.
            free = []
        if "bytes_limit" in own:
            free.append(int(own["bytes_limit"] - own.get("bytes_in_use", 0)))
    return min(free, default=None)


def peak_device_memory() -> int | None:
    """The most bytes held at any time: by arrays on a GPU, or by the process on a CPU.

    Returns:
        ``None``: not known.
    """
    if computes_on_cpu():
        return peak_memory()
    if keras.config.backend() == "jax":
        own = jax.local_devices()[0].memory_stats() or {}
        return own.get("peak_bytes_in_use")
    return tensorflow_only.peak_gpu_memory()


def computes_on_cpu() -> bool:
    """Whether the arrays of the backend lie in the memory of the machine."""
    if keras.config.backend() == "jax":
        return bool(jax.local_devices()[0].platform == "cpu")
    return tensorflow_only.computes_on_cpu()


def join_rows(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    pieces: Iterable[tuple[int, np.ndarray[Any, Any]]],
) -> Any:
    """A tensor on the device, made piece by piece.

    Args:
        shape: ``(n, ...)``.
        dtype: Of the elements.
        pieces: ``(k, ...)`` each, with the number of its first row; all rows once.
    """
    if keras.config.backend() == "jax":
        # What JAX takes over it does not give back, as the steps do with a variable.
        table = jax.numpy.zeros(shape, dtype)
        for first, piece in pieces:
            table = _write_rows_of_jax()(table, piece, np.int32(first))
        distribution = current_distribution()
        return table if distribution is None else distribution.replicate(table)
    # TensorFlow's own ways to set rows of a variable do not serve: after scatter_update
    # each step copies all of it, and to assign to slices takes 30 times as long.
    array = empty_for_device(shape, dtype)
    for first, piece in pieces:
        array[first : first + len(piece)] = piece
    return hand_over(array)


@cache
def _write_rows_of_jax() -> Any:
    def write(table: Any, piece: Any, first: Any) -> Any:
        return jax.lax.dynamic_update_slice_in_dim(table, piece, first, axis=0)

    # The memory of the old value is that of the new one.
    return jax.jit(write, donate_argnums=0)


def empty_for_device(
    shape: tuple[int, ...], dtype: np.dtype[Any]
) -> np.ndarray[Any, Any]:
    """An array, not filled, whose memory :func:`hand_over` need not copy on a CPU."""
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def hand_over(array: np.ndarray[Any, Any]) -> Any:
    """A tensor on the device, of an array that nobody changes any more.

    Args:
        array: From :func:`empty_for_device`.
    """
    if not computes_on_cpu():
        return keras.ops.convert_to_tensor(array)
    if keras.config.backend() == "jax":
        return jax.dlpack.from_dlpack(array)
    return tensorflow_only.take_over(array)
