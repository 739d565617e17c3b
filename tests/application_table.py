"""Writes the table of Keras's applications, from Keras itself.

Run ``.venv/bin/python tests/application_table.py`` after an update of Keras; the test
of the table says when. It takes minutes.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from math import prod
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.utils import file_utils

from cifarcnn.config.layers.applications import STORAGE
from cifarcnn.network.pretrained import without_values

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "cifarcnn" / "config" / "layers" / "applications.json"

# Even at every stride, and odd: 193, 97, 49, 25, 13, and behind a valid window 195.
EVEN, ODDS = 224, (193, 195)
# The sizes that MobileNet's published files were trained for.
OWN_FILES = (128, 160, 192, 224)

# The side of a map as ``(n + added) // stride`` of the side ``n`` of the picture; None
# for what has one cell. Such functions of one another are one of them again.
Side = tuple[int, int] | None
SAME: Side = (0, 1)


def application_names() -> list[str]:
    """The functions of ``keras.applications``, sorted."""
    return sorted(
        name for name in vars(keras.applications) if callable(build_function(name))
    )


def build_function(name: str) -> Any:
    return getattr(keras.applications, name)


def build(name: str, height: int, width: int) -> Any:
    """A network without values, which costs no memory."""
    with without_values():
        return build_function(name)(
            weights=None, include_top=False, input_shape=(height, width, 3)
        )


def slide(side: Side, window: int, stride: int, padding: str) -> Side:
    """What a window makes of the side of a map.

    ``same`` gives ``(m + stride - 1) // stride`` of ``m`` cells and ``valid``
    ``(m - window + stride) // stride``.
    """
    if side is None:
        return None
    added, before = side
    gained = stride - 1 if padding == "same" else stride - window
    return added + before * gained, before * stride


def row_of(name: str) -> dict[str, Any]:
    """What the table says of one application."""
    networks = [build(name, size, size) for size in (EVEN, *ODDS)]
    even, follower = networks[0], Follower(networks[0])
    for same in zip(*(network.operations for network in networks), strict=True):
        follower.follow(*same)
    side = follower.sides[id(even.output)]
    url, digest = file_of(name, EVEN)
    if file_of(name, OWN_FILES[0]) != (url, digest):
        url = url.replace("_224_", "_{size}_")
    return {
        "file": url.removeprefix(STORAGE),
        "hash": digest,
        "preprocessing": preprocessing_of(name),
        "smallest_side": smallest_side(name),
        "channels": even.output.shape[-1],
        "side": side,
        "layers": len(even.layers),
        # The count of pictures that a Normalization has seen is no weight here.
        "parameters": sum(prod(w.shape) for w in even.weights if w.name != "count"),
        "weight_names": sorted({weight_name(w) for w in even.trainable_weights}),
        "macs_at_once": follower.macs.pop(None, 0),
        "stages": [
            [*stage, follower.macs[stage], follower.values[stage]]
            for stage in sorted(follower.values, key=lambda stage: stage[::-1])
        ],
    }


def weight_name(weight: Any) -> str:
    """What the weight is called here: Keras numbers those of its layer scale."""
    return "kernel" if weight.name.startswith("variable") else weight.name


class Follower:
    """Follows the sides of the maps through a network, and adds up what layers do."""

    def __init__(self, even: Any) -> None:
        self.sides: dict[int, Side] = {id(even.input): SAME}
        # The outputs of paddings that make a strided window the same as ``same``.
        self.fitted: set[int] = set()
        self.macs: dict[Side, int] = defaultdict(int)
        self.values: dict[Any, int] = defaultdict(int)
        self.counted: set[int] = set()

    def follow(self, layer: Any, *odd: Any) -> None:
        """One layer, and the same one of other sizes."""
        if isinstance(layer, keras.layers.InputLayer):
            return
        # The last node: that of the network, where a layer is a network too.
        node = layer._inbound_nodes[-1]
        if isinstance(layer, keras.Sequential):
            start, end = node.input_tensors[0], node.output_tensors[0]
            inside = (outer.layers for outer in (layer, *odd))
            for inner, *odd_inner in zip(*inside, strict=True):
                after = inner._inbound_nodes[-1].output_tensors[0]
                self.add(inner, odd_inner, [start], after)
                start = after
            self.sides[id(end)] = self.sides[id(start)]
        else:
            self.add(layer, odd, node.input_tensors, node.output_tensors[0])

    def add(self, layer: Any, odd: Any, inputs: list[Any], output: Any) -> None:
        """What one layer makes of ``inputs``."""
        side = self.side_of(inputs)
        after = self.after(layer, odd, side, id(inputs[0]) in self.fitted)
        self.sides[id(output)] = after
        for size, same in zip((EVEN, *ODDS), (layer, *odd), strict=True):
            check(same, after, size)
        if macs := macs_per_cell(layer):
            self.macs[after] += macs
        if (
            getattr(layer, "weights", ())
            and side is not None
            and id(inputs[0]) not in self.counted
        ):
            self.counted.add(id(inputs[0]))
            self.values[side] += inputs[0].shape[-1]
        if after is not None:
            self.values[after] += 0

    def side_of(self, inputs: list[Any]) -> Side:
        found = {self.sides[id(tensor)] for tensor in inputs} - {None}
        if len(found) > 1:
            raise ValueError(f"maps of {found} are joined")
        return found.pop() if found else None

    def after(self, layer: Any, odd: Any, side: Side, fitted: bool) -> Side:
        """The side of what a layer makes of maps of ``side``."""
        if isinstance(layer, keras.layers.ZeroPadding2D):
            if any(same.padding != layer.padding for same in odd):
                self.fitted.add(id(layer.output))
                return side
            return offset(side, sum(layer.padding[0]))
        if isinstance(layer, keras.layers.Cropping2D):
            return offset(side, -sum(layer.cropping[0]))
        if "Global" in type(layer).__name__:
            return None
        window = getattr(layer, "kernel_size", getattr(layer, "pool_size", (1, 1)))
        strides = getattr(layer, "strides", (1, 1))
        if isinstance(strides, int):
            strides = (strides, strides)
        padding = "same" if fitted else getattr(layer, "padding", "same")
        ways = {
            slide(side, *pair, padding) for pair in zip(window, strides, strict=True)
        }
        if len(ways) > 1:
            raise ValueError(f"{layer.name} makes {ways} of {side}")
        return ways.pop()


def offset(side: Side, cells: int) -> Side:
    return None if side is None else (side[0] + cells * side[1], side[1])


def check(layer: Any, side: Side, size: int) -> None:
    """See that Keras gives the same shape."""
    shape = layer._inbound_nodes[-1].output_tensors[0].shape
    padded = isinstance(layer, keras.layers.ZeroPadding2D)
    if side is None or len(shape) != 4 or padded:
        return
    expected = (size + side[0]) // side[1]
    if shape[1:3] != (expected, expected):
        raise ValueError(f"{layer.name} gives {shape}, but {side} {expected}")


def macs_per_cell(layer: Any) -> int:
    """Multiply-accumulates of one cell of what the layer gives."""
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    kinds = (
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
        keras.layers.SeparableConv2D,
        keras.layers.Dense,
    )
    if not isinstance(layer, kinds):
        return 0
    return sum(prod(weight.shape) for weight in layer.weights if weight.name in names)


def smallest_side(name: str) -> int:
    """The least side that Keras takes, as its message has it."""
    try:
        build(name, 8, 8)
    except ValueError as error:
        return int(str(error).partition("at least ")[2].partition("x")[0])
    raise ValueError(f"{name} takes pictures of 8x8")


def preprocessing_of(name: str) -> str:
    """How ``preprocess_input`` of the application scales pixels."""
    module = sys.modules[build_function(name).__module__]
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    found = module.preprocess_input(pixels.copy())
    if np.array_equal(found, pixels):
        return "none"
    for mode in ("caffe", "tf", "torch"):
        known = keras.applications.imagenet_utils.preprocess_input(
            pixels.copy(), mode=mode
        )
        if np.array_equal(found, known):
            return mode
    raise ValueError(f"{name} prepares its input in a way of its own")


def file_of(name: str, size: int) -> tuple[str, str | None]:
    """Address and hash of the file that Keras would fetch."""

    class Asked(Exception):
        pass

    def record(_: str, origin: str, file_hash: str | None = None, **rest: Any) -> str:
        raise Asked(origin, file_hash)

    original, file_utils.get_file = file_utils.get_file, record
    try:
        with without_values():
            build_function(name)(
                weights="imagenet", include_top=False, input_shape=(size, size, 3)
            )
    except Asked as asked:
        url, digest = asked.args
        return url, digest
    finally:
        file_utils.get_file = original
    raise ValueError(f"{name} asks for no file")


def main() -> None:
    rows = {}
    for name in application_names():
        rows[name] = row_of(name)
        print(name, rows[name], flush=True)
    lines = ",\n".join(f' "{name}": {json.dumps(row)}' for name, row in rows.items())
    TABLE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
