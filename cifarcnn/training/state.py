"""All variables of a training, by their place in the model and the optimizer.

Keras's own files leave out the states of random generators, and what it calls a
variable depends on how many a process made before; the place does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cifarcnn.errors import RunError
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.image_table import is_image_table

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cifarcnn.runs.weights import ArraySpec

    Arrays = Mapping[str, np.ndarray[Any, Any]]


class TrainingState:
    """The numbers of a compiled model that change while it learns.

    These are its weights, statistics and averages, the states of its random generators,
    and all that the optimizer keeps. The images on the device are not among them.
    """

    def __init__(self, model: keras.Model, metrics: Sequence[Any]) -> None:
        """Gather the variables.

        Args:
            model: Compiled; its optimizer gets its variables now, if it has none yet.
            metrics: Those it was compiled with.
        """
        self._model = model
        self._metrics = tuple(metrics)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        groups = {
            "model": [item for item in model.variables if not is_image_table(item)],
            "optimizer": model.optimizer.variables,
        }
        self._variables = {
            f"{group}/{place:04}": variable
            for group, variables in groups.items()
            for place, variable in enumerate(variables)
        }

    def specs(self) -> dict[str, ArraySpec]:
        """Shape and element type of each array that :meth:`read` gives."""
        import keras

        return {
            name: (
                tuple(variable.shape),
                keras.backend.standardize_dtype(variable.dtype),
            )
            for name, variable in self._variables.items()
        }

    def read(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of all values."""
        import numpy as np

        # On a CPU the conversion may give a view of memory that is written further.
        return {
            name: np.array(to_numpy(variable))
            for name, variable in self._variables.items()
        }

    def write(self, arrays: Arrays) -> None:
        """Set all values.

        Args:
            arrays: As :meth:`specs` describes them; others are not looked at.
        """
        for name, variable in self._variables.items():
            variable.assign(arrays[name])

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
        # Keras counts those of `compile` in only after the first step.
        found = [*self._model.metrics_variables]
        for metric in self._metrics:
            found += [item for item in metric.variables if not _is_among(item, found)]
        return found


def _is_among(variable: Any, others: Sequence[Any]) -> bool:
    # To compare variables would compare their values.
    return any(variable is other for other in others)
