"""How good a network is, and how sure one may be of that figure."""

from __future__ import annotations

from cifarcnn.evaluation.evaluation import ClassFigures, Evaluation, evaluate, judge

__all__ = ["ClassFigures", "Evaluation", "evaluate", "judge"]
