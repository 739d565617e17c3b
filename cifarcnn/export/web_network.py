"""A network as a list of layers and their weights, which JavaScript can compute.

Tensor 0 is the image; layer ``i`` makes tensor ``i + 1``. Layers have Keras's names and
arguments, so that Keras itself can make them again from the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias, get_args

import keras
import numpy as np

from cifarcnn.config.layers.base import Activation
from cifarcnn.errors import RunError

Array: TypeAlias = np.ndarray[Any, Any]
Entry: TypeAlias = dict[str, Any]

_SAME_AT_USE = (
    "Dropout",
    "SpatialDropout2D",
    "AlphaDropout",
    "GaussianNoise",
    "GaussianDropout",
)
_CONVOLUTION = (
    *("kernel_size", "strides", "padding", "dilation_rate"),
    *("activation", "use_bias"),
)
_DEPTHWISE = (*_CONVOLUTION, "depth_multiplier")
_POOLING = ("pool_size", "strides", "padding")
_SCALING = ("axis", "epsilon", "center", "scale")
# The arguments of each layer that web/network.js knows.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling2D": _POOLING,
    "BatchNormalization": _SCALING,
    "Concatenate": ("axis",),
    "Conv2D": ("filters", *_CONVOLUTION, "groups"),
    "Dense": ("units", "activation", "use_bias"),
    "DepthwiseConv2D": _DEPTHWISE,
    "Flatten": (),
    "GlobalAveragePooling2D": ("keepdims",),
    "GlobalMaxPooling2D": ("keepdims",),
    "GroupNormalization": (*_SCALING, "groups"),
    "LayerNormalization": _SCALING,
    "MaxPooling2D": _POOLING,
    "Multiply": (),
    "PReLU": ("shared_axes",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "Resizing": ("height", "width", "interpolation"),
    "SeparableConv2D": ("filters", *_DEPTHWISE),
    "Softmax": ("axis",),
    "UpSampling2D": ("size", "interpolation"),
    "ZeroPadding2D": ("padding",),
}


def list_layers(model: keras.Model) -> tuple[list[Entry], list[Array]]:
    """The layers in the order of their computation, and their weights.

    Returns:
        Of each layer ``type``, ``name``, ``inputs`` (numbers of tensors), ``shape``
        (without the batch), ``arguments`` and ``weights`` (by name, places in the
        second result, which is float32).

    Raises:
        RunError: There are layers that JavaScript does not compute here; each is named.
    """
    layers: list[Entry] = []
    arrays: list[Array] = []
    refused = [f"{name} ({reason})" for name, reason in find_obstacles(model)]
    if refused:
        raise RunError(
            f"a page cannot compute {'; '.join(refused[:5])}"
            f"{f' and {len(refused) - 5} more layers' if refused[5:] else ''}. "
            "`--format onnx` and `--format litert` can."
        )
    numbers = {id(model.inputs[0]): 0}
    for layer, inputs, output in _walk(model):
        if isinstance(layer, str):  # a network within: another name for a tensor
            numbers[id(output)] = numbers[id(inputs[0])]
            continue
        places = [numbers[id(tensor)] for tensor in inputs]
        if type(layer).__name__ in _SAME_AT_USE:
            numbers[id(output)] = places[0]
            continue
        layers.append(_describe(layer, places, output, arrays))
        numbers[id(output)] = len(layers)
    return layers, arrays


def find_obstacles(model: keras.Model) -> Iterator[tuple[str, str]]:
    """The layers that a page cannot compute: the name of each, and why.

    Args:
        model: Its weights need no values.
    """
    for layer, _, _ in _walk(model):
        if isinstance(layer, str) or type(layer).__name__ in _SAME_AT_USE:
            continue
        if reason := _find_obstacle(layer):
            yield layer.name, reason


def rebuild(
    layers: list[Entry], arrays: list[Array], image_size: list[int]
) -> keras.Model:
    """The network of a list of layers, from uint8 images to probabilities.

    Args:
        layers: As from :func:`list_layers`.
        arrays: The weights.
        image_size: Height and width in pixels.
    """
    images = keras.Input((*image_size, 3), dtype="uint8")
    tensors = [images]
    for entry in layers:
        layer = getattr(keras.layers, entry["type"])(
            **entry["arguments"], dtype="float32"
        )
        inputs = [tensors[number] for number in entry["inputs"]]
        tensors.append(layer(inputs if len(inputs) > 1 else inputs[0]))
        for weight in layer.weights:
            weight.assign(arrays[entry["weights"][weight.name]])
    return keras.Model(images, tensors[-1])


def _walk(model: keras.Model) -> Iterator[tuple[Any, list[Any], Any]]:
    """Each operation with what goes in and comes out; of networks within theirs."""
    if isinstance(model, keras.Sequential):
        model = model._functional
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            operation, inputs = node.operation, node.arguments.keras_tensors
            (output,) = node.outputs
            if isinstance(operation, keras.Model):
                yield "in", inputs, operation.inputs[0]
                yield from _walk(operation)
                yield "out", operation.outputs, output
            else:
                yield operation, inputs, output


def _find_obstacle(layer: Any) -> str | None:
    """Why the page cannot compute it; None: it can."""
    kind = type(layer).__name__
    if not isinstance(layer, keras.layers.Layer):
        return f"the operation {kind}"
    if kind not in _ARGUMENTS or type(layer) is not getattr(keras.layers, kind, None):
        return kind
    config = layer.get_config()
    activation = config.get("activation", "linear")
    if activation not in get_args(Activation):
        return f"{kind} with the activation {activation}"
    if (way := config.get("interpolation", "nearest")) not in ("nearest", "bilinear"):
        return f"{kind} with the interpolation {way}"
    axis = config.get("axis", -1)
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    if axes not in ([-1], [len(layer.output.shape) - 1]):
        return f"{kind} along axis {', '.join(map(str, axes))}"
    return None


def _describe(layer: Any, places: list[int], output: Any, arrays: list[Array]) -> Entry:
    config = layer.get_config()
    names = {}
    for weight in layer.weights:
        names[weight.name] = len(arrays)
        arrays.append(np.asarray(keras.ops.convert_to_numpy(weight), "<f4"))
    kind = type(layer).__name__
    return {
        "type": kind,
        "name": layer.name,
        "inputs": places,
        "shape": list(output.shape[1:]),
        "arguments": {name: _plain(config[name]) for name in _ARGUMENTS[kind]},
        "weights": names,
    }


def _plain(value: Any) -> Any:
    """The same for JSON."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
