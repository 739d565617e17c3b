"""TensorFlow's ``MirroredStrategy``: one training on several devices of one host.

Every device has a replica: a copy of all variables, and its rows of every batch. What
TensorFlow calls a replica does here what one device would do with the whole batch,
with two exceptions: it takes its own rows, and it adds up over all replicas what is a
sum over the rows (gradients, statistics of normalizations, metrics). So all replicas
come to the same values, and each changes its own copies of the variables.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from cifarcnn.engine import tensorflow_only

# Elsewhere it would cost seconds for nothing.
if keras.config.backend() == "tensorflow":
    import tensorflow as tf

_CPU_DEVICES = re.compile(r"--xla_force_host_platform_device_count=(\d+)")


def divide_cpu() -> None:
    """Have the CPU be as many devices as the variable asks for that JAX obeys too."""
    found = _CPU_DEVICES.search(os.environ.get("XLA_FLAGS", ""))
    if found is None:
        return
    part = tf.config.LogicalDeviceConfiguration()
    parts = [part] * max(int(found[1]), 1)
    # Where TensorFlow has begun to compute, it stays as it is.
    with contextlib.suppress(RuntimeError):
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], parts
        )


def list_devices() -> list[str]:
    """The names of the devices of a kind that can train together, such as ``GPU:0``."""
    gpus = tf.config.list_logical_devices("GPU")
    found = gpus or tf.config.list_logical_devices("CPU")
    return [each.name.removeprefix("/device:") for each in found]


class MirroredDistribution:
    """Where the variables of a training lie; as of a ``Distribution`` of JAX.

    Attributes:
        count: Of devices.
    """

    def __init__(self, count: int) -> None:
        """Take the first devices.

        Args:
            count: As many as there are, at most.
        """
        self.count = count
        # With TensorFlow's own choice a training on parts of a CPU stood still.
        on_one = tf.distribute.ReductionToOneDevice()
        self._strategy = tf.distribute.MirroredStrategy(
            list_devices()[:count],
            on_one if tensorflow_only.computes_on_cpu() else None,
        )
        self._entered: list[Any] = []

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Have the variables that are made inside lie on all devices."""
        self._entered.append(self._strategy.scope())
        self._entered[-1].__enter__()
        try:
            yield
        finally:
            self._entered.pop().__exit__(None, None, None)

    @contextlib.contextmanager
    def left(self) -> Iterator[None]:
        """Have them lie on one again, within :meth:`scope`."""
        self._entered.pop().__exit__(None, None, None)
        try:
            yield
        finally:
            self._entered.append(self._strategy.scope())
            self._entered[-1].__enter__()

    def own_rows(self, batch_size: int) -> slice:
        """Which rows of a batch the devices of this host take: all."""
        return slice(0, batch_size)

    def replicate(self, tensor: Any) -> Any:
        """What a variable on all devices is made of."""
        return tensor

    def shard_steps(self, array: np.ndarray[Any, Any]) -> Any:
        """Numbers of steps, of which each device is sent one step at a time."""
        return tf.convert_to_tensor(array)

    def shard_own(self, array: np.ndarray[Any, Any], batch_size: int) -> Any:
        """As :meth:`shard_steps`."""
        if tensorflow_only.computes_on_cpu():
            return tensorflow_only.take_over(array)
        return tf.convert_to_tensor(array)

    def in_replicas(self, step: Callable[[Any], Any], batch: tuple[Any, ...]) -> None:
        """Do a step of Keras on all devices.

        Args:
            step: Of a batch whose labels and weights are those of a replica; of the
                inputs its model takes :func:`own_rows` itself.
            batch: Inputs, labels, and weights if any, of the whole batch.
        """

        def in_replica(inputs: Any, *others: Any) -> None:
            step((inputs, *map(own_rows, others)))

        self._strategy.run(in_replica, args=batch)

    def call_in_replicas(self, function: Callable[[], None]) -> None:
        """Call a function in each replica once."""
        # As a function of TensorFlow's, which can do more there than what is eager.
        tf.function(partial(self._strategy.run, function), autograph=False)()


def current_replica() -> int | None:
    """The number of the replica whose step is being traced; ``None`` in no replica."""
    context = _context()
    return None if context is None else _number(context)


def replica_count() -> int:
    """How many replicas there are around what is traced; 1 in no replica."""
    context = _context()
    return 1 if context is None else int(context.num_replicas_in_sync)


def own_rows(tensor: Any) -> Any:
    """Of a tensor ``(b, ...)`` of a whole batch what this replica computes.

    Returns:
        ``(b / replicas, ...)``; in no replica all of it.
    """
    context = _context()
    if context is None:
        return tensor
    share = tf.shape(tensor)[0] // context.num_replicas_in_sync
    first = _number(context) * share
    rows = tensor[first : first + share]
    if tensor.shape[0] is not None:
        rows.set_shape(
            (tensor.shape[0] // context.num_replicas_in_sync, *tensor.shape[1:])
        )
    return rows


def among_whole_batch(rows: Any) -> Any:
    """What :func:`own_rows` takes ``rows`` from: zeros stand for those of others."""
    context = _context()
    if context is None:
        return rows
    share = tf.shape(rows)[0]
    before = _number(context) * share
    behind = context.num_replicas_in_sync * share - before - share
    return tf.pad(rows, [(before, behind), *[(0, 0)] * (len(rows.shape) - 1)])


def sum_over_replicas(tensors: Sequence[Any]) -> list[Any]:
    """Tensors added up over all replicas, each by itself; in no replica as they are.

    Its gradient is the sum of the gradients.
    """
    context = _context()
    if context is None or not tensors:
        return list(tensors)
    return list(context.all_reduce(tf.distribute.ReduceOp.SUM, list(tensors)))


def add_up_gradients(optimizer: keras.optimizers.Optimizer) -> None:
    """Have an optimizer do in each replica what it would do on one device.

    Keras's own way clips the gradients before it adds them up.

    Args:
        optimizer: Whose ``apply`` is called in replicas.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    # What stands behind the class of Keras that knows strategies: that of all backends.
    plain: Any = super(keras.optimizers.Optimizer.__mro__[1], inner)
    inner._backend_update_step = plain._backend_update_step
    inner._apply_weight_decay = plain._apply_weight_decay
    apply = optimizer.apply

    def apply_sums(gradients: Sequence[Any], variables: Any = None) -> None:
        there = [each for each in gradients if each is not None]
        sums = iter(sum_over_replicas([tf.convert_to_tensor(each) for each in there]))
        found = [None if each is None else next(sums) for each in gradients]
        apply(found, variables)

    optimizer.apply = apply_sums


def _number(context: Any) -> int:
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def _context() -> Any:
    """That of a replica among several; ``None``: there is none."""
    if keras.config.backend() != "tensorflow":
        return None
    context = tf.distribute.get_replica_context()
    several = context is not None and context.num_replicas_in_sync > 1
    return context if several else None
