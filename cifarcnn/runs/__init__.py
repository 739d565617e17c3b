"""The files of a run: its config, its weights, its history, its figures.

What stands here needs no NumPy; arrays are read and written in ``weights`` and
``checkpoints``.
"""

from __future__ import annotations

from cifarcnn.runs.folder import Run
from cifarcnn.runs.history import EpochRecord
from cifarcnn.runs.manifest import DataRecord, Manifest, Origin, WeightsChoice
from cifarcnn.runs.run_path import ROOT

__all__ = [
    "ROOT",
    "DataRecord",
    "EpochRecord",
    "Manifest",
    "Origin",
    "Run",
    "WeightsChoice",
]
