"""What the network says about images that anybody brings."""

from __future__ import annotations

from cifarcnn.inference.predictions import Answer, predict_images
from cifarcnn.inference.save_input import keep_input
from cifarcnn.inference.sources import Source, collect_sources

__all__ = [
    "Answer",
    "Source",
    "collect_sources",
    "keep_input",
    "predict_images",
]
