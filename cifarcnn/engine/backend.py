"""What the backends of Keras do each in its own way: devices, and gradients."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from cifarcnn.engine import mirrored_strategy, tensorflow_only
from cifarcnn.engine.backend_choice import collect_refusals, join_notes
from cifarcnn.engine.devices import HIDDEN_EARLIER, ChosenGpu, DeviceChoice
from cifarcnn.engine.distribution import compile_distributed, current_distribution
from cifarcnn.engine.hidden_module import module_hidden
from cifarcnn.engine.memory import describe_out_of_memory, is_out_of_memory
from cifarcnn.engine.missing_gpu import explain_missing_gpu
from cifarcnn.engine.nvidia_driver import has_nvidia_driver
from cifarcnn.engine.precision import parse_compute_capability
from cifarcnn.errors import DeviceError, first_line
from cifarcnn.literals import DeviceCount

if keras.config.backend() == "jax":
    import jax


def reset_settings() -> None:
    """Set what a file in the home folder can change to Keras's own defaults."""
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)


def set_random_seed(seed: int) -> None:
    """Keras's function of that name, which would import TensorFlow to seed it as well.

    On another backend that takes seconds, for what nobody asks there.
    """
    with module_hidden("tensorflow"):
        keras.utils.set_random_seed(seed)


def choose_gpu(device: DeviceChoice) -> ChosenGpu:
    """The GPU to use, or why there is none.

    Raises:
        DeviceError: A CPU is asked for, and this process uses a GPU already.
    """
    if keras.config.backend() == "tensorflow":
        mirrored_strategy.divide_cpu()
        return tensorflow_only.choose_gpu(device)
    return _choose_gpu_of_jax(device)


def _choose_gpu_of_jax(device: DeviceChoice) -> ChosenGpu:
    if device == "cpu":
        # Too late where JAX has begun to compute.
        jax.config.update("jax_platforms", "cpu")
    refused: list[str] = []
    # Asked for a platform that is not there, JAX raises.
    with contextlib.suppress(RuntimeError), collect_refusals(refused):
        first = jax.devices()[0]
        if first.platform == "gpu":
            if device == "cpu":
                raise DeviceError(
                    "The device cpu cannot be chosen any more: JAX already uses a GPU "
                    "in this process. Start a new one."
                )
            # What JAX says of other makers' GPUs is not there, or not a number.
            found = getattr(first, "compute_capability", None)
            return ChosenGpu(str(first.device_kind), parse_compute_capability(found))
    # A machine without a card needs no explanation unless one was asked for.
    if device == "cpu" or (device == "auto" and not has_nvidia_driver()):
        return ChosenGpu()
    platforms = jax.config.jax_platforms
    if platforms == "cpu" and os.environ.get("JAX_PLATFORMS") != platforms:
        return ChosenGpu(reason=HIDDEN_EARLIER)
    explained = str(explain_missing_gpu("jax"))
    said = f"JAX says: {refused[0].rstrip('.')}." if refused else None
    return ChosenGpu(reason=join_notes(explained, said))


def count_devices(wanted: DeviceCount) -> int:
    """How many devices train together, on all hosts.

    Args:
        wanted: Of each host.

    Raises:
        DeviceError: There are not as many.
    """
    if keras.config.backend() == "tensorflow":
        if wanted == 1:
            return 1
        name, kinds = "TensorFlow", mirrored_strategy.list_devices()
        kind = kinds[0].partition(":")[0].lower()
        count, found = 1, Counter(dict.fromkeys([0], len(kinds)))
    else:
        name, kind = "JAX", jax.devices()[0].platform
        count = int(jax.process_count())
        found = Counter(each.process_index for each in jax.devices())
    if wanted == "all" and len(set(found.values())) > 1:
        each = ", ".join(f"host {host} has {found[host]}" for host in range(count))
        raise DeviceError(
            f"training.devices is all, but {each}: say how many each is to use."
        )
    fewest = min(found, key=found.__getitem__)
    if wanted == "all":
        return count * found[fewest]
    if wanted > found[fewest]:
        where = "here" if count == 1 else f"on host {fewest}"
        divided = (
            " A CPU is one, unless the environment variable XLA_FLAGS divides it: "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={wanted}"
            if kind == "cpu"
            else ""
        )
        raise DeviceError(
            f"training.devices is {wanted}, but {name} finds {found[fewest]} ({kind}) "
            f"{where}. Train on fewer, or on all of them (training.devices=all)."
            f"{divided}"
        )
    return count * wanted


def forbid_nondeterministic_operations() -> None:
    """Have what XLA does not compile give the same bits each time, or an error."""
    # On JAX there is nothing else.
    if keras.config.backend() == "tensorflow":
        tensorflow_only.forbid_nondeterministic_operations()


def try_convolution(*, on_gpu: bool = False) -> str | None:
    """Run a 3x3 convolution over ones, which gives nines; what is wrong, if any.

    Raises:
        DeviceError: The memory of the GPU is too little even for that.
    """
    try:
        image = keras.ops.ones((1, 4, 4, 1), dtype="float32")
        kernel = keras.ops.ones((3, 3, 1, 1), dtype="float32")
        result = keras.ops.convert_to_numpy(
            keras.ops.conv(image, kernel, padding="valid")
        )
    except Exception as error:
        if on_gpu and is_out_of_memory(error):
            found = describe_out_of_memory(error, "to begin", on_gpu=True)
            way_out = "Free some of it, or take the device cpu."
            raise DeviceError(f"{found} {way_out}") from error
        # Whatever a broken driver or library raises here, the user needs its text.
        return f"it failed with: {first_line(error)}"
    return None if (result == 9.0).all() else f"it gave {result.ravel()[0]}"


def repeat_steps(
    model: keras.Model,
    read: Callable[[Any, Any], tuple[Any, ...]],
    step: Callable[..., Any],
    variables: Callable[[], Sequence[Sequence[Any]]],
    jit_compile: bool,
) -> Callable[[Any, int, int], dict[str, Any]]:
    """A range of steps of Keras as one function, with the loop inside.

    Args:
        model: Whose metrics are the result.
        read: The batch of a step, of numbers and which of the steps, int32.
        step: Of a batch. On JAX the state stands before it, and is given back as the
            second of two, as in Keras's steps.
        variables: What the steps read or change, as Keras's steps of JAX group it, the
            metrics last.
        jit_compile: Whether XLA makes one program of all of it; on JAX always.

    Returns:
        A function of the numbers, the first step, and the step behind the last one,
        that gives the metrics. It is compiled once, at its first call, for numbers of
        one shape; that may be a call for no step.
    """
    if keras.config.backend() == "tensorflow":
        distribution = current_distribution()
        if isinstance(distribution, mirrored_strategy.MirroredDistribution):
            step = partial(distribution.in_replicas, step)
        return tensorflow_only.repeat_steps(
            lambda *arguments: step(read(*arguments)),
            model.get_metrics_result,
            jit_compile,
        )

    @partial(compile_distributed, donate_argnums=0)
    def run(state: Any, numbers: Any, first: Any, end: Any) -> Any:
        def body(number: Any, state: Any) -> Any:
            _, state = step(state, read(numbers, number))
            return tuple(map(list, state))

        state = jax.lax.fori_loop(first, end, body, state)
        metrics = zip(model.metrics_variables, state[-1], strict=True)
        with keras.StatelessScope(state_mapping=metrics):
            return model.get_metrics_result(), state

    def run_and_assign(numbers: Any, first: int, end: int) -> dict[str, Any]:
        groups = tuple(map(list, variables()))
        state = tuple([variable.value for variable in group] for group in groups)
        results, state = run(state, numbers, np.int32(first), np.int32(end))
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return dict(results)

    return run_and_assign


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
