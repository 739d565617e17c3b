"""Keras on a device: what only the framework below Keras can do stands here."""

from __future__ import annotations

from cifarcnn.engine.devices import (
    Device,
    DeviceChoice,
    GpuFacts,
    describe_failed_operation,
    explain_missing_gpu,
    start,
)
from cifarcnn.engine.gradients import gradient
from cifarcnn.engine.memory import free_memory, is_out_of_memory
from cifarcnn.engine.precision import choose_precision
from cifarcnn.engine.tensorflow_only import (
    fused_batch_norm,
    fused_gelu,
    has_fused_batch_norm,
    has_fused_gelu,
)

__all__ = [
    "Device",
    "DeviceChoice",
    "GpuFacts",
    "choose_precision",
    "describe_failed_operation",
    "explain_missing_gpu",
    "free_memory",
    "fused_batch_norm",
    "fused_gelu",
    "gradient",
    "has_fused_batch_norm",
    "is_out_of_memory",
    "has_fused_gelu",
    "start",
]
