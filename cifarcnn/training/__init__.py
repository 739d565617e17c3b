"""Training: from a config and images to the files of a run."""

from __future__ import annotations

from cifarcnn.training.memory_check import require_memory
from cifarcnn.training.observer import EpochRecord, Observer, Outcome, Plan
from cifarcnn.training.resume import Continuation, plan_continuation
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import Material, gather_material

__all__ = [
    "Continuation",
    "EpochRecord",
    "Material",
    "Observer",
    "Outcome",
    "Plan",
    "gather_material",
    "plan_continuation",
    "require_memory",
    "train",
]
