"""The page as one HTML document that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jinja2
from markupsafe import Markup

from cifarcnn.explanation.explain import Explanation, ModelExplanation
from cifarcnn.explanation.steps import Missing
from cifarcnn.html.document import content_policy
from cifarcnn.page import page_context
from cifarcnn.page.diagram import draw_network
from cifarcnn.page.html import make_plain_environment, page_style, read_template
from cifarcnn.page.inline_arrays import count_shown, to_image_url
from cifarcnn.page.numbers import choose_decimals, show, show_percent, show_size
from cifarcnn.page.page_data import (
    MOST_CHANNELS,
    MOST_FILTERS,
    pack_explanation,
    pack_model,
    shares_filters,
)

IMAGE_PARTS = {
    "input": "What the network sees",
    "convolution": "Convolution",
    "activation": "Activation",
    "maps": "Feature maps",
    "pooling": "Pooling",
    "exciting_patches": "Deeper",
    "dense": "Flatten and dense",
    "softmax": "Softmax",
    "grad_cam": "Where it looked",
    "network": "The whole network",
}
MODEL_PARTS = {
    "filters": "The filters of the first layer",
    "exciting_patches": "Deeper",
    "network": "The whole network",
}
_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "elu": "ELU", "selu": "SELU"}


@dataclass(frozen=True)
class PageInfo:
    """What the page says around the explanation.

    Attributes:
        run: The folder of the run, as the user knows it.
        label: What the data set says the image shows; None when nobody knows.
        notice: What must be said about the training data, such as that it is
            synthetic; None for nothing.
    """

    run: str
    label: str | None = None
    notice: str | None = None


def render_page(explanation: Explanation | ModelExplanation, info: PageInfo) -> str:
    """The page: ten parts about one image, three about the model alone."""
    if isinstance(explanation, ModelExplanation):
        title = f"What {explanation.name} has learnt"
        data = pack_model(explanation)
        return _render("model.html", title, MODEL_PARTS, explanation, info, data)
    titles = dict(IMAGE_PARTS)
    if not isinstance(explanation.activation, Missing):
        name = explanation.activation.activation
        titles["activation"] = _ACTIVATIONS.get(name, f"Activation: {name}")
    image = explanation.network_input.name
    # Standard input has no name.
    title = f"How {explanation.name} sees {'your picture' if image == '-' else image}"
    data = pack_explanation(explanation)
    return _render("image.html", title, titles, explanation, info, data)


def list_missing(explanation: Explanation | ModelExplanation) -> list[str]:
    """Why parts do not apply, a sentence each."""
    parts = vars(explanation).values()
    return [part.reason for part in parts if isinstance(part, Missing)]


def _render(
    template: str,
    title: str,
    titles: dict[str, str],
    explanation: Explanation | ModelExplanation,
    info: PageInfo,
    data: dict[str, object],
) -> str:
    style, script = page_style(), read_template("page.js")
    return (
        make_environment()
        .get_template(template)
        .render(
            title=title,
            policy=content_policy(style, script),
            style=Markup(style),
            script=Markup(script),
            data=data,
            titles=titles,
            numbers={id: number for number, id in enumerate(titles, 1)},
            explanation=explanation,
            info=info,
        )
    )


def make_environment() -> jinja2.Environment:
    """What the templates can use."""
    environment = make_plain_environment()
    environment.filters.update(
        number=show,
        percent=show_percent,
        size=show_size,
        decimals=choose_decimals,
        png=to_image_url,
    )
    environment.tests["missing"] = lambda part: isinstance(part, Missing)
    functions: dict[str, Any] = {
        name: function
        for name, function in vars(page_context).items()
        if name.startswith("describe_")
    }
    environment.globals.update(
        functions,
        draw_network=draw_network,
        shares_filters=shares_filters,
        count_shown=count_shown,
        most_channels=MOST_CHANNELS,
        most_filters=MOST_FILTERS,
    )
    return environment
