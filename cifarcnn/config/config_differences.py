"""In what configs differ, value by value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cifarcnn.config.diff import NOTHING, Difference, find_differences
from cifarcnn.config.named_choice import external
from cifarcnn.config.plain_layers import without_given_names
from cifarcnn.config.schema import Config


@dataclass(frozen=True)
class ConfigDifference:
    """One value that the configs do not share.

    Attributes:
        path: The dotted way to it, such as ``training.batch_size``; of a layer its
            place in the first config, ``model.layers[1]+2`` being the second one that
            others have behind ``model.layers[1]``.
        values: Of each run, for people.
    """

    path: str
    values: tuple[str, ...]


def find_config_differences(configs: Sequence[Config]) -> Iterator[ConfigDifference]:
    """The values in which configs differ; the names of the configs are none.

    Nor are the names that layers have by their number.
    """
    plain: list[Any] = [json.loads(json.dumps(external(config))) for config in configs]
    for each in plain:
        del each["name"]
        each["model"] = without_given_names(each["model"])
    found = [
        {each.path: each for each in find_differences(plain[0], other, aligned=True)}
        for other in plain[1:]
    ]
    for path in dict.fromkeys(path for each in found for path in each):
        first = next(each[path].before for each in found if path in each)
        others = (_value_of(path, each, first) for each in found)
        yield ConfigDifference(path, (first, *others))


def _value_of(path: str, found: Mapping[str, Difference], first: str) -> str:
    if path in found:
        return found[path].after
    if any(place.startswith(f"{path}.") for place in found):
        return "other arguments"
    # What the whole layer lacks its arguments lack too.
    gone = (path.startswith(f"{place}.") for place in found)
    return NOTHING if any(gone) else first
