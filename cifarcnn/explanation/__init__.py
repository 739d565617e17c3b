"""What happens inside a network, as numbers: of one image, or of the model alone."""

from __future__ import annotations

from cifarcnn.explanation.explain import (
    Subject,
    explain_image,
    explain_model,
    find_class,
)
from cifarcnn.explanation.explanation import Explanation, Missing, ModelExplanation

__all__ = [
    "Explanation",
    "Missing",
    "ModelExplanation",
    "Subject",
    "explain_model",
    "explain_image",
    "find_class",
]
