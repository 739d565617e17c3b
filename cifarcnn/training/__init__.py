"""Training: from a config and pictures to the files of a run."""

from __future__ import annotations

from cifarcnn.training.continuation import Continuation, plan_continuation
from cifarcnn.training.material import Material, gather_material
from cifarcnn.training.memory import require_memory
from cifarcnn.training.observer import EpochRecord, Observer, Outcome, Plan
from cifarcnn.training.session import train

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
