"""Pictures and labels as NumPy arrays, from wherever they lie."""

from __future__ import annotations

from cifarcnn.data.dataset import Dataset
from cifarcnn.data.opening import open_dataset
from cifarcnn.data.picture import read_picture
from cifarcnn.data.splits import Split
from cifarcnn.data.statistics import measure_statistics

__all__ = ["Dataset", "Split", "measure_statistics", "open_dataset", "read_picture"]
