"""From a config to a ``keras.Model``."""

from __future__ import annotations

from cifarcnn.network.builder import build_model, logits_model
from cifarcnn.network.conversion import convert_choice
from cifarcnn.network.weights import read_weights, to_numpy, write_weights

__all__ = [
    "build_model",
    "convert_choice",
    "logits_model",
    "read_weights",
    "to_numpy",
    "write_weights",
]
