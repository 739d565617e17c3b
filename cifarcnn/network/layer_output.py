"""What comes out of a layer of a network."""

from __future__ import annotations

from typing import Any

import keras


def layer_output(model: keras.Model, name: str) -> Any:
    """The symbolic result of a layer where it stands in a network.

    Of a network within it Keras's ``output`` is another one: that of its own inside.

    Args:
        model: From ``build_model`` and the like, whose layers are called once.
        name: Of the layer.
    """
    return model.get_layer(name)._inbound_nodes[0].output_tensors[0]
