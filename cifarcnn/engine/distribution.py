"""One training on several devices, each of which takes its part of every batch.

It is Keras's ``DataParallel`` on JAX: every device holds all variables, and a step is
one program over all devices, which XLA divides by the rows of the batch. Whatever is
computed over a whole batch (the loss, the statistics of a batch normalization, the
partners of MixUp) is so over the batch of all devices together; that is why the results
are those of one device, but for the order in which numbers are added.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from cifarcnn.engine.devices import Device
from cifarcnn.engine.mirrored_strategy import MirroredDistribution

if keras.config.backend() == "jax":
    import jax

_BATCH = "batch"


class Distribution:
    """Where the variables and the batches of a training lie.

    Attributes:
        count: Of devices.
    """

    def __init__(self, devices_per_host: int) -> None:
        """Take the first devices of each host.

        Args:
            devices_per_host: As many as each has, at most.
        """
        chosen: list[Any] = []
        for host in range(jax.process_count()):
            own = [each for each in jax.devices() if each.process_index == host]
            chosen += own[:devices_per_host]
        self.count = len(chosen)
        self.of_keras = keras.distribution.DataParallel(
            devices=[f"{each.platform}:{each.id}" for each in chosen],
            auto_shard_dataset=False,
        )
        self._mesh = self.of_keras.device_mesh.backend_mesh
        places = [
            place
            for place, each in enumerate(chosen)
            if each.process_index == jax.process_index()
        ]
        self._places = slice(places[0], places[-1] + 1)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Have the variables that are made inside lie on all devices."""
        scope: contextlib.AbstractContextManager[Any] = self.of_keras.scope()
        return scope

    @contextlib.contextmanager
    def left(self) -> Iterator[None]:
        """Have them lie on one again, within :meth:`scope`."""
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(self.of_keras)

    @property
    def replicated(self) -> Any:
        """The sharding of what every device holds whole."""
        return jax.sharding.NamedSharding(self._mesh, jax.sharding.PartitionSpec())

    def own_rows(self, batch_size: int) -> slice:
        """Which rows of a batch the devices of this host take."""
        share = batch_size // self.count
        return slice(self._places.start * share, self._places.stop * share)

    def replicate(self, tensor: Any) -> Any:
        """A tensor of one device on all of them, the same on every host."""
        devices = self._mesh.local_devices
        copies = [jax.device_put(tensor, device) for device in devices]
        make = jax.make_array_from_single_device_arrays
        return make(np.shape(tensor), self.replicated, copies)

    def shard_steps(self, array: np.ndarray[Any, Any]) -> Any:
        """Numbers of steps, so that each device has those of its rows.

        Args:
            array: ``(steps, b, ...)``; or ``(steps,)``, which all devices have.
        """
        sharding = self._sharding(array.ndim)
        return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)

    def shard_own(self, array: np.ndarray[Any, Any], batch_size: int) -> Any:
        """As :meth:`shard_steps`, of what this host has of it: its :meth:`own_rows`.

        Args:
            array: ``(steps, own, ...)``.
            batch_size: Rows on all hosts.
        """
        whole = (len(array), batch_size, *array.shape[2:])
        first = self.own_rows(batch_size).start

        def read(index: tuple[slice, ...]) -> np.ndarray[Any, Any]:
            rows = index[1]
            return array[
                :, (rows.start or 0) - first : (rows.stop or batch_size) - first
            ]

        return jax.make_array_from_callback(whole, self._sharding(array.ndim), read)

    def _sharding(self, dimensions: int) -> Any:
        if dimensions == 1:
            return self.replicated
        spec = jax.sharding.PartitionSpec(None, _BATCH)
        return jax.sharding.NamedSharding(self._mesh, spec)


# Not a variable of the context, which the threads that read ahead would not see.
_current: list[Distribution | MirroredDistribution] = []


def current_distribution() -> Distribution | MirroredDistribution | None:
    """That of the training which is being built; ``None`` on one device."""
    return _current[-1] if _current else None


def uses_replicas() -> bool:
    """Whether each device is to have a replica of what is being built."""
    return isinstance(current_distribution(), MirroredDistribution)


def in_each_replica(function: Callable[[], None]) -> None:
    """Call a function in each replica; where there are none, once."""
    distribution = current_distribution()
    if isinstance(distribution, MirroredDistribution):
        distribution.call_in_replicas(function)
    else:
        function()


@contextlib.contextmanager
def distributed_over(device: Device) -> Iterator[None]:
    """Have what is built inside lie on all devices of a training."""
    if device.count == 1:
        yield
        return
    distribution: Distribution | MirroredDistribution
    if keras.config.backend() == "tensorflow":
        distribution = MirroredDistribution(device.count)
    else:
        distribution = Distribution(device.count // device.host_count)
    _current.append(distribution)
    try:
        with distribution.scope():
            yield
    finally:
        _current.remove(distribution)


@contextlib.contextmanager
def on_one_device() -> Iterator[None]:
    """Have what is built or asked inside lie on one device of this host again."""
    distribution = current_distribution()
    if distribution is None:
        yield
        return
    _current.remove(distribution)
    try:
        with distribution.left():
            yield
    finally:
        _current.append(distribution)


def connect_hosts() -> None:
    """Have JAX connect the hosts, which all must do at the same time."""
    from jax.experimental.multihost_utils import process_allgather

    process_allgather(np.zeros(1))


def of_first_host(number: int) -> int:
    """What the first of the hosts that train together says."""
    return int(_of_all_hosts([number])[0, 0])


def largest_of_hosts(*numbers: float) -> list[float]:
    """The largest that any of the hosts says, each by itself."""
    return [float(largest) for largest in _of_all_hosts(numbers).max(axis=0)]


def _of_all_hosts(numbers: Sequence[float]) -> np.ndarray[Any, Any]:
    """``(hosts, n)``. All hosts must come here as often as one another."""
    own = np.array(numbers, np.float32)
    distribution = current_distribution()
    if not isinstance(distribution, Distribution) or jax.process_count() == 1:
        return own[None]
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(own))


def compile_distributed(
    function: Callable[..., Any], **options: Any
) -> Callable[..., Any]:
    """``jax.jit``, whose results lie whole on every device of the training."""
    distribution = current_distribution()
    if isinstance(distribution, Distribution):
        options["out_shardings"] = distribution.replicated
    compiled: Callable[..., Any] = jax.jit(function, **options)
    return compiled
