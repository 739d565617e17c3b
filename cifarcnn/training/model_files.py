"""The files of a finished run that hold the whole network."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras

from cifarcnn.config.averaging import Views
from cifarcnn.errors import RunError
from cifarcnn.litert.conversion import convert_model
from cifarcnn.runs import Run

MODEL = "model.keras"


def write_keras_model(run: Run, network: keras.Model) -> None:
    """Write ``model.keras``.

    Keras writes straight onto its target, so it gets a place of its own first.

    Args:
        run: Where to.
        network: With the weights that the run settled on.

    Raises:
        RunError: The file, or a temporary one, cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / MODEL
            network.save(path)
            content = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"{MODEL} cannot be made in the temporary folder: {error.strerror}. Make "
            "room there, or name another one in the environment variable TMPDIR."
        ) from error
    run.write(MODEL, content)


def write_litert_model(run: Run, network: keras.Model, views: Views) -> str | None:
    """Write ``model.tflite`` from what ``model.keras`` holds.

    Returns:
        Why there is none, as a sentence; None when it was written.

    Raises:
        RunError: The file cannot be written.
    """
    try:
        content = convert_model(network)
    except RunError as error:
        return (
            f"model.tflite is not written: {error} `predict` answers with Keras, which "
            "takes longer to start."
        )
    run.save_litert(content, views)
    return None
