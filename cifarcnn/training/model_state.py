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
from cifarcnn.network.weights import read_arrays, to_numpy
from cifarcnn.runs.weights import ArraySpec
from cifarcnn.training.input_table import InputTable


class ModelState:
    """The variables of a compiled model and of its optimizer, by their place.

    These are its weights, statistics and averages, the states of its random generators,
    and all that the optimizer keeps. The images on the device are not among them.
    """

    def __init__(self, model: keras.Model, accuracy: keras.metrics.Metric) -> None:
        """Gather the variables of a compiled model and of the metric it has."""
        self._model = model
        self._network = model.get_layer("logits")
        self._accuracy = accuracy
        # Else it would get its variables with the first step only.
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        # Compared by identity: Keras would compare their values.
        tables = {
            id(layer.table) for layer in model.layers if isinstance(layer, InputTable)
        }
        groups = {
            "model": [item for item in model.variables if id(item) not in tables],
            "optimizer": model.optimizer.variables,
        }
        self._variables = {
            f"{group}/{place:04}": variable
            for group, variables in groups.items()
            for place, variable in enumerate(variables)
        }

    def specs(self) -> dict[str, ArraySpec]:
        """Shape and element type of each array that :meth:`read` gives."""
        return {
            name: (
                tuple(variable.shape),
                keras.backend.standardize_dtype(variable.dtype),
            )
            for name, variable in self._variables.items()
        }

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
        weights, averages = self._network.weights, self._model.weight_averages
        places = {id(variable): name for name, variable in self._variables.items()}
        holders = averages.averages if averages is not None else weights
        return {
            weight.path: arrays[places[id(holder)]]
            for weight, holder in zip(weights, holders, strict=True)
        }

    def write(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Set all values; arrays that :meth:`specs` does not name are left out."""
        for name, variable in self._variables.items():
            variable.assign(arrays[name])

    def finite_steps(self) -> int:
        """The steps of the epoch up to the first whose loss was not finite."""
        return int(to_numpy(self._accuracy.finite_steps))

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
