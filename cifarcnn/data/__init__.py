"""Images and labels as NumPy arrays, from wherever they lie.

What stands here is loaded when it is first used: a prediction needs only
``cifarcnn.data.image_file``, and shall not wait for the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.image_file import read_image
    from cifarcnn.data.registry import open_dataset
    from cifarcnn.data.splits import Split
    from cifarcnn.data.statistics import measure_statistics

__all__ = ["Dataset", "Split", "measure_statistics", "open_dataset", "read_image"]

_PLACES = {
    "Dataset": "dataset",
    "Split": "splits",
    "measure_statistics": "statistics",
    "open_dataset": "registry",
    "read_image": "image_file",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value
