"""All numbers of a model that change while it learns.

Keras's own files leave out the states of random generators, and what it calls a
variable depends on how many a process made before; its place does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from cifarcnn.errors import RunError
from cifarcnn.network.weights import read_arrays, read_weights, to_numpy
from cifarcnn.runs.weights import ArraySpec


class ModelState:
    """The variables of a network and of what trains it, by their place.

    These are its weights, statistics and averages, the states of its random generators,
    and all that the optimizer keeps. They are the same whether the model holds the
    whole network, or only what follows the features of frozen layers.
    """

    def __init__(
        self,
        model: keras.Model,
        network: keras.Model,
        accuracy: keras.metrics.Metric,
    ) -> None:
        """Gather the variables.

        Args:
            model: Compiled; trains the network, or the end of it.
            network: All that is to be saved.
            accuracy: The metric of the model.
        """
        self._model = model
        self._network = network
        self._accuracy = accuracy
        # Else it would get its variables with the first step only.
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        averages = model.weight_averages
        held = averages.averages if averages is not None else []
        self._variables = {
            **name_variables("model", held),
            **name_variables("model", network.variables, len(held)),
            **name_variables("optimizer", model.optimizer.variables),
        }

    def specs(self) -> dict[str, ArraySpec]:
        """Shape and element type of each array that :meth:`read` gives."""
        return describe_variables(self._variables)

    def read(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of all values, with no weight and its average exchanged."""
        averages = self._model.weight_averages
        if averages is not None and averages.swapped:
            averages.swap()
        return dict(
            zip(self._variables, read_arrays(self._variables.values()), strict=True)
        )

    def weights(
        self, arrays: Mapping[str, np.ndarray[Any, Any]]
    ) -> dict[str, np.ndarray[Any, Any]]:
        """The weights to keep, of what :meth:`read` gave: the averages, if any."""
        places = {id(variable): name for name, variable in self._variables.items()}
        averages = self._model.weight_averages
        # Frozen weights have none.
        holders = averages.by_weight() if averages is not None else {}
        return {
            weight.path: arrays[places[id(holders.get(id(weight), weight))]]
            for weight in self._network.weights
        }

    def read_weights(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of the weights to keep, as they are now."""
        averages = self._model.weight_averages
        found = averages.read() if averages is not None else {}
        return {**read_weights(self._network), **found}

    def write(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Set all values; arrays that :meth:`specs` does not name are left out."""
        for name, variable in self._variables.items():
            variable.assign(arrays[name])

    def finite_steps(self) -> int:
        """The steps of the epoch up to the first whose loss was not finite."""
        # Shared out among replicas, where a checkpoint gave it, and added up again.
        return round(float(to_numpy(self._accuracy.finite_steps)))

    def read_metrics(self) -> tuple[float, ...]:
        """What the metrics have added up so far in the epoch, the loss first."""
        return tuple(float(to_numpy(item)) for item in self._metric_variables())

    def write_metrics(self, values: Sequence[float]) -> None:
        """Have the metrics go on from earlier sums.

        Raises:
            RunError: There are not as many as the metrics have variables.
        """
        variables = self._metric_variables()
        if len(values) != len(variables):
            raise RunError(
                f"The checkpoint holds {len(values)} sums of metrics, but the training "
                f"has {len(variables)}. It is of another version of cifarcnn or Keras; "
                "train again."
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _metric_variables(self) -> list[Any]:
        # Keras counts those of `compile` in only after the first step. To compare
        # variables would compare their values.
        found = {id(item): item for item in self._model.metrics_variables}
        found |= {id(item): item for item in self._accuracy.variables}
        return list(found.values())


def describe_variables(variables: Mapping[str, Any]) -> dict[str, ArraySpec]:
    """Shape and element type of each variable."""
    standard = keras.backend.standardize_dtype
    return {
        name: (tuple(variable.shape), standard(variable.dtype))
        for name, variable in variables.items()
    }


def name_variables(
    group: str, variables: Sequence[Any], first: int = 0
) -> dict[str, Any]:
    """Variables by the names that they have in a checkpoint.

    Args:
        group: Of which they are a part.
        variables: In their order.
        first: The place of the first one in the group.
    """
    places = enumerate(variables, start=first)
    return {f"{group}/{place:04}": variable for place, variable in places}
