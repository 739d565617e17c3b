"""What the network says about pictures that anybody brings."""

from __future__ import annotations

from cifarcnn.inference.answers import Answer, predict_pictures
from cifarcnn.inference.keeping import keep_input
from cifarcnn.inference.sources import Source, collect_sources

__all__ = [
    "Answer",
    "Source",
    "collect_sources",
    "keep_input",
    "predict_pictures",
]
