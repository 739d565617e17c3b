"""The table of `check` is what Keras builds, layer by layer."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cifarcnn.config import ChannelStatistics, Config, check_config, summarize
from cifarcnn.config.layers import LAYERS, flatten_layers
from cifarcnn.config.shipped import find_shipped, shipped_names, zoo_names
from cifarcnn.config.yaml_text import dump

if TYPE_CHECKING:
    import keras

    from cifarcnn.config import Checked, Summary

NETWORKS = int(os.environ.get("CIFARCNN_RANDOM_NETWORKS", "300"))
COMPUTED = 20
REFUSED = 60
CLASSES = 10
Layer = dict[str, Any] | str

# --- random networks -----------------------------------------------------------------


def pair(chance: random.Random, low: int, high: int) -> int | list[int]:
    """One number for both sides, or one for each."""
    if chance.random() < 0.6:
        return chance.randint(low, high)
    return [chance.randint(low, high), chance.randint(low, high)]


def some(chance: random.Random, **arguments: Any) -> dict[str, Any]:
    """A random part of optional arguments."""
    return {key: value for key, value in arguments.items() if chance.random() < 0.4}


def window(chance: random.Random) -> dict[str, Any]:
    """The arguments that the three convolutions share."""
    moves = chance.choice(["strides", "dilation_rate", None])
    return {
        "kernel_size": pair(chance, 1, 5),
        **({moves: pair(chance, 1, 3)} if moves else {}),
        **some(
            chance,
            padding=chance.choice(["same", "valid"]),
            activation=chance.choice(["relu", "gelu", "tanh", "silu", "leaky_relu"]),
            use_bias=chance.random() < 0.5,
        ),
    }


def convolution(chance: random.Random) -> Layer:
    groups = chance.choice([1, 1, 1, 2, 3, 4])
    return {
        "Conv2D": {
            "filters": groups * chance.randint(1, 4),
            **window(chance),
            **({"groups": groups} if groups > 1 else {}),
            **some(
                chance,
                kernel_initializer=chance.choice(["he_normal", "Orthogonal", "Ones"]),
                kernel_regularizer={"L2": 0.001},
            ),
        }
    }


def normalization(chance: random.Random) -> Layer:
    kind = chance.choice(
        ["BatchNormalization", "LayerNormalization", "GroupNormalization"]
    )
    arguments = some(
        chance, center=chance.random() < 0.5, scale=chance.random() < 0.5, epsilon=1e-5
    )
    if kind == "GroupNormalization":
        arguments["groups"] = chance.choice([-1, 1, 1, 2, 3, 4])
    return {kind: arguments}


def residual(chance: random.Random) -> Layer:
    filters = chance.randint(1, 4)
    strides = chance.randint(1, 2)
    kind = chance.choice(["Conv2D", "SeparableConv2D"])
    main: list[Layer] = [
        normalization(chance),
        {kind: {"filters": filters, "kernel_size": 3, "padding": "same",
                "strides": strides}},
    ]  # fmt: skip
    short: list[Layer] = [
        {"Conv2D": {"filters": filters, "kernel_size": 1, "strides": strides}}
    ]
    if chance.random() < 0.3:
        main.append({"Residual": [{"Activation": "relu"}, {"Dropout": 0.1}]})
    if chance.random() < 0.3:
        return {"Residual": [{"Activation": "relu"}, normalization(chance)]}
    return {"Residual": {"layers": main, "shortcut": short}}


def branches(chance: random.Random) -> Layer:
    """Branches that fit: every one keeps height and width."""

    def keeping(filters: int) -> list[Layer]:
        return [
            {"Conv2D": {"filters": filters, "kernel_size": 3, "padding": "same"}},
            *([any_layer(chance)] if chance.random() < 0.5 else []),
        ]

    if chance.random() < 0.5:
        return {"Concatenate": [keeping(chance.randint(1, 3)), [], keeping(2)]}
    filters = chance.randint(2, 4)
    gates: list[list[Layer]] = [
        ["GlobalAveragePooling2D", {"Dense": filters}],
        [{"GlobalMaxPooling2D": {"keepdims": True}}, {"Dense": filters}],
        [{"Conv2D": {"filters": 1, "kernel_size": 1}}],
    ]
    return {"Multiply": [keeping(filters), chance.choice(gates)]}


def pooling(chance: random.Random) -> Layer:
    kind = chance.choice(["MaxPooling2D", "AveragePooling2D"])
    return {
        kind: some(
            chance,
            pool_size=pair(chance, 1, 4),
            strides=pair(chance, 1, 4),
            padding=chance.choice(["same", "valid"]),
        )
    }


def map_layer(chance: random.Random) -> Layer:
    """A layer for maps, whether or not it fits."""
    kinds = [
        convolution,
        convolution,
        lambda c: {
            "SeparableConv2D": {
                "filters": c.randint(1, 5),
                **window(c),
                **some(c, depth_multiplier=c.randint(1, 3)),
            }
        },
        lambda c: {
            "DepthwiseConv2D": {
                **window(c),
                **some(c, depth_multiplier=c.randint(1, 3)),
            }
        },
        pooling,
        normalization,
        residual,
        branches,
        lambda c: {
            "ZeroPadding2D": c.choice([1, [0, 2], [[1, 2], [0, 3]], [[0, 0], [4, 0]]])
        },
        any_layer,
        lambda c: {"SpatialDropout2D": 0.2},
        lambda c: {
            "UpSampling2D": {
                "size": pair(c, 1, 2),
                "interpolation": c.choice(["nearest", "bilinear"]),
            }
        },
        lambda c: {
            "Resizing": {
                "height": c.randint(1, 20),
                "width": c.randint(1, 20),
                "interpolation": c.choice(["nearest", "bilinear"]),
            }
        },
        lambda c: {"PReLU": some(c, shared_axes=c.choice([1, [1, 2], [2, 3]]))},
        lambda c: {"Dense": c.randint(1, 5)},
    ]
    return chance.choice(kinds)(chance)


def any_layer(chance: random.Random) -> Layer:
    """A layer for maps and for what is flat."""
    return chance.choice(
        [
            {"Activation": chance.choice(["relu", "softplus", "hard_sigmoid"])},
            {"Dropout": 0.2},
            {"AlphaDropout": 0.2},
            "PReLU",
            {"GaussianNoise": 0.1},
            {"Rescaling": {"scale": 0.5, "offset": 1.0}},
            "BatchNormalization",
            "LayerNormalization",
        ]
    )


def network(chance: random.Random) -> dict[str, Any]:
    """A config; most of them are right."""
    layers = [map_layer(chance) for _ in range(chance.randint(1, 6))]
    layers.append(
        chance.choice(
            [
                "Flatten",
                "GlobalAveragePooling2D",
                "GlobalMaxPooling2D",
                {"GlobalAveragePooling2D": {"keepdims": True}},
            ]
        )
    )
    if isinstance(layers[-1], dict):
        layers.append("Flatten")
    if chance.random() < 0.5:
        layers += [any_layer(chance), {"Dense": {"units": chance.randint(1, 6)}}]
    layers.append({"Dense": {"units": CLASSES, "activation": "softmax"}})
    return {"data": {"dataset": "synthetic"}, "model": {"layers": layers}}


# --- what Keras makes of them --------------------------------------------------------


def build(config: Config) -> keras.Model:
    from cifarcnn.network.builder import build_model

    return build_model(config, CLASSES)


def assert_equal(summary: Summary, model: keras.Model) -> None:
    """Every row is the layer of its name, and there is no other layer."""
    rows = [
        (row.name, row.type, (None, *row.output_shape), row.parameters)
        for row in summary.rows
    ]
    own = {"images_0_to_255", "normalization", "probabilities"}
    built = {
        layer.name: (
            layer.name,
            # A network within the network.
            {"Functional": "Pretrained"}.get(kind := type(layer).__name__, kind),
            tuple(layer.output.shape),
            layer.count_params(),
        )
        for layer in model.layers
        if layer.name not in own
    }
    assert rows == [built[name] for name, *_ in rows]
    assert len(rows) == len(built)
    assert summary.parameters == model.count_params()


def read(value: dict[str, Any], folder: Path) -> Checked:
    path = folder / "network.yaml"
    path.write_text(dump(value), encoding="utf-8")
    return check_config(path, [])


ZOO = [pytest.param(name, marks=pytest.mark.slow) for name in zoo_names()]


@pytest.mark.parametrize("name", [*shipped_names(), *ZOO])
def test_the_table_of_a_shipped_config_is_what_keras_builds(
    name: str, keras: Any
) -> None:
    path = find_shipped(name)
    assert path is not None
    config = check_config(path, []).config
    assert config is not None
    if config.data.normalization == "standard":
        config = config.with_normalization(
            ChannelStatistics(mean=[0.5, 0.5, 0.5], deviation=[0.2, 0.2, 0.2])
        )
    assert_equal(summarize(config), build(config))


@pytest.mark.slow
def test_the_tables_of_random_networks_are_what_keras_builds(
    tmp_path: Path, keras: Any
) -> None:
    import numpy as np

    chance = random.Random(20260)
    kinds: set[str] = set()
    done = 0
    while done < NETWORKS:
        if done % 50 == 0:
            keras.backend.clear_session()
        value = network(chance)
        checked = read(value, tmp_path)
        if checked.config is None:
            continue
        try:
            model = build(checked.config)
            assert_equal(checked.summary, model)
            if done < COMPUTED:
                image = np.zeros((1, *checked.config.image_shape), np.uint8)
                assert model(image).shape == (1, CLASSES)
        except Exception as error:
            # Without AVX-512 VNNI TensorFlow does without oneDNN, which computes them.
            if "only supports equal length strides" not in str(error):
                error.add_note(dump(value))
                raise
        kinds |= {layer.type for layer in flatten_layers(checked.config.model.layers)}
        done += 1
    # Whole networks take too long for that: test_pretrained.py compares them.
    assert kinds == {layer.__name__ for layer in LAYERS} - {"Pretrained"}


# What the table refuses and Keras refuses too. (Keras lets a residual of 1x1 maps be
# added to larger ones, and leaves softmax and the end of a network to the user. Strides
# with dilation it refuses for Conv2D alone; for the others TensorFlow's documentation
# of `tf.nn.depthwise_conv2d` does.)
SHARED = ("does not fit", "cannot be divided", "used together", "needs maps")


def misfit(chance: random.Random) -> Layer:
    """A layer that is likely not to fit."""
    return chance.choice(
        [
            {"Conv2D": {"filters": 2, "kernel_size": 2, "strides": [1, 2],
                        "dilation_rate": [2, 1]}},
            {"Conv2D": {"filters": chance.randint(1, 4), "kernel_size": 1,
                        "groups": chance.randint(2, 5)}},
            {"GroupNormalization": chance.randint(1, 8)},
            {chance.choice(["MaxPooling2D", "AveragePooling2D"]): 30},
            {"SeparableConv2D": {"filters": 2, "kernel_size": [1, 33]}},
        ]
    )  # fmt: skip


def test_keras_refuses_the_shapes_that_the_table_refuses(
    tmp_path: Path, keras: Any
) -> None:
    chance = random.Random(20261)
    met: set[str] = set()
    done = 0
    while done < REFUSED:
        value = network(chance)
        layers = value["model"]["layers"]
        if chance.random() < 0.2:
            layers.insert(-1, map_layer(chance))
        else:
            layers.insert(chance.randrange(len(layers) - 1), misfit(chance))
        checked = read(value, tmp_path)
        first = [p.message for p in checked.problems][:1]
        told = {part for part in SHARED for message in first if part in message}
        if not told:
            continue
        config = Config.model_validate(value)
        try:
            build(config)
        except (ValueError, TypeError, IndexError):
            met |= told
            done += 1
            continue
        layer = layers[int(checked.problems[0].path.split("[")[1].split("]")[0])]
        assert "used together" in told and "Conv2D" not in layer, dump(value)
    assert met == set(SHARED)


@pytest.mark.parametrize(
    "layers",
    [
        ["Residual: [Conv2D: {filters: 3, kernel_size: 3}]"],
        ["Residual: [Dense: 4]"],
        ["Residual: {layers: [MaxPooling2D], shortcut: [MaxPooling2D: 4]}"],
        ["GroupNormalization: 0"],
        ["Concatenate: [[], [MaxPooling2D]]"],
        ["Concatenate: [[], [GlobalMaxPooling2D: {keepdims: true}]]"],
        ["Concatenate: [[], [Flatten]]"],
        ["Multiply: [[], [Dense: 4]]"],
        ["Multiply: [[GlobalMaxPooling2D, Dense: 4], []]"],
    ],
)
def test_keras_refuses_these_too(layers: list[str], tmp_path: Path, keras: Any) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"model: {{layers: [{layers[0]}, Flatten, Dense: 10]}}")
    assert check_config(path, []).config is None
    import yaml

    config = Config.model_validate(yaml.safe_load(path.read_text()))
    with pytest.raises((ValueError, ZeroDivisionError)):
        build(config)
