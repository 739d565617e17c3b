"""The network of a config as a flat functional model of stock Keras layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras

from cifarcnn.config import Config
from cifarcnn.config.datasets import Normalization
from cifarcnn.config.initializers import Identity, Whitening
from cifarcnn.config.layers import AnyLayer
from cifarcnn.config.layers.merging import Merging
from cifarcnn.config.layers.pretrained import Pretrained
from cifarcnn.config.named_choice import Choice
from cifarcnn.config.summary import require_classes
from cifarcnn.errors import UsageError
from cifarcnn.network.initialization import set_identities
from cifarcnn.network.pretrained import pretrained_network
from cifarcnn.network.run_backbone import build_run_backbone

Make: TypeAlias = Callable[[AnyLayer], Any]


@dataclass(frozen=True)
class Inside:
    """How the layers of a run within a network are made.

    Attributes:
        make: From all of them to what makes the Keras layer of each.
        frozen: The kind of model of those that are not trained.
    """

    make: Callable[[Sequence[AnyLayer]], Make]
    frozen: type[keras.Model]


# Whoever divides by 255 first gives black images: a cast to uint8 follows.
INPUT = "images_0_to_255"
NORMALIZATION = "normalization"
PROBABILITIES = "probabilities"


def build_model(config: Config, class_count: int) -> keras.Model:
    """Build the untrained network, normalization and softmax included.

    Input shape: ``(n, *config.image_shape)``, uint8, red, green, blue, 0 to 255.
    Output shape: ``(n, class_count)``, float32, probabilities that add to 1.

    The initial weights follow Keras's global seed: call
    ``keras.utils.set_random_seed`` before to repeat them.

    Filters that start as an identity do so here; those that start by whitening, which
    needs images, are random until training sets them.

    Raises:
        UsageError: ``data.normalization`` is still ``standard``, or the last layer
            does not give one number per class.
    """
    model = assemble(config, class_count, convert_layer)
    set_identities(model, config.model.layers)
    return model


def assemble(
    config: Config,
    class_count: int,
    make: Make,
    inside: Inside | None = None,
) -> keras.Model:
    """The layers of a config, put together.

    Args:
        config: Names the layers.
        class_count: What the last layer must give.
        make: Makes the Keras layer of each; of a layer with branches the one that
            joins them.
        inside: How the layers of a run within it are made; left out, of stock layers.

    Raises:
        UsageError: As for :func:`build_model`.
    """
    images = keras.Input(config.image_shape, dtype="uint8", name=INPUT)
    scale, offset = normalization(config)
    normalized = keras.layers.Rescaling(scale, offset, name=NORMALIZATION)(images)
    layers = without_softmax(config.model.layers)
    logits = _stack(layers, normalized, make, inside or _STOCK)
    require_classes(tuple(logits.shape[1:]), class_count)
    # float32 whatever the precision of the layers: small probabilities matter.
    softmax = keras.layers.Softmax(name=PROBABILITIES, dtype="float32")
    return keras.Model(images, softmax(logits), name="cifarcnn")


def convert_layer(layer: AnyLayer, **overrides: Any) -> Any:
    """The stock Keras layer of the same name, or the one that joins branches.

    A network trained before is made when it is called, for it depends on the shape.

    Args:
        layer: Its class has the name and the fields of the Keras layer.
        overrides: Arguments that take the place of those in ``layer``.

    Raises:
        AttributeError: Keras has no layer of that name.
    """
    if isinstance(layer, Pretrained):
        return pretrained_network(layer)
    if isinstance(layer, Merging):
        return getattr(keras.layers, layer.joined_by)(name=layer.name, **overrides)
    return convert_choice(keras.layers, layer, **overrides)


def convert_choice(module: Any, choice: Choice, **overrides: Any) -> Any:
    """Build the object of ``module`` that ``choice`` names, with its arguments.

    Args:
        module: Such as ``keras.layers`` or ``keras.optimizers``.
        choice: Its class has the name and the fields of the Keras class.
        overrides: Arguments that take the place of those in ``choice``.

    Raises:
        AttributeError: ``module`` has no such class.
    """
    arguments = {**convert_arguments(choice.arguments()), **overrides}
    return getattr(module, choice.type)(**arguments)


def convert_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same arguments with initializers, regularizers and constraints as
    Keras objects."""
    return {name: _convert(name, value) for name, value in arguments.items()}


def _convert(name: str, value: Any) -> Any:
    if not isinstance(value, Choice):
        return value
    if isinstance(value, Identity | Whitening):
        # Keras has neither: the layer starts like PyTorch's, uniformly within one over
        # the root of its inputs, and `initialization` sets the filters that are known.
        return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    module = getattr(keras, f"{name.rpartition('_')[2]}s")
    return convert_choice(module, value)


def logits_model(model: keras.Model) -> keras.Model:
    """The same layers without the softmax at the end; weights are shared."""
    return keras.Model(model.input, model.get_layer(PROBABILITIES).input, name="logits")


def normalization(config: Config) -> tuple[Any, Any]:
    """Scale and offset, so that ``scale * pixel + offset`` is what the layers see."""
    return scale_and_offset(config.data.normalization)


def scale_and_offset(normalization: Normalization) -> tuple[Any, Any]:
    """The same of one of the ways to normalize.

    Raises:
        UsageError: It is still to be measured.
    """
    if normalization == "unit":
        return 1 / 255, 0.0
    if normalization == "none":
        return 1.0, 0.0
    if normalization == "standard":
        raise UsageError(
            "data.normalization is `standard`, which needs the mean and the deviation "
            "of the training pictures: pass the config through "
            "config.with_normalization(statistics) first, or load a trained run."
        )
    pairs = list(zip(normalization.mean, normalization.deviation, strict=True))
    return (
        [1 / (255 * deviation) for _, deviation in pairs],
        [-mean / deviation for mean, deviation in pairs],
    )


def without_softmax(layers: Sequence[AnyLayer]) -> list[AnyLayer]:
    """The same layers, the last that has an activation without its softmax.

    It may be the last of a run that is used to its end.
    """
    layers = list(layers)
    for place in reversed(range(len(layers))):
        layer = layers[place]
        if isinstance(layer, Pretrained):
            inside = layer.layers and without_softmax(layer.layers)
            layers[place] = layer.model_copy(update={"layers": inside})
            break
        activation = getattr(layer, "activation", None)
        if activation is None:
            continue
        if activation == "softmax":
            layers[place] = layer.model_copy(update={"activation": "linear"})
        break
    return layers


_STOCK = Inside(lambda layers: convert_layer, keras.Model)


def _stack(layers: Sequence[AnyLayer], tensor: Any, make: Make, inside: Inside) -> Any:
    for layer in layers:
        if isinstance(layer, Merging):
            ends = [
                _stack(branch, tensor, make, inside)
                for _, branch in layer.walk_branches()
            ]
            tensor = make(layer)(ends)
        elif isinstance(layer, Pretrained) and layer.application is None:
            tensor = _backbone(layer, tensor, inside)
        else:
            tensor = make(layer)(tensor)
    return tensor


def _backbone(layer: Pretrained, tensor: Any, inside: Inside) -> Any:
    def stack(layers: Sequence[AnyLayer], values: Any) -> Any:
        return _stack(layers, values, inside.make(layers), inside)

    scale, offset = scale_and_offset(layer.normalization or "none")
    kind = keras.Model if layer.trainable else inside.frozen
    model = build_run_backbone(layer, tensor.shape[1:], scale, offset, stack, kind)
    if layer.trainable:
        return model(tensor)
    # Also where it is fine-tuned: its statistics stay, and its dropout is off.
    return model(tensor, training=False)
