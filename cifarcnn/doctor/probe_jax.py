"""JAX in a process of its own: the GPUs that it sees, or a small convolution.

``python -m cifarcnn.doctor.probe_jax devices``, or a platform and the number of a
device, such as ``cpu:0``.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from cifarcnn.doctor.probe import (
    INPUT_SHAPE,
    KERNEL_SHAPE,
    WEIGHT,
    Probe,
    time_convolution,
)
from cifarcnn.errors import first_line


def main(probe: Probe, what: str) -> dict[str, Any]:
    """The GPUs, or the times of a convolution on a device."""
    # Else JAX takes three quarters of the memory of the card.
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    probe.stage("import")
    import jax

    probe.stage("devices")
    if what == "devices":
        devices, said = [], None
        try:
            devices = [each for each in jax.devices() if each.platform == "gpu"]
        except Exception as error:
            # Of several kinds, where JAX_PLATFORMS names what is not there.
            said = f"{type(error).__name__}: {first_line(error)}"
        return {
            "said": said,
            "gpus": [
                {
                    "name": device.device_kind,
                    "compute_capability": getattr(device, "compute_capability", None),
                }
                for device in devices
            ],
        }
    platform, _, number = what.partition(":")
    device = jax.devices(platform)[int(number)]
    probe.stage("convolution")
    with jax.default_device(device):
        images = jax.numpy.ones(INPUT_SHAPE)
        kernel = jax.numpy.full(KERNEL_SHAPE, WEIGHT)
        order = ("NHWC", "HWIO", "NHWC")
        convolve = jax.jit(
            lambda maps: jax.lax.conv_general_dilated(
                maps, kernel, (1, 1), "VALID", dimension_numbers=order
            )
        )
        return time_convolution(lambda: convolve(images)[0, 0, 0, 0])


if __name__ == "__main__":
    probe = Probe()
    probe.run(lambda: main(probe, sys.argv[1]))
