"""What is known of Keras's published networks without Keras.

The numbers stand in ``applications.json``, which ``tests/application_table.py`` writes.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema

from cifarcnn.config.named_choice import problem
from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_tree import quote

# Where Keras fetches all of their weights.
STORAGE = "https://storage.googleapis.com/"

# What Keras's ``preprocess_input`` of a network does: mean colours taken away, in the
# order blue, green, red; to -1..1; mean and deviation by channel; nothing, since the
# network itself begins with it.
Preprocessing: TypeAlias = Literal["caffe", "tf", "torch", "none"]


class Application(BaseModel):
    """One function of ``keras.applications``, without its classifier.

    Sides are given by two numbers: a picture of ``n`` pixels has maps of
    ``(n + added) // stride`` cells.

    Attributes:
        file: Of the weights, below ``STORAGE``; ``{size}`` is that of the pictures,
            for networks that have several.
        hash: Of that file, MD5 or SHA-256 by its length; None: Keras knows none.
        preprocessing: What the pixels go through before the network.
        smallest_side: The least height and width in pixels that Keras takes.
        channels: Number of maps that come out.
        side: ``(added, stride)`` of what comes out.
        layers: Number of Keras's layers, the input included, as in its ``layers``.
        parameters: Number of weights, trained or not.
        weight_names: What Keras calls the weights that gradients change.
        macs_at_once: Multiply-accumulates that do not depend on the size.
        stages: For each size of maps: added, stride, multiply-accumulates of a cell,
            and the values of a cell that a gradient needs at least.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    hash: str | None
    preprocessing: Preprocessing
    smallest_side: int
    channels: int
    side: tuple[int, int]
    layers: int
    parameters: int
    weight_names: tuple[str, ...]
    macs_at_once: int
    stages: tuple[tuple[int, int, int, int], ...]

    def map_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what comes out of a picture."""
        return _cells(self.side, height), _cells(self.side, width)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates of one picture."""
        return self.macs_at_once + sum(
            macs * _cells((added, stride), height) * _cells((added, stride), width)
            for added, stride, macs, _ in self.stages
        )

    def values(self, height: int, width: int) -> int:
        """Values of one picture that are certainly kept until gradients are known."""
        return sum(
            values * _cells((added, stride), height) * _cells((added, stride), width)
            for added, stride, _, values in self.stages
        )


def _cells(side: tuple[int, int], pixels: int) -> int:
    added, stride = side
    return (pixels + added) // stride


@cache
def _table() -> dict[str, dict[str, object]]:
    path = Path(__file__).with_name("applications.json")
    table: dict[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return table


@cache
def find_application(name: str) -> Application:
    """What is known of an application.

    Raises:
        KeyError: Keras has none of that name.
    """
    return Application.model_validate(_table()[name])


def application_names() -> list[str]:
    """All of them, as Keras calls them, sorted."""
    return sorted(_table())


def _check_name(name: str) -> str:
    if name not in _table():
        raise problem(
            f"keras.applications has no {quote(name)}",
            suggest(name, application_names()),
        )
    return name


ApplicationName: TypeAlias = Annotated[
    str,
    AfterValidator(_check_name),
    WithJsonSchema({"type": "string", "enum": application_names()}),
]
