"""A ``.keras`` file with what Keras itself does not keep in it."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import keras


def keras_file(network: keras.Model, described: Mapping[str, object]) -> bytes:
    """The content of a ``.keras`` file, with more in its ``metadata.json``.

    Keras does not read that itself, and writes straight onto its target, so that it
    gets a place of its own first.

    Args:
        network: Of stock layers.
        described: By name, such as ``class_names``; for JSON.

    Raises:
        OSError: The temporary folder cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        network.save(path)
        content = io.BytesIO()
        with zipfile.ZipFile(path) as saved, zipfile.ZipFile(content, "w") as archive:
            for entry in saved.infolist():
                data = saved.read(entry)
                if entry.filename == "metadata.json":
                    data = json.dumps({**json.loads(data), **described}).encode()
                archive.writestr(entry, data)
    return content.getvalue()
