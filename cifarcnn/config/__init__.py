"""YAML text to a checked, frozen config; layer arithmetic without Keras."""

from __future__ import annotations

from cifarcnn.config.datasets import ChannelStatistics
from cifarcnn.config.loading import Checked, check_config, load_config
from cifarcnn.config.schema import Config
from cifarcnn.config.summary import Row, Summary, summarize

__all__ = [
    "ChannelStatistics",
    "Checked",
    "Config",
    "Row",
    "Summary",
    "check_config",
    "load_config",
    "summarize",
]
