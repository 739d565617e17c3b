"""The files of a run: its config, its weights, its history, its figures."""

from __future__ import annotations

from cifarcnn.runs.checkpoints import Checkpoint, CheckpointState
from cifarcnn.runs.folder import Run
from cifarcnn.runs.history import EpochRecord
from cifarcnn.runs.manifest import DataRecord, Manifest, Origin
from cifarcnn.runs.run_path import ROOT
from cifarcnn.runs.weights import (
    WEIGHTS_FILES,
    ArraySpec,
    WeightsChoice,
    describe_arrays,
    first_non_finite,
)
from cifarcnn.runs.weights_store import StoredWeights

__all__ = [
    "ROOT",
    "WEIGHTS_FILES",
    "ArraySpec",
    "Checkpoint",
    "CheckpointState",
    "DataRecord",
    "EpochRecord",
    "Manifest",
    "Origin",
    "Run",
    "StoredWeights",
    "WeightsChoice",
    "describe_arrays",
    "first_non_finite",
]
