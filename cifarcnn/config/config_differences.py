"""In what configs differ, value by value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cifarcnn.config.diff import find_differences
from cifarcnn.config.named_choice import external
from cifarcnn.config.schema import Config


@dataclass(frozen=True)
class ConfigDifference:
    """One value that the configs do not share.

    Attributes:
        path: The dotted way to it, such as ``training.batch_size``.
        values: Of each run, for people.
    """

    path: str
    values: tuple[str, ...]


def find_config_differences(configs: Sequence[Config]) -> Iterator[ConfigDifference]:
    """The values in which configs differ; the names of the configs are none."""
    plain = [json.loads(json.dumps(external(config))) for config in configs]
    for each in plain:
        del each["name"]
    found = [
        {each.path: each for each in find_differences(plain[0], other)}
        for other in plain[1:]
    ]
    for path in dict.fromkeys(path for each in found for path in each):
        first = next(each[path].before for each in found if path in each)
        others = (each[path].after if path in each else first for each in found)
        yield ConfigDifference(path, (first, *others))
