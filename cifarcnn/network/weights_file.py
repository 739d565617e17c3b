"""Where the weights of one of Keras's applications lie, and whether they are whole.

Keras is not imported here, so that what is missing is told at once.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from cifarcnn.config import Config
from cifarcnn.config.datasets import ImageShape
from cifarcnn.config.layers import applications, find_pretrained
from cifarcnn.config.layers.base import Shape
from cifarcnn.config.layers.pretrained import IMAGENET, NO_WEIGHTS, Pretrained
from cifarcnn.data.fetching.ensure_cifar import OFFLINE, is_offline
from cifarcnn.errors import DataError

# The square pictures that MobileNet and MobileNetV2 have files of their own for, and
# the size whose file serves all others.
_FILE_SIZES = (128, 160, 192, 224)
_OTHER_SIZE = 224

State: TypeAlias = Literal["whole", "missing", "another"]


@dataclass(frozen=True)
class WeightsFile:
    """One published file.

    Attributes:
        application: Keras's name of the network.
        url: Where Keras fetches it.
        hash: MD5 or SHA-256 of it; None where Keras knows none.
        path: Where Keras keeps it on this machine.
    """

    application: str
    url: str
    hash: str | None
    path: Path

    def state(self) -> State:
        """Whether it lies there with its checksum."""
        if not self.path.is_file():
            return "missing"
        if self.hash is None:
            return "whole"
        with self.path.open("rb") as file:
            found = hashlib.file_digest(file, self._algorithm).hexdigest()
        return "whole" if found == self.hash else "another"

    @property
    def _algorithm(self) -> str:
        return "sha256" if self.hash and len(self.hash) == 64 else "md5"

    def explain(self, why: str) -> DataError:
        """The exception that says how to go on without them."""
        name = {"md5": "MD5", "sha256": "SHA-256"}[self._algorithm]
        checksum = f"its {name} is {self.hash}" if self.hash else "no checksum is known"
        return DataError(
            f"The ImageNet weights of {self.application} {why}\n"
            f"Fetch {self.url}\n"
            f"({checksum}) on any machine, and put it here as {self.path}\n"
            f"Or give it with weights: PATH, or begin at random with weights: none."
        )


def find_weights_file(
    layer: Pretrained, image_shape: ImageShape | Shape
) -> WeightsFile:
    """The published file for an application and pictures of a shape."""
    known = layer.known
    height, width = image_shape[:2]
    size = height if height == width and height in _FILE_SIZES else _OTHER_SIZE
    url = applications.STORAGE + known.file.replace("{size}", str(size))
    # As `keras.config` looks for it.
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    folder = Path(os.path.expanduser(home)) / "models"
    name = url.rpartition("/")[2]
    return WeightsFile(str(layer.application), url, known.hash, folder / name)


def require_weights(config: Config, fetch: bool | None) -> WeightsFile | None:
    """See that the weights to begin with are here or may be fetched.

    Args:
        config: With or without a layer ``Pretrained``.
        fetch: False where nothing may be fetched; ``$CIFARCNN_OFFLINE`` forbids it too.

    Returns:
        What is to be fetched; ``None`` for nothing.

    Raises:
        DataError: They are not; says which file to fetch, and where to put it.
    """
    layer = find_pretrained(config.model.layers)
    if layer is not None and layer.run is not None and not Path(layer.run).is_dir():
        raise DataError(
            f"There is no folder {layer.run} any more, the run that {layer.name} is "
            "of. Its weights are needed once more to begin a training."
        )
    if layer is None or layer.weights in (None, NO_WEIGHTS):
        return None
    if layer.weights != IMAGENET:
        path = weights_path(layer)
        if not path.is_file():
            raise DataError(f"There is no file {path}, which weights names.")
        return None
    file = find_weights_file(layer, shape_before(config))
    state = file.state()
    if state == "whole":
        return None
    # To name them asks for it.
    if fetch is not False and not is_offline():
        return file
    why = f"{OFFLINE} is set" if is_offline() else "--offline was given"
    if state == "another":
        raise file.explain(
            f"are not those in {file.path}, whose checksum is another: it is cut short "
            f"or another file, and {why}, so that nothing is fetched."
        )
    raise file.explain(f"are not here, and {why}, so that nothing is fetched.")


def weights_path(layer: Pretrained) -> Path:
    """The file that ``weights`` names."""
    return Path(os.path.expanduser(str(layer.weights)))


def shape_before(config: Config) -> Shape:
    """Height, width and channels of what reaches ``Pretrained``."""
    shape: Shape = config.image_shape
    for layer in config.model.layers:
        if isinstance(layer, Pretrained):
            break
        shape = layer.output_shape(shape)
    return shape
