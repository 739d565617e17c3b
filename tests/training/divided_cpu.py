"""Whether the CPU is divided into devices, as `test_devices.py` has it be."""

from __future__ import annotations

import os

import pytest

DIVIDED = "--xla_force_host_platform_device_count=4"
ON_PARTS = DIVIDED in os.environ.get("XLA_FLAGS", "")
on_parts = pytest.mark.skipif(
    not ON_PARTS,
    reason="run by test_devices.py, on a CPU divided into devices",
)
