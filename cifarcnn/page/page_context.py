"""An explanation in the numbers, names and images that the templates place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image

from cifarcnn.config.summary import Summary
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.explanation.contributions import (
    Contribution,
    DenseContributions,
    LogitTerms,
    Softmax,
)
from cifarcnn.explanation.exciting_patches import ExcitedUnit, ExcitingPatches
from cifarcnn.explanation.explain import Explanation
from cifarcnn.explanation.grad_cam import GradCam
from cifarcnn.explanation.network_input import NetworkInput
from cifarcnn.page.color_scales import paint
from cifarcnn.page.inline_arrays import to_image_url
from cifarcnn.page.numbers import choose_decimals, round_to_total, show, show_percent

Array = np.ndarray[Any, Any]

Part = dict[str, Any]

_PHOTO_SIDE = 640
# How much of the image's light still shows through the heat.
_IMAGE_SHARE = 0.45
COLOURS = ("red", "green", "blue")


def describe_class(explanation: Explanation, index: int) -> Part:
    """The name of a class and its probability."""
    share = float(explanation.prediction.probabilities[index])
    return {"name": explanation.class_names[index], "share": show_percent(share)}


def describe_network_input(network_input: NetworkInput) -> Part:
    """The photo with the part that was cut out, and the normalization."""
    height, width = network_input.photo.shape[:2]
    crop = network_input.crop
    rows, columns = network_input.pixels.shape[:2]
    high, wide = crop.bottom - crop.top, crop.right - crop.left
    whole = TargetSize(rows, columns, "pad").size_within_borders(height, width)
    return {
        "photo": _embed_photo(network_input.photo),
        "box": {
            "x": crop.left / width,
            "y": crop.top / height,
            "width": wide / width,
            "height": high / height,
        },
        "height": rows,
        "width": columns,
        "resize": network_input.resize,
        "same_shape": whole == (rows, columns),
        "enlarged": min(rows / high, columns / wide) > 1,
        "as_it_is": network_input.photo.shape == network_input.pixels.shape,
        "channels": [
            {"name": name, "mean": mean, "deviation": deviation}
            for name, mean, deviation in zip(
                COLOURS, network_input.mean, network_input.deviation, strict=True
            )
        ],
    }


def describe_scale(values: Array, around_zero: bool = False) -> Part:
    """The ends of a scale of colours in words.

    Equally far from 0 where values are negative, and wherever ``around_zero`` says so.
    """
    signed = around_zero or bool(values.min() < 0)
    reach = float(np.abs(values).max())
    decimals = choose_decimals(reach, 3)
    low = show(-reach, decimals) if signed else "0"
    return {"signed": signed, "low": low, "high": show(reach, decimals)}


def describe_curve(curve: Array) -> str:
    """The points of an SVG's polyline, upwards."""
    return " ".join(f"{x:.2f},{-y:.3f}" for x, y in curve.T.tolist())


def describe_pooled(explanation: Explanation, layer: str) -> str | None:
    """What a global pooling keeps of each map; None of another layer."""
    [kind] = [row.type for row in explanation.network.rows if row.name == layer]
    return {"GlobalMaxPooling2D": "largest", "GlobalAveragePooling2D": "mean"}.get(kind)


def describe_exciting_patches(found: ExcitingPatches) -> list[Part]:
    """By layer, the units and how many decimals their values are shown with."""
    return [
        {"layer": layer, "units": [(unit, _decimals_of(unit)) for unit in units]}
        for layer, units in groupby(found.units, key=lambda unit: unit.layer)
    ]


def describe_sizes(network: Summary) -> list[tuple[int, ...]]:
    """The sizes on the way through the network, without repetitions and branches."""
    rows = [row for row in network.rows if not row.depth]
    sizes = [network.input_shape, *(row.output_shape for row in rows)]
    return [size for size, _ in groupby(sizes)]


def describe_dense(dense: DenseContributions, class_names: Sequence[str]) -> list[Part]:
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
        _describe_logit(parts, class_names, reach, decimals) for parts in dense.logits
    ]


def describe_softmax(softmax: Softmax, class_names: Sequence[str]) -> Part:
    """Every class, the most probable first; the powers of e that are divided."""
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


def describe_grad_cam(cam: GradCam, explanation: Explanation) -> Part:
    """The painted maps of Grad-CAM: by class, and the difference of the first two."""
    pixels = explanation.network_input.pixels
    # One scale for all classes, so that they can be compared.
    high = max(float(entry.heat.max()) for entry in cam.maps)
    reach = float(np.abs(cam.difference).max())
    return {
        "classes": [
            (
                explanation.class_names[entry.class_index],
                paint_heat(cam.on_input(entry.heat), pixels, 0.0, high),
            )
            for entry in cam.maps
        ],
        "difference": paint_heat(cam.on_input(cam.difference), pixels, -reach, reach),
    }


def paint_heat(values: Array, pixels: Array, low: float, high: float) -> Part:
    """A map in the colours of its scale, alone and over the image in grey.

    Args:
        values: float ``(height, width)``.
        pixels: uint8 ``(height, width, 3)``: the image.
        low: The lower end of the scale; negative for a scale around 0.
        high: Its upper end.

    Returns:
        ``heat`` and ``over``, each uint8 ``(height, width, 3)``, and both ends.
    """
    heat = paint(values, low, high)
    # Brightness as in Rec. 601, which Pillow's grey also follows.
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    mixed = _IMAGE_SHARE * grey[:, :, None] + (1 - _IMAGE_SHARE) * heat
    over = np.floor(mixed + 0.5).clip(0, 255).astype(np.uint8)
    return {"heat": heat, "over": over, "low": low, "high": high}


def _embed_photo(photo: Array) -> str:
    """A photo as an address, no larger than a screen shows it."""
    if max(photo.shape[:2]) <= 64:
        return to_image_url(photo)
    image = Image.fromarray(photo)
    image.thumbnail((_PHOTO_SIDE, _PHOTO_SIDE), Image.Resampling.LANCZOS)
    return to_image_url(np.asarray(image), "JPEG", quality=82)


def _decimals_of(unit: ExcitedUnit) -> int:
    return choose_decimals(max((abs(p.value) for p in unit.patches), default=0.0))


def _describe_logit(
    parts: LogitTerms,
    class_names: Sequence[str],
    reach: float,
    decimals: int,
) -> Part:
    terms = [*_values(parts.strongest), parts.rest, parts.bias]
    shown, logit = round_to_total(terms, parts.logit, decimals)
    return {
        "name": class_names[parts.class_index],
        "decimals": decimals,
        "rows": [
            (entry, term, abs(entry.contribution) / reach)
            for entry, term in zip(parts.strongest, shown, strict=False)
        ],
        "others": len(parts.contributions) - len(parts.strongest),
        "rest": shown[-2],
        "rest_length": abs(parts.rest) / reach,
        "bias": shown[-1],
        "bias_length": abs(parts.bias) / reach,
        "logit": logit,
    }


def _values(contributions: Sequence[Contribution]) -> list[float]:
    return [entry.contribution for entry in contributions]
