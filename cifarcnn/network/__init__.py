"""From a config to a ``keras.Model``."""

from __future__ import annotations

from cifarcnn.network.builder import (
    build_model,
    logits_model,
    normalization,
)
from cifarcnn.network.initialization import set_whitening
from cifarcnn.network.keras_objects import convert_arguments, convert_choice
from cifarcnn.network.training_network import build_fast_twin
from cifarcnn.network.weights import read_weights, to_numpy, write_weights

__all__ = [
    "build_fast_twin",
    "build_model",
    "convert_arguments",
    "convert_choice",
    "logits_model",
    "normalization",
    "read_weights",
    "set_whitening",
    "to_numpy",
    "write_weights",
]
