"""One page that computes the network in a browser, by JavaScript of its own."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from markupsafe import Markup

from cifarcnn.data.image.image_file import MAX_PIXELS
from cifarcnn.export.file_format import (
    Answers,
    Array,
    Description,
    FileFormat,
    Reduction,
)
from cifarcnn.export.web_network import list_layers, rebuild
from cifarcnn.export.web_proof import answer_by_javascript
from cifarcnn.html.document import base_style, content_policy, make_environment
from cifarcnn.network.predict import predict_probabilities

_FOLDER = Path(__file__).parent / "web"
# So many maps of a layer are painted.
MOST_MAPS = 64
# All probabilities of so many classes are shown; of more the likeliest.
_MOST_CLASSES, _LIKELIEST = 20, 10
_DATA = '<script type="application/json" id="network">'


def _write(
    model: keras.Model, path: Path, description: Description, reduction: Reduction
) -> None:
    layers, arrays = list_layers(model)
    with keras.device("cpu:0"):
        made_up = make_up_image(description.height, description.width)
        check = predict_probabilities(model, made_up[None])[0]
    data = {
        **description.to_dict(),
        "most_maps": MOST_MAPS,
        "most_pixels": MAX_PIXELS,
        "check": check.tolist(),
        "layers": layers,
        "arrays": [_pack(each) for each in arrays],
    }
    path.write_text(_render(path.stem, description, data), encoding="utf-8")


def make_up_image(height: int, width: int) -> Array:
    """uint8 ``(height, width, 3)``; page.js makes the same."""
    places = np.arange(height * width * 3)
    values = (places * 97 + (places >> 3) * 57) & 255
    return values.astype(np.uint8).reshape(height, width, 3)


def _pack(array: Array) -> dict[str, Any]:
    """In 16 bits where these hold it exactly, as they do the weights of some runs."""
    with np.errstate(over="ignore"):
        short = array.astype("<f2")
    kept = short if np.array_equal(short, array) else array.astype("<f4")
    data = base64.b64encode(kept.tobytes()).decode("ascii")
    return {"shape": array.shape, "bits": 8 * kept.itemsize, "data": data}


def _unpack(packed: dict[str, Any]) -> Array:
    kind = {16: "<f2", 32: "<f4"}[packed["bits"]]
    values = np.frombuffer(base64.b64decode(packed["data"]), kind)
    return values.astype(np.float32).reshape(packed["shape"])


def _render(title: str, description: Description, data: dict[str, Any]) -> str:
    classes = len(description.classes)
    style = base_style() + _read("page.css")
    # The first needs no page: Node.js runs it too.
    pairs = [("tensors.js", "network.js"), ("photo.js", "page.js")]
    scripts = ["".join(map(_read, pair)) for pair in pairs]
    return (
        make_environment(_FOLDER)
        .get_template("page.html")
        .render(
            title=title,
            policy=content_policy(style, *scripts),
            style=Markup(style),
            scripts=list(map(Markup, scripts)),
            description=description,
            most_maps=MOST_MAPS,
            shown_classes=classes if classes <= _MOST_CLASSES else _LIKELIEST,
            data=data,
        )
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _ask(path: Path, images: Array, batch_size: int, classes: int) -> Answers:
    """Of all images Keras computes what the page holds, of some the page itself."""
    found = path.read_text(encoding="utf-8").partition(_DATA)[2]
    data = json.loads(found.partition("</script>")[0])
    with keras.device("cpu:0"):
        arrays = list(map(_unpack, data["arrays"]))
        model = rebuild(data["layers"], arrays, data["image_size"])
        rows = predict_probabilities(model, images, batch_size)
    proof = answer_by_javascript(path, images, classes)
    if proof.places is not None:
        rows[proof.places] = proof.probabilities
    return Answers(rows, proof.load_seconds, proof.images_per_second, proof.note)


FORMAT = FileFormat(_write, _ask, "", "")
