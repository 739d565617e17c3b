"""A Keras model to a LiteRT file: only TensorFlow can do it.

The file computes in float32 on the CPU, and so does Keras where the two are compared,
whatever it computes on otherwise: products on a GPU may have 10 bits (TF32).

Other formats, and files of fewer bits, are for ``export``.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cifarcnn.errors import RunError, first_line
from cifarcnn.literals import ExportPrecision
from cifarcnn.litert.own_process import convert_in_own_process
from cifarcnn.litert.runtime import LiteRTModel, has_runtime

# Beyond it a label could come out differently; sums in another order leave 1e-6.
TOLERANCE = 1e-4
LABELS = "labels.txt"
_TRIAL_IMAGES = 32


def convert_run(
    folder: Path,
    model: keras.Model,
    class_names: Sequence[str],
    stopped: Callable[[], bool] = lambda: False,
) -> bytes:
    """The content of a LiteRT file for a run, whatever Keras runs on.

    Args:
        folder: Of the run, with the weights of ``model`` saved in it.
        model: As for :func:`convert_model`.
        class_names: In the order of the probabilities.
        stopped: Whether to give up; asked where another process has to do it.

    Raises:
        RunError: It cannot be made.
    """
    if keras.config.backend() == "tensorflow":
        return convert_model(model, class_names)
    return convert_in_own_process(folder, stopped)


def convert_model(model: keras.Model, class_names: Sequence[str]) -> bytes:
    """The content of a LiteRT file that gives the probabilities of ``model``.

    The class names are in ``labels.txt`` of a ZIP archive at its end, where TensorFlow
    Lite's metadata have the files that belong to a model; the runtime passes over it.

    Where the LiteRT runtime is installed, its answers are compared with Keras's first.
    Keras must run on TensorFlow.

    Args:
        model: float32, of stock Keras layers, uint8 ``(n, height, width, 3)`` to
            probabilities ``(n, classes)``.
        class_names: In the order of the probabilities.

    Raises:
        RunError: The converter fails, or the file does not give the same probabilities.
    """
    content = _convert(model, class_names)
    if has_runtime():
        _require_agreement(model, content)
    return content


def convert_reduced(
    model: keras.Model,
    class_names: Sequence[str],
    precision: ExportPrecision,
    calibration: np.ndarray[Any, Any] | None = None,
) -> bytes:
    """The same in another precision, without a comparison.

    Input and output stay as they are, uint8 and float32.

    Args:
        model: As for :func:`convert_model`.
        class_names: In the order of the probabilities.
        precision: ``float16`` halves the weights, which are float32 when they are
            computed with; with ``int8`` weights and maps are whole numbers, scaled.
        calibration: uint8 ``(n, height, width, 3)``, by which the ranges of the maps
            are chosen; for int8 only.

    Raises:
        RunError: The converter fails.
    """
    import tensorflow as tf

    options: dict[str, Any] = {}
    if precision != "float32":
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        options["target_spec"] = {"supported_types": [tf.float16]}
    if precision == "int8" and calibration is not None:
        images = calibration
        options["representative_dataset"] = lambda: ([image[None]] for image in images)
    return _convert(model, class_names, **options)


def _convert(model: keras.Model, class_names: Sequence[str], **options: Any) -> bytes:
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.tflite"
            model.export(path, format="litert", verbose=False, **options)
            return _with_labels(path.read_bytes(), class_names)
    except Exception as error:
        # Whatever the converter meets, a finished training is not lost for it.
        raise RunError(f"TensorFlow's converter failed: {first_line(error)}") from error


def _with_labels(content: bytes, class_names: Sequence[str]) -> bytes:
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        # Without a time: the same network gives the same bytes.
        entry = zipfile.ZipInfo(LABELS)
        entry.external_attr = 0o644 << 16
        # One a line, whatever the name of a folder holds.
        lines = (" ".join(name.splitlines()) + "\n" for name in class_names)
        archive.writestr(entry, "".join(lines))
    return file.getvalue()


def _require_agreement(model: keras.Model, content: bytes) -> None:
    """Compare the answers to random images."""
    fast = LiteRTModel("it", content, model.output_shape[-1])
    shape = (_TRIAL_IMAGES, *model.input_shape[1:])
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with keras.device("cpu:0"):
        expected = keras.ops.convert_to_numpy(model(images, training=False))
    difference = float(np.abs(fast.predict(images) - expected).max())
    if difference > TOLERANCE:
        raise RunError(
            f"its probabilities differ from Keras's by up to {difference:.2g}, where "
            f"{TOLERANCE:.0e} would be all right."
        )
