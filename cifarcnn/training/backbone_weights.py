"""Trained weights of a backbone, read at the start of a training."""

from __future__ import annotations

from pathlib import Path

import keras

from cifarcnn.config.layers import find_pretrained
from cifarcnn.errors import RunError
from cifarcnn.network.pretrained_weights import load_application_weights
from cifarcnn.network.weights import read_weights, write_weights
from cifarcnn.runs.manifest import WEIGHTS_FILES, read_manifest
from cifarcnn.runs.weights import describe_arrays, first_difference, load_weights
from cifarcnn.training.networks import Networks


def load_backbone(networks: Networks) -> None:
    """Give the backbone, if there is one, the weights that it begins with.

    Raises:
        DataError: The file of an application is missing or damaged, or does not fit.
        RunError: The run is gone, or its weights are damaged or of other layers.
    """
    layer = find_pretrained(networks.config.model.layers)
    if layer is None:
        return
    backbone = networks.stock.get_layer(layer.name)
    load_application_weights(backbone, layer)
    if layer.run is not None:
        load_run_weights(backbone, Path(layer.run))
    write_weights(networks.trained, read_weights(networks.stock))


def load_run_weights(backbone: keras.Model, run: Path) -> None:
    """Set the weights of a backbone from those that a run settled on.

    Raises:
        RunError: The run is gone, or its weights are damaged or of other layers.
    """
    manifest = read_manifest(run)
    (record, *_) = manifest.weights[WEIGHTS_FILES["selected"]]
    # All of them, also of the layers that are left out: the file is checked whole.
    listed = {
        # A network that comes with the program keeps its weights in half the room.
        name: (item.shape, "float32" if item.dtype == "float16" else item.dtype)
        for name, item in record.arrays.items()
    }
    arrays = load_weights(run, "selected", listed).arrays
    prefix = f"{backbone.name}/"
    wanted = {weight.path.removeprefix(prefix): weight for weight in backbone.weights}
    held = {name: arrays[name] for name in wanted if name in arrays}
    expected = describe_arrays(read_weights(backbone))
    difference = first_difference(
        {prefix + name: spec for name, spec in describe_arrays(held).items()}, expected
    )
    if difference:
        raise RunError(
            f"The weights of {run} do not fit the layers of {backbone.name}: "
            f"{difference}. The run was trained anew since the config was read."
        )
    for name, weight in wanted.items():
        weight.assign(held[name])
