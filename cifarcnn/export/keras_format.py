"""Keras's own file, of stock layers: it opens where cifarcnn is not installed.

The class names are ``class_names`` in its ``metadata.json``, as in a run's
``model.keras``, and the rest of the description beside them.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import keras
import numpy as np

from cifarcnn.errors import RunError
from cifarcnn.export.file_format import (
    Answers,
    Array,
    Description,
    FileFormat,
    Reduction,
)
from cifarcnn.network.keras_file import keras_file
from cifarcnn.python_process import describe_end, script_command

# In a process in which nothing of cifarcnn is imported. Without predict(), which
# compiles with XLA; that takes seconds and is slower on a CPU.
_ASK = """
import json, time
import numpy as np, keras
folder, file, batch_size = sys.argv[1:]
images, size = np.load(folder + "/images.npy"), int(batch_size)
def ask(some):
    return keras.ops.convert_to_numpy(network(some, training=False))
start = time.perf_counter()
network = keras.models.load_model(file)
ask(images[:1])
loaded = time.perf_counter()
ask(images[:size])
prepared = time.perf_counter()
rows = [ask(images[first : first + size]) for first in range(0, len(images), size)]
seconds = time.perf_counter() - prepared
assert not any(name.startswith("cifarcnn") for name in sys.modules)
np.save(folder + "/rows.npy", np.concatenate(rows))
with open(folder + "/times.json", "w") as times:
    json.dump([loaded - start, seconds], times)
"""


def _write(
    model: keras.Model, path: Path, description: Description, reduction: Reduction
) -> None:
    described = description.to_dict()
    described["class_names"] = described.pop("classes")
    path.write_bytes(keras_file(model, described))


def _ask(path: Path, images: Array, batch_size: int, classes: int) -> Answers:
    # On the CPU: products on a GPU may have 10 bits (TF32).
    hidden = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    hidden["KERAS_BACKEND"] = keras.config.backend()
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "images.npy", images)
        done = subprocess.run(
            [*script_command(_ASK), folder, str(path), str(batch_size)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, **hidden},
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise RunError(
                "plain Keras does not load it: "
                f"{said[-1] if said else describe_end(done.returncode)}"
            )
        rows = np.load(Path(folder) / "rows.npy")
        load_seconds, seconds = json.loads((Path(folder) / "times.json").read_text())
    return Answers(rows, load_seconds, len(images) / max(seconds, 1e-9))


FORMAT = FileFormat(
    _write,
    _ask,
    "import zipfile\n\nimport keras",
    """
metadata = json.loads(zipfile.ZipFile(file).read("metadata.json"))
names = metadata["class_names"]
row = keras.models.load_model(file).predict(image[None], verbose=0)[0]
""",
)
