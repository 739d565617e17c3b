"""The story in the words and images that the templates place.

Everything here is a number or a name of the story; the sentences stand in the
templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cifarcnn.explanation.explanation import (
    Contribution,
    Deeper,
    Dense,
    ExcitedUnit,
    Explanation,
    GradCam,
    LogitParts,
    NetworkTable,
    Sight,
    Softmax,
)
from cifarcnn.page.diagram import draw_network
from cifarcnn.page.heatmaps import Looks, paint_classes, paint_difference
from cifarcnn.page.inline_arrays import to_jpeg_url, to_png_url
from cifarcnn.page.numbers import choose_decimals, round_to_total

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Part = dict[str, Any]

# A page carries the photo no larger than a screen shows it.
_PHOTO_SIDE = 640
COLOURS = ("red", "green", "blue")


def tell_sight(sight: Sight) -> Part:
    """The photo with the square that was cut out, and the normalization."""
    height, width = sight.photo.shape[:2]
    crop = sight.crop
    return {
        "photo": _photo_url(sight.photo),
        "box": {
            "x": crop.left / width,
            "y": crop.top / height,
            "width": (crop.right - crop.left) / width,
            "height": (crop.bottom - crop.top) / height,
        },
        "enlarged": min(height, width) < sight.pixels.shape[0],
        "as_it_is": sight.photo.shape == sight.pixels.shape,
        "pixels": to_png_url(sight.pixels),
        "channels": [
            {"name": name, "mean": mean, "deviation": deviation}
            for name, mean, deviation in zip(
                COLOURS, sight.mean, sight.deviation, strict=True
            )
        ],
    }


def tell_units(deeper: Deeper) -> list[Part]:
    """By layer, the units and the patches that excite them most."""
    return [
        {"layer": layer, "units": [_tell_unit(unit) for unit in units]}
        for layer, units in groupby(deeper.units, key=lambda unit: unit.layer)
    ]


def tell_sizes(network: NetworkTable) -> list[tuple[int, ...]]:
    """The sizes on the way through the network, without repetitions."""
    sizes = [network.input_shape, *(row.output_shape for row in network.rows)]
    return [size for size, _ in groupby(sizes)]


def tell_dense(dense: Dense, class_names: Sequence[str]) -> list[Part]:
    """For each class the bars: contributions, the rest and the bias."""
    reach = max(
        abs(value)
        for parts in dense.logits
        for value in (parts.bias, parts.rest, *_values(parts.strongest))
    )
    # Of a layer without biases behind maps that are all dark, nothing is left.
    reach = reach or 1.0
    decimals = choose_decimals(max(reach, *(abs(p.logit) for p in dense.logits)))
    return [
        _tell_logit(parts, dense, class_names, reach, decimals)
        for parts in dense.logits
    ]


def tell_softmax(softmax: Softmax, class_names: Sequence[str]) -> Part:
    """Every class, the most probable first; the powers of e that are divided."""
    import numpy as np

    logits = softmax.logits.astype(np.float64)
    powers = np.exp(logits - logits.max())
    order = np.argsort(-softmax.probabilities, kind="stable")
    return {
        "decimals": choose_decimals(float(np.abs(logits).max())),
        "highest": float(logits.max()),
        "sum": float(powers.sum()),
        "rows": [
            {
                "name": class_names[index],
                "logit": float(logits[index]),
                "power": float(powers[index]),
                "probability": float(softmax.probabilities[index]),
            }
            for index in order
        ],
    }


def tell_looks(cam: GradCam, story: Explanation) -> Part:
    """The painted maps of Grad-CAM."""
    pixels = story.sight.pixels
    names = story.class_names
    return {
        "classes": [
            {"name": names[entry.class_index], **_tell_painted(looks)}
            for entry, looks in zip(cam.maps, paint_classes(cam, pixels), strict=True)
        ],
        "difference": _tell_painted(paint_difference(cam, pixels)),
    }


def tell_network(network: NetworkTable) -> Part:
    """The diagram, and the rows with their shares of the largest."""
    most_parameters = max((row.parameters for row in network.rows), default=0)
    most_macs = max((row.macs for row in network.rows), default=0)
    return {
        "diagram": draw_network(network),
        "rows": [
            {
                "name": row.name,
                "type": row.type,
                "size": row.output_shape,
                "parameters": row.parameters,
                "parameter_share": row.parameters / max(most_parameters, 1),
                "macs": row.macs,
                "mac_share": row.macs / max(most_macs, 1),
                "depth": row.depth,
            }
            for row in network.rows
        ],
    }


def _photo_url(photo: Array) -> str:
    import numpy as np
    from PIL import Image

    if max(photo.shape[:2]) <= 64:
        return to_png_url(photo)
    image = Image.fromarray(photo)
    image.thumbnail((_PHOTO_SIDE, _PHOTO_SIDE), Image.Resampling.LANCZOS)
    return to_jpeg_url(np.asarray(image))


def _tell_unit(unit: ExcitedUnit) -> Part:
    reach = max((abs(patch.value) for patch in unit.patches), default=0.0)
    return {
        "channel": unit.channel,
        "decimals": choose_decimals(reach),
        "patches": [
            {
                "url": to_png_url(patch.pixels),
                "value": patch.value,
                "index": patch.index,
                "label": patch.label,
                "width": patch.pixels.shape[1],
                "height": patch.pixels.shape[0],
            }
            for patch in unit.patches
        ],
    }


def _tell_logit(
    parts: LogitParts,
    dense: Dense,
    class_names: Sequence[str],
    reach: float,
    decimals: int,
) -> Part:
    terms = [*_values(parts.strongest), parts.rest, parts.bias]
    shown, logit = round_to_total(terms, parts.logit, decimals)
    others = len(parts.contributions) - len(parts.strongest)
    rows = [
        {
            "place": entry.place,
            "index": entry.index,
            "value": entry.value,
            "weight": entry.weight,
            "shown": term,
            "length": abs(entry.contribution) / reach,
        }
        for entry, term in zip(parts.strongest, shown, strict=False)
    ]
    return {
        "name": class_names[parts.class_index],
        "decimals": decimals,
        "rows": rows,
        "others": others,
        "rest": shown[-2],
        "rest_length": abs(parts.rest) / reach,
        "bias": shown[-1],
        "bias_length": abs(parts.bias) / reach,
        "logit": logit,
    }


def _values(contributions: Sequence[Contribution]) -> list[float]:
    return [entry.contribution for entry in contributions]


def _tell_painted(looks: Looks) -> Part:
    return {
        "heat": to_png_url(looks.heat),
        "over": to_png_url(looks.over),
        "low": looks.low,
        "high": looks.high,
        "decimals": choose_decimals(max(abs(looks.low), abs(looks.high)), 3),
    }
