"""What TensorFlow has and Keras has not: operations, gradients, the choice of a GPU.

Whoever calls one asks before whether it is there, and has another way.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cifarcnn.engine.devices import HIDDEN_EARLIER, ChosenGpu, DeviceChoice
from cifarcnn.engine.missing_gpu import explain_missing_gpu
from cifarcnn.engine.nvidia_driver import has_nvidia_driver
from cifarcnn.engine.precision import parse_compute_capability
from cifarcnn.errors import DeviceError

# Elsewhere it would cost seconds for nothing.
if keras.config.backend() == "tensorflow":
    import tensorflow as tf


def choose_gpu(device: DeviceChoice) -> ChosenGpu:
    """The GPU to use, or why there is none; see :func:`cifarcnn.engine.start`.

    Raises:
        DeviceError: A CPU is asked for, and TensorFlow uses a GPU in this process.
    """
    gpus = tf.config.list_physical_devices("GPU")
    try:
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        else:
            for gpu in gpus:
                # Without it TensorFlow takes the whole memory of the card.
                tf.config.experimental.set_memory_growth(gpu, True)
    except (RuntimeError, ValueError) as error:
        # TensorFlow fixes its devices at the first operation of a process.
        if device == "cpu" and tf.config.list_logical_devices("GPU"):
            raise DeviceError(
                "The device cpu cannot be chosen any more: TensorFlow already uses a "
                "GPU in this process. Start a new one."
            ) from error
    if device == "cpu":
        return ChosenGpu()
    if gpus and not tf.config.get_visible_devices("GPU"):
        return ChosenGpu(reason=HIDDEN_EARLIER)
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return ChosenGpu(
            str(details.get("device_name", gpus[0].name)),
            parse_compute_capability(details.get("compute_capability")),
        )
    # A machine without a card needs no explanation unless one was asked for.
    if device != "gpu" and not has_nvidia_driver():
        return ChosenGpu()
    return ChosenGpu(reason=str(explain_missing_gpu("tensorflow")))


def forbid_nondeterministic_operations() -> None:
    """As :func:`cifarcnn.engine.backend.forbid_nondeterministic_operations`."""
    tf.config.experimental.enable_op_determinism()


def has_fused_batch_norm() -> bool:
    """Whether :func:`fused_batch_norm` can be called: Keras runs on TensorFlow."""
    return bool(keras.config.backend() == "tensorflow")


def fused_batch_norm(
    maps: Any,
    gamma: Any,
    beta: Any,
    epsilon: float,
    statistics: tuple[Any, Any] | None = None,
) -> tuple[Any, Any, Any]:
    """Batch normalization of maps in one operation, forward and backward.

    On a CPU it takes a quarter to a half of the time of the separate operations that
    Keras 3 uses.

    Args:
        maps: ``(b, height, width, channels)``, float32 or of 16 bits.
        gamma: Scale, float32 ``(channels,)``.
        beta: Shift, float32 ``(channels,)``.
        epsilon: Added to the variance.
        statistics: Mean and variance to use, float32 ``(channels,)`` each; ``None``
            measures them over the batch.

    Returns:
        The normalized maps, and the mean and the variance that were used. A measured
        variance is the mean squared deviation, as in Keras's layer: TensorFlow's own
        answer, which is for ``n - 1`` of ``n`` values, is brought back to that.
    """
    mean, variance = statistics or (None, None)
    normalized, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        maps,
        gamma,
        beta,
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        is_training=statistics is None,
    )
    if statistics is None:
        shape = tf.shape(maps)
        count = tf.cast(shape[0] * shape[1] * shape[2], variance.dtype)
        # Of a single value TensorFlow divides by 1, not by 0.
        variance *= tf.maximum(count - 1, 1) / count
    return normalized, mean, variance


def has_fused_gelu() -> bool:
    """Whether :func:`fused_gelu` can be called: Keras runs on TensorFlow without a GPU.

    On a GPU the whole step is compiled, so that every activation is one operation.
    """
    return keras.config.backend() == "tensorflow" and computes_on_cpu()


def fused_gelu(values: Any) -> Any:
    """GELU, ``x * Phi(x)``, in one compiled loop forward and one backward.

    TensorFlow's own takes a dozen operations each way, and keeps the results of most of
    them for the way back; on a CPU this takes a quarter of their time. For the way back
    it keeps ``values`` alone. It computes in float32, whatever the type of ``values``.

    Args:
        values: Of any shape.

    Returns:
        The same shape and type.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def gelu(maps: Any) -> Any:
        return _run(_gelu, maps), lambda upstream: _run(_gelu_gradient, maps, upstream)

    return gelu(values)


def _gelu(values: Any) -> Any:
    exact = tf.cast(values, "float32")
    return tf.cast(exact * _normal_distribution(exact), values.dtype)


def _gelu_gradient(values: Any, upstream: Any) -> Any:
    exact = tf.cast(values, "float32")
    density = tf.exp(-0.5 * exact * exact) / math.sqrt(2 * math.pi)
    slope = _normal_distribution(exact) + exact * density
    return tf.cast(slope * tf.cast(upstream, "float32"), values.dtype)


def _normal_distribution(values: Any) -> Any:
    """Phi, how much of a normal distribution lies below."""
    return 0.5 * (1 + tf.math.erf(values * math.sqrt(0.5)))


def _run(function: Callable[..., Any], *maps: Any) -> Any:
    """A function of rows applied to maps: one trace does for every shape."""
    result = _compile(function)(*(tf.reshape(each, [-1]) for each in maps))
    result = tf.reshape(result, tf.shape(maps[0]))
    result.set_shape(maps[0].shape)
    return result


@cache
def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    # XLA compiles convolutions badly for CPUs, but such loops well.
    options = {"jit_compile": True, "reduce_retracing": True, "autograph": False}
    compiled: Callable[..., Any] = tf.function(function, **options)
    return compiled


def repeat_steps(
    step: Callable[[Any, Any], Any],
    results: Callable[[], Any],
    jit_compile: bool,
) -> Callable[[Any, int, int], Any]:
    """A range of steps; see :func:`cifarcnn.engine.backend.repeat_steps`."""

    def repeat(numbers: Any, first: Any, end: Any) -> Any:
        def body(number: Any) -> Any:
            step(numbers, number)
            return (number + 1,)

        tf.while_loop(lambda number: number < end, body, (first,))
        return results()

    traced: list[Any] = []

    def run(numbers: Any, first: int, end: int) -> Any:
        given = numbers, tf.constant(first, "int32"), tf.constant(end, "int32")
        if not traced:
            function = tf.function(repeat, jit_compile=jit_compile, autograph=False)
            # Said to be traced, else TensorFlow warns after five trainings.
            traced.append(function.get_concrete_function(*given))
        return traced[0](*given)

    return run


def tape_gradient(
    function: Callable[[Any], Any], at: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """The gradient of ``function``; see :func:`cifarcnn.engine.backend.gradient`."""
    values = tf.convert_to_tensor(at)
    with tf.GradientTape() as tape:
        tape.watch(values)
        result = function(values)
    unconnected = tf.UnconnectedGradients.ZERO
    found = tape.gradient(result, values, unconnected_gradients=unconnected)
    gradient: np.ndarray[Any, Any] = found.numpy()
    return gradient


@contextlib.contextmanager
def functions_inlined() -> Iterator[None]:
    """Have what is traced hold no functions that XLA must compile.

    Keras computes grouped convolutions with such ones on a CPU, for the sake of their
    gradients. Converters and servers without XLA do not know them; without gradients
    TensorFlow's own operation does.
    """
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def save_signature(path: Path, model: keras.Model, taken: str, given: str) -> None:
    """Write a model as a SavedModel with one signature, ``serving_default``.

    Args:
        path: Of its folder, which is made.
        model: From uint8 ``(n, height, width, 3)`` to ``(n, classes)``.
        taken: The name of the signature's input.
        given: The name of its output.
    """

    def answer(images: Any) -> Any:
        return {given: model(images, training=False)}

    spec = tf.TensorSpec(model.input_shape, "uint8", name=taken)
    saved = tf.Module()
    saved.variables_of_model = [variable.value for variable in model.variables]
    saved.serve = tf.function(answer, input_signature=[spec], autograph=False)
    with functions_inlined():
        signature = saved.serve.get_concrete_function()
    tf.saved_model.save(saved, str(path), signatures=signature)


def load_signature(path: Path, taken: str, given: str) -> Callable[[Any], Any]:
    """What a SavedModel answers as TensorFlow Serving asks it, on the CPU.

    Args:
        path: Of its folder, written by this program.
        taken: The name of the input of its signature ``serving_default``.
        given: The name of the output.

    Returns:
        From an array to an array.
    """
    with tf.device("/CPU:0"):
        loaded = tf.saved_model.load(str(path))

    def answer(batch: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        # By way of `loaded`, which is to live as long: it has the weights.
        signature = loaded.signatures["serving_default"]
        with tf.device("/CPU:0"):
            result = signature(**{taken: tf.constant(batch)})[given]
        return np.asarray(result)

    return answer


def computes_on_cpu() -> bool:
    """Whether there is no GPU that operations would run on."""
    return not tf.config.get_visible_devices("GPU")


def peak_gpu_memory() -> int:
    """The most bytes that tensors have taken on the first GPU at any time."""
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def take_over(array: np.ndarray[Any, Any]) -> Any:
    """A tensor of the CPU in the memory of an array.

    ``tf.convert_to_tensor`` copies, which takes as long as to gather the array.
    """
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
