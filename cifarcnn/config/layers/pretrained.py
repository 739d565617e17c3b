"""A network that was trained before, as the first layer of another."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, model_validator

from cifarcnn.config.layers.applications import (
    Application,
    ApplicationName,
    find_application,
)
from cifarcnn.config.layers.base import (
    Layer,
    LayerName,
    Shape,
    ShapeError,
    show,
)
from cifarcnn.config.named_choice import problem

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
            "a .keras file holds a whole network, which is never loaded; write its "
            'weights alone with model.save_weights("NAME.weights.h5")'
        )
    raise problem(f"'{weights:.200}' is no weights of a network", hint)


Weights: TypeAlias = Annotated[str, AfterValidator(_check_weights)]


class Pretrained(Layer):
    """A network trained before: one of Keras's applications, or of a run of yours.

    It takes the pictures as they are, 0 to 255: its own preprocessing is a part of it.
    """

    application: ApplicationName | None = None
    """Keras's name of a published network, such as InceptionV3; or give a `run`."""
    weights: Weights | None = None
    """Of the application: `imagenet` when left out, a path to an .h5 file, or `none`."""
    run: str | None = None
    """Folder of a run whose network is used, in place of an `application`."""
    up_to: LayerName | None = None
    """Last layer of the run's network that is used; null: all but its last."""
    trainable: bool = False
    """Whether it learns on; if not, its statistics and dropout rest as well."""
    pooling: Literal["avg", "max"] | None = None
    """`avg` or `max` over each map, one number for each; null leaves the maps."""

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
        for key in ("up_to",) if run is None else ("weights",):
            if value.get(key) is not None:
                other = "run" if run is None else "application"
                raise problem(f"{key} belongs to {other}", f"remove {key}", key)
        if run is None and "weights" not in value:
            return {**value, "weights": IMAGENET}
        if run is None and value["weights"] is None:
            raise problem(
                "expected imagenet, none or a path, found null",
                "write none for weights that begin at random, as Keras's None does",
                "weights",
            )
        return value

    @property
    def known(self) -> Application:
        """What is known of the application.

        Raises:
            KeyError: It is a run.
        """
        return find_application(str(self.application))

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = self.as_image(shape)
        known = self.known
        after = self._after(height, width)
        least = known.smallest_side
        if channels != 3:
            raise ShapeError(
                f"{self.application} takes pictures with 3 channels, found {channels}",
                "move it to the beginning, or behind a Resizing",
                after,
            )
        if min(height, width) < least:
            raise ShapeError(
                f"{self.application} takes pictures of {least}x{least} and more, found "
                f"{show((height, width))}",
                f"put Resizing: {{height: {least}, width: {least}}} before it",
                self._after(max(height, least), max(width, least)),
            )
        return after

    def _after(self, height: int, width: int) -> Shape:
        channels = self.known.channels
        if self.pooling is not None:
            return (channels,)
        return (*self.known.map_size(height, width), channels)

    def window(self, shape: Shape) -> None:
        """None: each cell sees nearly all of the picture, or all by its means."""

    def parameters(self, shape: Shape) -> int:
        return self.known.parameters

    def macs(self, shape: Shape) -> int:
        return self.known.macs(shape[0], shape[1])

    def weight_names(self) -> tuple[str, ...]:
        return self.known.weight_names if self.trainable else ()
