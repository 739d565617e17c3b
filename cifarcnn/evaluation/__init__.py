"""How good a network is, and how sure one may be of that figure."""

from __future__ import annotations

from cifarcnn.evaluation.evaluation import (
    ClassMetrics,
    Evaluation,
    MeanMetrics,
    Mistake,
    evaluate,
)

__all__ = ["ClassMetrics", "Evaluation", "MeanMetrics", "Mistake", "evaluate"]
