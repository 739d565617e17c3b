"""A network that was trained before, as the first layer of another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from cifarcnn.config.datasets import Normalization
from cifarcnn.config.layers.applications import (
    Application,
    ApplicationName,
    find_application,
)
from cifarcnn.config.layers.base import Layer, Shape, ShapeError, show
from cifarcnn.config.layers.nested_layers import flatten_layers
from cifarcnn.config.layers.run_layers import require_same_weights, walk_shapes
from cifarcnn.config.named_choice import problem

if TYPE_CHECKING:
    from cifarcnn.config.layers import AnyLayer

# Words of `weights` that are not the path of a file.
IMAGENET = "imagenet"
NO_WEIGHTS = "none"


def _check_weights(weights: str) -> str:
    if weights in (IMAGENET, NO_WEIGHTS) or weights.endswith(".h5"):
        return weights
    hint = "write imagenet, none, or the path of a file that ends with .h5"
    if weights in ("None", "random"):
        hint = "write none for weights that begin at random"
    elif re.match("[A-Za-z][A-Za-z0-9+.-]+://", weights):
        hint = "fetch the file, and give its path on this machine"
    elif weights.endswith(".keras"):
        hint = (
            "a .keras file holds a whole network, which is never loaded; write the "
            'weights alone by model.save_weights("X.weights.h5")'
        )
    raise problem(f"'{weights:.200}' is no weights of a network", hint)


Weights: TypeAlias = Annotated[str, AfterValidator(_check_weights)]


def _refuse_null(weights: str | None, info: ValidationInfo) -> str | None:
    if weights is None and info.data.get("application") is not None:
        raise problem(
            "expected imagenet, none or a path, found null",
            "write none for weights that begin at random, as Keras's None does",
        )
    return weights


class Pretrained(Layer):
    """A network trained before: one of Keras's applications, or of a run of yours.

    It takes pictures as they are, 0 to 255: its preprocessing is a part of it.
    """

    application: ApplicationName | None = None
    """Keras's name of a published network, such as InceptionV3; or give a `run`."""
    weights: Annotated[Weights | None, AfterValidator(_refuse_null)] = None
    """Of the application: `imagenet` when left out, the path of an .h5 file, `none`."""
    run: str | None = None
    """Folder of a finished run, or name of a shipped one; no `application` then."""
    up_to: str | None = None
    """Last layer of the run to take; null: the last that gives maps."""
    layers: list[AnyLayer] | None = None
    """The layers of the run; written by the program, for when the run is gone."""
    normalization: Normalization | None = None
    """What the run did to its pictures; written by the program."""
    input_shape: Annotated[list[int], Field(min_length=3, max_length=3)] | None = None
    """Height, width and channels of its pictures; written by the program."""
    trainable: bool = False
    """Whether its weights are trained; else it is frozen, statistics and all."""
    pooling: Literal["avg", "max"] | None = None
    """What its maps are pooled by, to a number for each; null: maps."""

    shorthand = "application"
    keeps_input = False
    keeps_output = "if_needed"

    @model_validator(mode="before")
    @classmethod
    def _check_source(cls, value: Any) -> Any:
        """Exactly one of both sources; the weights of an application written out."""
        if not isinstance(value, dict):
            return value
        application, run = value.get("application"), value.get("run")
        if (application is None) == (run is None):
            raise problem(
                "expected an application or a run"
                + (", found both" if run is not None else ""),
                "such as Pretrained: {application: InceptionV3, pooling: avg}"
                if run is None
                else "leave one of them out",
            )
        of_run = ("up_to", "layers", "normalization", "input_shape")
        for key in of_run if run is None else ("weights",):
            if value.get(key) is not None:
                other = "run" if run is None else "application"
                raise problem(f"{key} belongs to {other}", f"remove {key}", key)
        if run is None and "weights" not in value:
            return {**value, "weights": IMAGENET}
        return value

    @property
    def known(self) -> Application:
        """What is known of the application.

        Raises:
            KeyError: It is a run.
        """
        return find_application(str(self.application))

    def output_shape(self, shape: Shape) -> Shape:
        self.as_image(shape)
        if self.application is None:
            maps = self._maps_of_run(shape)
        else:
            maps = self._maps_of_application(shape)
        return self._pooled(maps)

    def _pooled(self, maps: Shape) -> Shape:
        return maps if self.pooling is None else (maps[2],)

    def _maps_of_run(self, shape: Shape) -> Shape:
        if self.layers is None or self.input_shape is None:
            raise ShapeError("its layers are missing", "", shape)
        end = require_same_weights(self.layers, tuple(self.input_shape), shape)
        if self.pooling is not None and len(end) != 3:
            raise ShapeError("pooling needs maps", "remove pooling", end)
        return end

    def _maps_of_application(self, shape: Shape) -> Shape:
        known = self.known
        height, width, channels = shape
        least = known.smallest_side
        high, wide = max(height, least), max(width, least)
        sides = known.map_size(high, wide)
        assumed = self._pooled((*sides, known.channels))
        if channels != 3:
            raise ShapeError(
                f"{self.application} takes pictures with 3 channels, found {channels}",
                "move it to the beginning, or behind a Resizing",
                assumed,
            )
        if min(height, width) < least:
            raise ShapeError(
                f"{self.application} takes pictures of {least}x{least} and more, found "
                f"{show((height, width))}",
                f"put Resizing: {{height: {high}, width: {wide}}} before it",
                assumed,
            )
        return (*sides, known.channels)

    def window(self, shape: Shape) -> None:
        """None: each cell sees nearly all of the picture, or all by its means."""

    def parameters(self, shape: Shape) -> int:
        if self.application is not None:
            return self.known.parameters
        return sum(layer.parameters(before) for layer, before in self._walk(shape))

    def macs(self, shape: Shape) -> int:
        if self.application is not None:
            return self.known.macs(shape[0], shape[1])
        return sum(layer.macs(before) for layer, before in self._walk(shape))

    def _walk(self, shape: Shape) -> list[tuple[Layer, Shape]]:
        return walk_shapes(self.layers or [], shape)[1]

    def layer_count(self) -> int:
        """How many layers of Keras it has that can learn.

        Those count too that have no weights, as in ``layers`` of Keras's model.
        """
        pooling = self.pooling is not None
        if self.application is not None:
            return self.known.layers + pooling
        return len(flatten_layers(self.layers or [])) + pooling

    def kept_within(self, shape: Shape) -> int:
        if self.application is None or not self.trainable:
            return 0
        return self.known.values(shape[0], shape[1])

    def weight_names(self) -> tuple[str, ...]:
        """Those of a run behind the names of their layers.

        Of an application the layers are not known.
        """
        if self.application is not None:
            return self.known.weight_names
        return tuple(
            f"{layer.name}/{name}"
            for layer in flatten_layers(self.layers or [])
            for name in layer.weight_names()
        )
