"""TensorFlow in a process of its own: the GPUs that it sees, or a small convolution.

``python -m cifarcnn.doctor.probe_tensorflow devices``, or the name of a device, such as
``/CPU:0``.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from cifarcnn.doctor.probe import (
    INPUT_SHAPE,
    KERNEL_SHAPE,
    WEIGHT,
    Probe,
    time_convolution,
)
from cifarcnn.engine.cuda_libraries import load_cuda_libraries, load_libraries_for
from cifarcnn.engine.nvidia_driver import has_nvidia_driver


def main(probe: Probe, what: str) -> dict[str, Any]:
    """The GPUs, or the times of a convolution on a device."""
    probe.stage("libraries")
    load_libraries_for("cpu" if what == "/CPU:0" else "auto")
    probe.stage("import")
    import tensorflow as tf

    probe.stage("devices")
    gpus = tf.config.list_physical_devices("GPU")
    if what == "devices":
        libraries = load_cuda_libraries() if has_nvidia_driver() else ()
        details = map(tf.config.experimental.get_device_details, gpus)
        return {
            "libraries": [asdict(each) for each in libraries],
            "gpus": [
                {
                    "name": found.get("device_name", gpu.name),
                    "compute_capability": found.get("compute_capability"),
                }
                for gpu, found in zip(gpus, details, strict=True)
            ],
        }
    for gpu in gpus:
        # Without it TensorFlow takes the whole memory of the card.
        tf.config.experimental.set_memory_growth(gpu, True)
    probe.stage("convolution")
    with tf.device(what):
        images = tf.ones(INPUT_SHAPE)
        kernel = tf.fill(KERNEL_SHAPE, WEIGHT)
        return time_convolution(
            lambda: tf.nn.conv2d(images, kernel, 1, "VALID")[0, 0, 0, 0].numpy()
        )


if __name__ == "__main__":
    probe = Probe()
    probe.run(lambda: main(probe, sys.argv[1]))
