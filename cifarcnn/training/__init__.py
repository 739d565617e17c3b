"""Training: from a config and pictures to the files of a run."""

from __future__ import annotations

from cifarcnn.training.observer import EpochRecord, Observer, Outcome, Plan
from cifarcnn.training.session import train

__all__ = ["EpochRecord", "Observer", "Outcome", "Plan", "train"]
