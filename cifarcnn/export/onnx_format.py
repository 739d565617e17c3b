"""ONNX, by Keras and tf2onnx, with what these do not get right set right.

tf2onnx does not know TensorFlow's ``Erfc``, which exact GELU is made of, nor the
compiled functions that Keras computes grouped convolutions with on a CPU. It writes
either into a file that no runtime can load, and only logs that.
"""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cifarcnn.cpu import usable_cores
from cifarcnn.export.file_format import (
    INPUT,
    OUTPUT,
    Answers,
    Array,
    Description,
    FileFormat,
    Predict,
    Reduction,
    measure,
)

_ERRORS = 3  # ONNX Runtime's number for the least that it logs


def _write(
    model: keras.Model, path: Path, description: Description, reduction: Reduction
) -> None:
    import onnx

    from cifarcnn.engine import tensorflow_only

    # Else Keras takes it for unfinished.
    model(np.zeros((1, *model.input_shape[1:]), np.uint8), training=False)
    with tensorflow_only.functions_inlined(), _tf2onnx_quiet():
        model.export(path, format="onnx", verbose=False)
    content = onnx.load(path)
    _express_erfc(content.graph, onnx.helper)
    _rename(content.graph)
    texts = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in description.to_dict().items()
    }
    onnx.helper.set_model_props(content, texts)
    onnx.checker.check_model(content)
    onnx.save(content, path)


@contextlib.contextmanager
def _tf2onnx_quiet() -> Iterator[None]:
    """What it says of ``Erfc`` and of NumPy is not for the user to mend."""
    logger = logging.getLogger("tf2onnx")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _express_erfc(graph: Any, helper: Any) -> None:
    """Put 1 - Erf in the place of every Erfc."""
    nodes = []
    for number, node in enumerate(graph.node):
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        erf, one = f"erf_{number}", f"one_{number}"
        graph.initializer.append(helper.make_tensor(one, 1, [], [1.0]))  # 1: float32
        nodes += [
            helper.make_node("Erf", node.input, [erf], name=erf),
            helper.make_node("Sub", [one, erf], node.output, name=f"erfc_{number}"),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def _rename(graph: Any) -> None:
    """Give input, output and the number of images the names that users expect."""
    (before,), (after,) = graph.input, graph.output
    names = {before.name: INPUT, after.name: OUTPUT}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (before, after):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def _ask(path: Path, images: Array, batch_size: int, classes: int) -> Answers:
    import onnxruntime

    def load() -> Predict:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS
        options.intra_op_num_threads = usable_cores()
        providers = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(path, options, providers)
        return lambda batch: session.run([OUTPUT], {INPUT: batch})[0]

    return measure(load, images, batch_size, classes)


FORMAT = FileFormat(
    _write,
    _ask,
    "import onnxruntime",
    f"""
network = onnxruntime.InferenceSession(file)
names = json.loads(network.get_modelmeta().custom_metadata_map["classes"])
row = network.run(None, {{"{INPUT}": image[None]}})[0][0]
""",
)
