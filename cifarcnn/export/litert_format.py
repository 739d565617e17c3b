"""LiteRT (TensorFlow Lite), also with numbers of 16 or 8 bits.

The class names are in ``labels.txt`` of a ZIP archive at the file's end, as TensorFlow
Lite's metadata have them, and the description beside them.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras

from cifarcnn.export.file_format import (
    Answers,
    Array,
    Description,
    FileFormat,
    Predict,
    Reduction,
    measure,
)
from cifarcnn.litert.runtime import LiteRTModel

_DESCRIPTION = "description.json"


def _write(
    model: keras.Model, path: Path, description: Description, reduction: Reduction
) -> None:
    from cifarcnn.litert.conversion import convert_reduced

    content = convert_reduced(
        model, description.classes, reduction.precision, reduction.calibration
    )
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        # Without a time: the same network gives the same bytes.
        entry = zipfile.ZipInfo(_DESCRIPTION)
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, description.to_json())


def _ask(path: Path, images: Array, batch_size: int, classes: int) -> Answers:
    def load() -> Predict:
        # Probabilities of 8 bits are steps of 1/256, which add up to 1 but roughly.
        rounding = 1e-3 + classes / 512
        content = path.read_bytes()
        model = LiteRTModel("it", content, classes, sum_tolerance=rounding)
        return lambda batch: model.predict(batch, batch_size=len(batch))

    return measure(load, images, batch_size, classes)


FORMAT = FileFormat(
    _write,
    _ask,
    "import zipfile\n\nfrom ai_edge_litert.interpreter import Interpreter",
    """
names = zipfile.ZipFile(file).read("labels.txt").decode().splitlines()
network = Interpreter(str(file))
network.allocate_tensors()
network.set_tensor(network.get_input_details()[0]["index"], image[None])
network.invoke()
row = network.get_tensor(network.get_output_details()[0]["index"])[0]
""",
)
