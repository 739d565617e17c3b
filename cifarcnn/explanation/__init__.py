"""What happens inside a network, as numbers: of one picture, or of the model alone."""

from __future__ import annotations

from cifarcnn.explanation.explaining import (
    Subject,
    explain_model,
    explain_picture,
    find_class,
)
from cifarcnn.explanation.story import Explanation, Missing, ModelExplanation

__all__ = [
    "Explanation",
    "Missing",
    "ModelExplanation",
    "Subject",
    "explain_model",
    "explain_picture",
    "find_class",
]
