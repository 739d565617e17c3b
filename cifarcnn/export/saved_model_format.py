"""TensorFlow's SavedModel, as TensorFlow Serving loads it.

The signature ``serving_default`` takes ``images`` and gives ``probabilities``. The
description lies in ``assets.extra``, which is where TensorFlow Serving has what is not
of the graph.
"""

from __future__ import annotations

from pathlib import Path

import keras

from cifarcnn.export.file_format import (
    INPUT,
    OUTPUT,
    Answers,
    Array,
    Description,
    FileFormat,
    Reduction,
    measure,
)

_DESCRIPTION = "assets.extra/description.json"


def _write(
    model: keras.Model, path: Path, description: Description, reduction: Reduction
) -> None:
    from cifarcnn.engine import tensorflow_only

    # Keras's own exporter keeps every weight twice.
    tensorflow_only.save_signature(path, model, INPUT, OUTPUT)
    extra = path / _DESCRIPTION
    extra.parent.mkdir()
    extra.write_text(description.to_json(), encoding="utf-8")


def _ask(path: Path, images: Array, batch_size: int, classes: int) -> Answers:
    from cifarcnn.engine import tensorflow_only

    return measure(
        lambda: tensorflow_only.load_signature(path, INPUT, OUTPUT),
        images,
        batch_size,
        classes,
    )


FORMAT = FileFormat(
    _write,
    _ask,
    "import tensorflow as tf",
    f"""
names = json.loads((file / "{_DESCRIPTION}").read_text("utf-8"))["classes"]
network = tf.saved_model.load(str(file)).signatures["serving_default"]
row = network({INPUT}=tf.constant(image[None]))["{OUTPUT}"][0].numpy()
""",
)
