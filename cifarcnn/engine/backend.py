"""What the backends of Keras do each in its own way: devices, and gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from cifarcnn.engine import tensorflow_only
from cifarcnn.engine.devices import ChosenGpu, DeviceChoice
from cifarcnn.engine.precision import parse_compute_capability
from cifarcnn.errors import first_line

if keras.config.backend() == "jax":
    import jax


def reset_settings() -> str:
    """Set what a file in the home folder can change to Keras's own defaults.

    Returns:
        Keras's name of the backend that it runs on.
    """
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    return str(keras.config.backend())


def choose_gpu(device: DeviceChoice) -> ChosenGpu:
    """The GPU to use, or why there is none.

    Raises:
        DeviceError: A CPU is asked for, and TensorFlow uses a GPU in this process.
    """
    backend = keras.config.backend()
    if backend == "tensorflow":
        return tensorflow_only.choose_gpu(device)
    gpus: list[str] = []
    if device != "cpu":
        # Without a GPU, JAX raises where TensorFlow gives an empty list.
        with contextlib.suppress(RuntimeError):
            gpus = keras.distribution.list_devices("gpu")
    if gpus:
        # What JAX says of other makers' GPUs is not there, or not a number.
        found = getattr(jax.devices()[0], "compute_capability", None)
        return ChosenGpu(str(gpus[0]), parse_compute_capability(found))
    if device == "gpu":
        reason = (
            f"Keras's backend {backend} lists none. Install its CUDA variant, or unset "
            "KERAS_BACKEND to use TensorFlow."
        )
        return ChosenGpu(reason=reason)
    return ChosenGpu()


def forbid_nondeterministic_operations() -> None:
    """Have what XLA does not compile give the same bits each time, or an error."""
    # On JAX there is nothing else.
    if keras.config.backend() == "tensorflow":
        tensorflow_only.forbid_nondeterministic_operations()


def try_convolution() -> str | None:
    """Run a 3x3 convolution over ones, which gives nines; what is wrong, if any."""
    try:
        image = keras.ops.ones((1, 4, 4, 1), dtype="float32")
        kernel = keras.ops.ones((3, 3, 1, 1), dtype="float32")
        result = keras.ops.convert_to_numpy(
            keras.ops.conv(image, kernel, padding="valid")
        )
    except Exception as error:
        # Whatever a broken driver or library raises here, the user needs its text.
        return f"it failed with: {first_line(error)}"
    return None if (result == 9.0).all() else f"it gave {result.ravel()[0]}"


def gradient(
    function: Callable[[Any], Any], at: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """How a number changes with each of the values that it is computed from.

    Args:
        function: Tensor to a tensor that holds one number; of ``keras.ops`` and layers.
        at: float32, where.

    Returns:
        float32, of the shape of ``at``; zeros when the number does not depend on it.
    """
    if keras.config.backend() == "tensorflow":
        return tensorflow_only.tape_gradient(function, at)
    return np.asarray(jax.grad(function)(keras.ops.convert_to_tensor(at)))
