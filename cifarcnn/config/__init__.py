"""YAML text to a checked, frozen config; layer arithmetic without Keras."""

from __future__ import annotations

from cifarcnn.config.datasets import ChannelStatistics as ChannelStatistics
from cifarcnn.config.loading import Checked as Checked
from cifarcnn.config.loading import check_config as check_config
from cifarcnn.config.loading import load_config as load_config
from cifarcnn.config.schema import Config as Config
from cifarcnn.config.summary import Summary as Summary
from cifarcnn.config.summary import summarize as summarize
