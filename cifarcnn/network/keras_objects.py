"""A checked choice of the config to the Keras object of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from cifarcnn.config.initializers import Identity, Whitening
from cifarcnn.config.named_choice import Choice


def convert_choice(module: Any, choice: Choice, **overrides: Any) -> Any:
    """Build the object of ``module`` that ``choice`` names, with its arguments.

    Args:
        module: Such as ``keras.layers`` or ``keras.optimizers``.
        choice: Its class has the name and the fields of the Keras class.
        overrides: Arguments that take the place of those in ``choice``.

    Raises:
        AttributeError: ``module`` has no such class.
    """
    arguments = {**convert_arguments(choice.arguments()), **overrides}
    return getattr(module, choice.type)(**arguments)


def convert_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same arguments with initializers and regularizers as Keras objects."""
    return {name: _convert(name, value) for name, value in arguments.items()}


def _convert(name: str, value: Any) -> Any:
    if not isinstance(value, Choice):
        return value
    if isinstance(value, Identity | Whitening):
        # Keras has neither: the layer starts like PyTorch's, uniformly within one over
        # the root of its inputs, and `initialization` sets the filters that are known.
        return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    module = keras.regularizers if name.endswith("regularizer") else keras.initializers
    return convert_choice(module, value)
