"""The page as one HTML document that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cifarcnn.explanation.explanation import (
    Explanation,
    Missing,
    ModelExplanation,
)
from cifarcnn.page.inline_arrays import MOST_CHANNELS, to_script_json
from cifarcnn.page.numbers import choose_decimals, show, show_percent, show_size
from cifarcnn.page.page_context import (
    tell_dense,
    tell_looks,
    tell_network,
    tell_sight,
    tell_sizes,
    tell_softmax,
    tell_units,
)
from cifarcnn.page.page_data import (
    MOST_FILTERS,
    pack_explanation,
    pack_model,
    shares_filters,
)
from cifarcnn.page.page_info import Setting

if TYPE_CHECKING:
    import jinja2
    import numpy as np

    Array = np.ndarray[Any, Any]

_TEMPLATES = Path(__file__).parent / "templates"

IMAGE_PARTS = {
    "input": "What the network sees",
    "convolution": "Convolution",
    "activation": "Activation",
    "maps": "Feature maps",
    "pooling": "Pooling",
    "deeper": "Deeper",
    "dense": "Flatten and dense",
    "softmax": "Softmax",
    "looked": "Where it looked",
    "network": "The whole network",
}
MODEL_PARTS = {
    "filters": "The filters of the first layer",
    "deeper": "Deeper",
    "network": "The whole network",
}


def render_image_page(story: Explanation, setting: Setting) -> str:
    """The page about one image: ten parts, from the pixels to the whole network."""
    prediction = story.prediction
    titles = dict(IMAGE_PARTS)
    if not isinstance(story.activation, Missing):
        titles["activation"] = _title(story.activation.activation)
    context: dict[str, Any] = {
        "winner": _tell_class(story, prediction.winner),
        "runner_up": _tell_class(story, prediction.runner_up),
        "right": setting.label == story.class_names[prediction.winner],
        "sight": tell_sight(story.sight),
        "softmax": tell_softmax(story.softmax, story.class_names),
    }
    if not isinstance(story.convolution, Missing):
        context["conv_reach"] = _scale_around_zero(story.convolution.before)
        context["filters_shown"] = min(story.convolution.filters.count, MOST_FILTERS)
    if not isinstance(story.activation, Missing):
        step = story.activation
        context["shared"] = shares_filters(story)
        before, after = _scale_around_zero(step.before), _scale(step.after)
        context["act_scale"] = {
            "before_low": before["low"],
            "before_high": before["high"],
            "after_low": after["low"],
            "after_high": after["high"],
            "signed": after["signed"],
        }
        context["curve"] = " ".join(
            f"{x:.2f},{-y:.3f}" for x, y in step.curve.T.tolist()
        )
    if not isinstance(story.feature_maps, Missing):
        context["map_scales"] = [_scale(maps.maps) for maps in story.feature_maps]
    if not isinstance(story.pooling, Missing):
        context["pool_scale"] = _scale(story.pooling.before)
    if not isinstance(story.dense, Missing):
        context["pooled"] = _tell_pooled(story)
        context["logits"] = tell_dense(story.dense, story.class_names)
    if not isinstance(story.grad_cam, Missing):
        context["looks"] = tell_looks(story.grad_cam, story)
    return _render(
        "picture.html",
        f"How {story.name} sees {_called(story.sight.name)}",
        titles,
        story,
        setting,
        pack_explanation(story),
        context,
    )


def render_model_page(story: ModelExplanation, setting: Setting) -> str:
    """The page about the model alone: filters, units, the whole network."""
    context: dict[str, Any] = {}
    if not isinstance(story.filters, Missing):
        context["conv_reach"] = _scale_around_zero(story.filters.kernel)
        context["filters_shown"] = min(story.filters.count, MOST_FILTERS)
    return _render(
        "model.html",
        f"What {story.name} has learnt",
        dict(MODEL_PARTS),
        story,
        setting,
        pack_model(story),
        context,
    )


def _render(
    template: str,
    title: str,
    titles: dict[str, str],
    story: Explanation | ModelExplanation,
    setting: Setting,
    data: dict[str, object],
    context: dict[str, Any],
) -> str:
    from markupsafe import Markup

    style = _read("page.css")
    script = _read("page.js")
    # Nothing may be loaded or run but this style and this script, known by their
    # hashes, and images that lie in the page itself.
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    if not isinstance(story.deeper, Missing):
        context["units"] = tell_units(story.deeper)
    return (
        _environment()
        .get_template(template)
        .render(
            title=title,
            policy=policy,
            style=Markup(style),
            script=Markup(script),
            data=Markup(to_script_json(data)),
            contents=list(titles.items()),
            titles=titles,
            numbers={id: number for number, id in enumerate(titles, 1)},
            most_channels=MOST_CHANNELS,
            story=story,
            setting=setting,
            sizes=tell_sizes(story.network),
            network=tell_network(story.network),
            **context,
        )
    )


def _called(name: str) -> str:
    """What an image is called in a heading: standard input has no name."""
    return "your picture" if name == "-" else name


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        # Names of files and classes are strangers' text; they must stay text.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=show, percent=show_percent, size=show_size)
    environment.tests["missing"] = lambda part: isinstance(part, Missing)
    return environment


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


def _title(activation: str) -> str:
    names = {"relu": "ReLU", "gelu": "GELU", "elu": "ELU", "selu": "SELU"}
    return names.get(activation, f"Activation: {activation}")


def _tell_class(story: Explanation, index: int) -> dict[str, str]:
    return {
        "name": story.class_names[index],
        "share": show_percent(float(story.prediction.probabilities[index])),
    }


def _tell_pooled(story: Explanation) -> str | None:
    """What a global pooling keeps of each map; None when the maps are flattened."""
    if isinstance(story.dense, Missing):
        return None
    types = {row.name: row.type for row in story.network.rows}
    kind = types.get(story.dense.flattening or "", "")
    return {"GlobalMaxPooling2D": "largest", "GlobalAveragePooling2D": "mean"}.get(kind)


def _scale(values: Array) -> dict[str, Any]:
    """The ends of a scale of colours, as words: around 0 where values are negative."""
    low, high = min(0.0, float(values.min())), float(values.max())
    if low < 0:
        return _scale_around_zero(values)
    return {"signed": False, "low": "0", "high": show(high, choose_decimals(high, 3))}


def _scale_around_zero(values: Array) -> dict[str, Any]:
    import numpy as np

    reach = float(np.abs(values).max())
    decimals = choose_decimals(reach, 3)
    return {
        "signed": True,
        "low": show(-reach, decimals),
        "high": show(reach, decimals),
    }
