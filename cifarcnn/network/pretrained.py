"""A network that was trained before, as one layer of another.

Keras's function builds it, and every layer is then made again: with a name that does
not depend on what else the process built, below the name that the config gives to the
whole, and of stock layers alone, so that ``model.keras`` opens anywhere.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

# Not public: nothing that is says which variables still wait for values.
from keras.src.backend.common import global_state

from cifarcnn.config.layers.applications import Preprocessing
from cifarcnn.config.layers.pretrained import Pretrained
from cifarcnn.config.named_choice import snake_case

# As ``keras.applications.imagenet_utils.preprocess_input`` has them; the last is also
# ``IMAGENET_STDDEV_RGB`` of ``keras.src.applications.efficientnet``.
_BLUE_GREEN_RED = (103.939, 116.779, 123.68)
_MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

# Makes a layer of Keras's class, or of another one in its place, from its arguments.
MakeKerasLayer = Callable[[Any, dict[str, Any]], Any]


def make_stock_layer(kind: Any, arguments: dict[str, Any]) -> Any:
    """The layer of Keras's class."""
    return kind.from_config(arguments)


def pretrained_network(
    layer: Pretrained,
    make: MakeKerasLayer = make_stock_layer,
    kind: type[keras.Model] = keras.Model,
) -> Callable[[Any], Any]:
    """What makes the network of a layer when it is called, as a Keras layer is.

    It takes pictures ``(n, height, width, 3)``, 0 to 255. Random weights follow Keras's
    global seed.

    Args:
        layer: Of the config.
        make: Makes the layers within.
        kind: What to make of them.
    """

    def call(pictures: Any) -> Any:
        network = build_pretrained(layer, pictures.shape[1:], make, kind)
        if layer.trainable:
            return network(pictures)
        return network(pictures, training=False)

    return call


def build_pretrained(
    layer: Pretrained,
    shape: tuple[int, ...],
    make: MakeKerasLayer = make_stock_layer,
    kind: type[keras.Model] = keras.Model,
) -> keras.Model:
    """The network by itself, called as the layer is, its own preprocessing included.

    Args:
        layer: With an application.
        shape: Height, width and channels of the pictures.
        make: Makes the layers within.
        kind: What to make of them.
    """
    # Only its layers' arguments matter, so that values would be a waste of time.
    with without_values():
        template = build_application(layer, shape)
    renamed = _Renaming(template, make)
    with keras.name_scope(layer.name):
        clone = keras.models.clone_model(
            template, clone_function=renamed.clone, recursive=True
        )
        # Not `clone.input`, which may be a list of one.
        network = kind(clone.inputs[0], clone.outputs[0], name=layer.name)
    network.trainable = layer.trainable
    for fixed in renamed.fixed:
        fixed.trainable = False
    return network


@contextlib.contextmanager
def without_values() -> Iterator[None]:
    """Build layers whose weights get no values, neither now nor later.

    Keras makes up for what such a scope left out at the end of its next one: of several
    large networks that are gigabytes, for nothing.
    """
    name = "uninitialized_variables"
    pending = global_state.get_global_attribute(name, [], set_to_default=True)
    before = [*pending]
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        pending[:] = before


def build_application(layer: Pretrained, shape: tuple[int, ...]) -> keras.Model:
    """Keras's own network behind its preprocessing, with random weights."""
    pictures = keras.Input(shape, name="pictures")
    return getattr(keras.applications, str(layer.application))(
        include_top=False,
        weights=None,
        input_tensor=_preprocess(pictures, layer.known.preprocessing),
        input_shape=tuple(shape),
        pooling=layer.pooling,
    )


def _preprocess(pictures: Any, way: Preprocessing) -> Any:
    """What ``preprocess_input`` of the network does, in layers of Keras."""
    if way == "tf":
        return keras.layers.Rescaling(1 / 127.5, -1.0)(pictures)
    if way == "torch":
        scale = [1 / (255 * deviation) for deviation in DEVIATION]
        pairs = zip(_MEAN, DEVIATION, strict=True)
        offset = [-mean / deviation for mean, deviation in pairs]
        return keras.layers.Rescaling(scale, offset)(pictures)
    if way == "caffe":
        offset = [-mean for mean in _BLUE_GREEN_RED]
        return keras.layers.Rescaling(1.0, offset)(ops.flip(pictures, axis=-1))
    return pictures


class _Renaming:
    """Makes the layers of a network again, under names that are always the same.

    Attributes:
        fixed: The layers that never learn.
    """

    def __init__(self, template: keras.Model, make: MakeKerasLayer) -> None:
        self._make = make
        # Only those that Keras did not number.
        self._taken = {
            operation.name
            for operation in template.operations
            if not _is_numbered(operation)
        }
        self._counts: Counter[str] = Counter()
        self.fixed: list[Any] = []

    def clone(self, layer: Any) -> Any:
        """The same layer, without weights' values, or a stock layer that does as it.

        Args:
            layer: Or an operation of ``keras.ops``.
        """
        kind, arguments = type(layer), layer.get_config()
        arguments["name"] = self._name(layer)
        if not isinstance(layer, keras.layers.Layer):
            return kind.from_config(arguments)
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            # Its mean and deviation are numbers of a file; as the statistics of a batch
            # normalization that rests they are weights like all others.
            kind = keras.layers.BatchNormalization
            arguments = {
                "name": arguments["name"],
                "epsilon": 0.0,
                "center": False,
                "scale": False,
            }
            made = kind(**arguments)
            self.fixed.append(made)
            return made
        if type(layer).__name__ == "LayerScale":
            # No stock layer; a factor for each channel is a depthwise filter of 1x1.
            kind = keras.layers.DepthwiseConv2D
            arguments = {
                "name": arguments["name"],
                "kernel_size": 1,
                "use_bias": False,
                "depthwise_initializer": keras.initializers.Constant(layer.init_values),
            }
        if type(layer).__name__ == "CustomScaleLayer":
            return self._scaled_sum(layer, arguments["name"])
        return self._make(kind, arguments)

    def _scaled_sum(self, layer: Any, name: str) -> keras.Model:
        """In place of InceptionResNetV2's layer that adds a share of its second."""
        first, second = (keras.Input(tensor.shape[1:]) for tensor in layer.input)
        scaling = {"name": "scaled", "scale": layer.scale, "offset": 0.0}
        scaled = self._make(keras.layers.Rescaling, scaling)(second)
        total = self._make(keras.layers.Add, {"name": "sum"})([first, scaled])
        return keras.Model([first, second], total, name=name)

    def _name(self, layer: Any) -> str:
        """The layer's name, numbered anew where Keras numbered it."""
        if not _is_numbered(layer):
            return str(layer.name)
        base = snake_case(type(layer).__name__)
        self._counts[base] += 1
        while f"{base}_{self._counts[base]}" in self._taken:
            self._counts[base] += 1
        return f"{base}_{self._counts[base]}"


def _is_numbered(layer: Any) -> bool:
    """Whether Keras made up the name of a layer, which counts those of the process."""
    base = snake_case(type(layer).__name__)
    return re.fullmatch(rf"{base}(_\d+)?", layer.name) is not None
