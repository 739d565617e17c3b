from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.explanation.network_input import Box
from cifarcnn.explanation.steps import Missing
from cifarcnn.page.document import PageInfo, make_environment, render_page
from cifarcnn.page.numbers import show, show_percent

Reader = Callable[[str], Any]
INFO = PageInfo("runs/tiny-1")
PARTS = [
    "input",
    "convolution",
    "activation",
    "maps",
    "pooling",
    "exciting_patches",
    "dense",
    "softmax",
    "grad_cam",
    "network",
]


@pytest.fixture(scope="module")
def text(explanation: Any) -> str:
    return render_page(explanation, INFO)


@pytest.fixture(scope="module")
def page(text: str, read_page: Reader) -> Any:
    return read_page(text)


def embedded(text: str, kind: str) -> str:
    found = re.search(rf"<{kind}>(.*?)</{kind.split()[0]}>", text, re.DOTALL)
    assert found is not None
    return found[1]


def words(text: str, read_page: Reader) -> str:
    return " ".join(" ".join(read_page(text).words).split())


def test_a_network_that_answers_nothing_is_shown_too(
    explain: Callable[..., Any], read_page: Reader
) -> None:
    dense = {"Dense": {"units": 10, "use_bias": False, "activation": "softmax"}}
    dark = explain([{"Rescaling": {"scale": 0}}, "Flatten", dense])
    assert not dark.softmax.logits.any()
    assert "10.0%" in words(render_page(dark, INFO), read_page)


def test_ten_parts_stand_in_the_order_of_the_story(page: Any) -> None:
    sections = [
        value
        for tag, name, value in page.attributes
        if (tag, name) == ("section", "id")
    ]
    assert sections == PARTS
    links = [value for tag, name, value in page.attributes if name == "href"]
    assert links[1:11] == [f"#{part}" for part in PARTS]


def test_every_id_is_there_once_and_every_reference_leads_to_one(page: Any) -> None:
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for tag, name, value in page.attributes:
        if name in ("aria-labelledby", "aria-describedby"):
            assert value in ids
        if (tag, name) == ("a", "href"):
            assert value[0] == "#" and value[1:] in ids


def test_nothing_lies_outside_the_page(page: Any) -> None:
    for tag, name, value in page.attributes:
        if name in ("src", "href", "srcset", "action", "data", "poster"):
            assert value.startswith(("data:image/", "#")), (tag, name, value[:80])
        assert name != "style" and not name.startswith("on")


def test_only_its_own_style_and_script_may_run(text: str) -> None:
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert found is not None
    policy = found[1].replace("&#39;", "'")
    hashes = [
        "sha256-"
        + base64.b64encode(
            hashlib.sha256(embedded(text, kind).encode()).digest()
        ).decode()
        for kind in ("style", "script")
    ]
    assert policy == (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{hashes[0]}'; script-src '{hashes[1]}'"
    )


def test_every_image_has_words(page: Any) -> None:
    images = sum(tag == "img" and name == "src" for tag, name, _ in page.attributes)
    texts = [v for tag, name, v in page.attributes if tag == "img" and name == "alt"]
    assert images > 10
    assert len(texts) == images and all(texts)


def test_the_same_story_gives_the_same_page(explanation: Any, text: str) -> None:
    assert render_page(explanation, INFO) == text


def test_names_of_strangers_stay_text(with_photo: Any, read_page: Reader) -> None:
    names = ("<script>alert(1)</script>", '"><img src=x>', *with_photo.class_names[2:])
    strange = replace(with_photo, name="{{ 7 * 7 }}<i>", class_names=names)
    text = render_page(strange, PageInfo("runs/<u>", "</main>", "<hr>"))
    assert "<script>alert" not in text and "<img src=x>" not in text
    assert "<hr>" not in text and text.count("</main>") == 1 and "<u>" not in text
    read = words(text, read_page)
    assert "How {{ 7 * 7 }}<i> sees a <b>& co.png" in read
    assert "<script>alert(1)</script>" in read


def test_the_answer_is_told_first(
    explanation: Any, text: str, read_page: Reader
) -> None:
    prediction = explanation.prediction
    winner, other = (
        (explanation.class_names[i], show_percent(float(prediction.probabilities[i])))
        for i in (prediction.winner, prediction.runner_up)
    )
    assert (
        f"It says {winner[0]} , {winner[1]} sure. "
        f"Next comes {other[0]} with {other[1]}."
    ) in words(text, read_page)


def test_a_wrong_answer_is_called_wrong_and_a_right_one_right(
    explanation: Any, read_page: Reader
) -> None:
    name = explanation.class_names[explanation.prediction.winner]
    right = words(render_page(explanation, PageInfo("r", name)), read_page)
    assert f"The data set calls this picture {name}: the answer is right." in right
    other = explanation.class_names[explanation.prediction.runner_up]
    wrong = words(render_page(explanation, PageInfo("r", other)), read_page)
    assert f"The data set calls this picture {other}: the answer is wrong." in wrong
    unknown = words(render_page(explanation, PageInfo("r")), read_page)
    assert "The data set calls" not in unknown


def test_what_must_be_said_about_the_data_is_said(
    explanation: Any, model_explanation: Any, read_page: Reader
) -> None:
    info = PageInfo("r", notice="drawings, not photos")
    page = words(render_page(explanation, info), read_page)
    assert "The network was trained on drawings, not photos." in page
    page = words(render_page(model_explanation, info), read_page)
    assert "It was trained on drawings, not photos." in page


def table(page: Any, heading: str) -> list[list[str]]:
    [found] = [rows for rows in page.tables if rows[0][0] == heading]
    return found


def test_softmax_shows_every_class_by_its_probability(
    explanation: Any, page: Any
) -> None:
    _, *rows, total = table(page, "class")
    logits = explanation.softmax.logits.astype(float)
    powers = np.exp(logits - logits.max())
    order = np.argsort(-powers, kind="stable")
    assert [row[0] for row in rows] == [explanation.class_names[i] for i in order]
    assert [row[2] for row in rows] == [show(powers[i], 4) for i in order]
    assert [row[4] for row in rows] == [
        show_percent(float(powers[i] / powers.sum())) for i in order
    ]
    assert total[2] == show(float(powers.sum()), 4)
    for row, index in zip(rows, order, strict=True):
        decimals = len(row[1].partition(".")[2])
        assert row[1] == show(logits[index], decimals) and decimals >= 2


def test_contributions_add_up_to_the_logit_as_shown(
    explanation: Any, page: Any
) -> None:
    tables = [rows for rows in page.tables if rows[0][0].startswith("input")]
    assert len(tables) == len(explanation.dense.logits)
    for rows, logit in zip(tables, explanation.dense.logits, strict=True):
        numbers = [float(row[-1].replace("\u2212", "-")) for row in rows[1:]]
        *terms, total = numbers
        assert sum(terms) == pytest.approx(total, abs=1e-9)
        assert total == pytest.approx(logit.logit, abs=1e-3)
        assert len(terms) == len(logit.strongest) + 2
        for entry, row, shown in zip(logit.strongest, rows[1:], terms, strict=False):
            assert shown == pytest.approx(entry.contribution, abs=1e-3)
            r, c, channel = entry.place
            assert row[0] == (
                f"map {channel}, cell {r}, {c} {show(entry.value, 3)} \u00d7 "
                f"{show(entry.weight, 3)}"
            )
        assert terms[-2] == pytest.approx(logit.rest, abs=1e-3)
        assert terms[-1] == pytest.approx(logit.bias, abs=1e-3)


def test_the_network_is_listed_as_check_counts_it(explanation: Any, page: Any) -> None:
    _, *rows, total = table(page, "layer")
    for row, layer in zip(rows, explanation.network.rows, strict=True):
        assert row[0] == layer.name + layer.type
        assert row[2] == f"{layer.parameters:,}" and row[4] == f"{layer.macs:,}"
    assert total[2] == f"{explanation.network.parameters:,}"
    assert total[4] == f"{explanation.network.macs:,}"


def test_the_photo_is_shown_with_its_square(with_photo: Any, read_page: Reader) -> None:
    text = render_page(with_photo, INFO)
    assert (
        "It gets the largest square from the middle, shrunk to 32 pixels a side."
    ) in words(text, read_page)
    assert '<rect x="0.1875" y="0.0" width="0.625" height="1.0"' in text


@pytest.mark.parametrize(
    ("resize", "photo", "sentence"),
    [
        ("pad", (320, 512), "It gets the whole of it, shrunk until it fits into 32×32 "
         "pixels, between two black borders."),
        ("pad", (16, 20), "It gets the whole of it, enlarged until it fits into 32×32 "
         "pixels, between two black borders."),
        ("pad", (320, 320), "It gets the whole of it, shrunk to 32 pixels a side."),
        ("stretch", (320, 512), "It gets the whole of it, stretched to 32 pixels a "
         "side."),
        ("stretch", (8, 8), "It gets the whole of it, enlarged to 32 pixels a side."),
    ],
)  # fmt: skip
def test_of_a_photo_that_is_used_as_a_whole_it_is_said(
    with_photo: Any,
    read_page: Reader,
    resize: str,
    photo: tuple[int, int],
    sentence: str,
) -> None:
    network_input = replace(
        with_photo.network_input,
        resize=resize,
        photo=np.zeros((*photo, 3), np.uint8),
        crop=Box(0, 0, *photo),
    )
    shown = replace(with_photo, network_input=network_input)
    said = words(render_page(shown, INFO), read_page)
    assert f"The network never sees your photo. {sentence}" in said
    assert "The photo; all of it is used." in said


def test_pixels_that_a_network_trained_before_prepares_are_not_called_unprepared(
    explain: Callable[..., Any], read_page: Reader
) -> None:
    pretrained = {"application": "MobileNetV2", "weights": "none", "pooling": "avg"}
    shown = explain([{"Pretrained": pretrained}, {"Dense": 10}], normalization="none")
    said = words(render_page(shown, INFO), read_page)
    assert "the network trained before prepares them itself" in said
    assert "nothing is normalized" not in said


def test_a_part_that_does_not_apply_says_why(
    explanation: Any, read_page: Reader
) -> None:
    reasons = {
        name: Missing(f"Reason number {number}.")
        for number, name in enumerate(
            ("convolution", "activation", "feature_maps", "pooling", "exciting_patches",
             "dense", "grad_cam")
        )
    }  # fmt: skip
    text = render_page(replace(explanation, **reasons), INFO)
    read = words(text, read_page)
    for reason in reasons.values():
        assert read.count(reason.reason) == 1


def test_a_model_without_a_image_has_three_parts(
    model_explanation: Any, read_page: Reader
) -> None:
    text = render_page(model_explanation, INFO)
    sections = [
        value
        for tag, name, value in read_page(text).attributes
        if (tag, name) == ("section", "id")
    ]
    assert sections == ["filters", "exciting_patches", "network"]
    missing = replace(
        model_explanation,
        filters=Missing("No filters."),
        exciting_patches=Missing("No data."),
    )
    read = words(render_page(missing, INFO), read_page)
    assert "No filters." in read and "No data." in read


def test_the_data_of_the_script_is_json(text: str) -> None:
    found = re.search(
        r'<script type="application/json" id="explanation">(.*?)</script>', text
    )
    assert found is not None
    assert set(json.loads(found[1])) == {
        "arrays", "sequential", "diverging", "pixels", "normalized", "convolution",
        "activation", "maps", "pooling",
    }  # fmt: skip


@pytest.mark.slow
def test_every_network_gets_a_page(explain: Callable[..., Any]) -> None:
    only_dense = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
    odd = [
        {"SeparableConv2D": {"filters": 70, "kernel_size": [1, 7], "dilation_rate": 2}},
        {"AveragePooling2D": {"pool_size": 3, "padding": "same"}},
        {"DepthwiseConv2D": {"kernel_size": 3, "activation": "gelu"}},
        "GlobalAveragePooling2D",
        {"Dense": {"units": 10, "activation": "softmax"}},
    ]
    for layers in (only_dense, odd):
        for normalization in ("none", "unit"):
            explanation = explain(layers, normalization=normalization)
            assert "<h1>" in render_page(explanation, INFO)
        assert "<h1>" in render_page(explain(layers, None), INFO)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ("Flatten", "flatten_1 turns the maps of 10\u00d710\u00d76 into one long row"),
        (
            "GlobalMaxPooling2D",
            "global_max_pooling2d_1 puts a single number in the place of each of the 6 "
            "maps of 10\u00d710 cells: its largest.",
        ),
        (
            "GlobalAveragePooling2D",
            "global_average_pooling2d_1 puts a single number in the place of each of "
            "the 6 maps of 10\u00d710 cells: its mean.",
        ),
    ],
)
def test_what_becomes_of_the_last_maps_is_told(
    explain: Callable[..., Any], read_page: Reader, layer: str, sentence: str
) -> None:
    explanation = explain(
        [
            {"Conv2D": {"filters": 6, "kernel_size": 3, "strides": 3}},
            layer,
            {"Dense": {"units": 10, "activation": "softmax"}},
        ]
    )
    assert sentence in words(render_page(explanation, INFO), read_page)


def test_templates_name_no_missing_part() -> None:
    folder = Path(__file__).parents[2] / "cifarcnn/page/templates"
    names = {path.stem for path in (folder / "parts").glob("*.html")}
    assert names == {*PARTS, "filters"}


def write_json(document: Any) -> str:
    return make_environment().from_string("{{ data | tojson }}").render(data=document)


def test_json_within_a_script_cannot_end_it() -> None:
    document = {"name": "</script><!-- & ü"}
    text = write_json(document)
    assert not set("<>&") & set(text)
    assert json.loads(text) == document


def test_numbers_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError):
        write_json([float("nan")])


def lowering(kind: str = "Conv2D", **arguments: Any) -> dict[str, Any]:
    """A convolution that answers to nothing more than to anything."""
    name = "kernel_initializer" if kind == "Conv2D" else "depthwise_initializer"
    filters = {"filters": 2} if kind == "Conv2D" else {}
    return {kind: {name: {"Constant": -0.5}, **filters, **arguments}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layers", "shown"),
    [
        ([{"ZeroPadding2D": [[0, 0], [2, 5]]},
          lowering(kernel_size=1, activation="sigmoid")], 18),
        ([{"ZeroPadding2D": 3}, {"ZeroPadding2D": [[4, 0], [0, 0]]},
          lowering(kernel_size=3), {"MaxPooling2D": 2}], 18),
        # On maps of 2x2 cells, taps that lie 8 apart.
        ([{"AveragePooling2D": 16},
          lowering(kernel_size=2, dilation_rate=8, padding="same")], 18),
        ([{"ZeroPadding2D": 9},
          {"AveragePooling2D": {"pool_size": 4, "padding": "same"}},
          lowering("DepthwiseConv2D", kernel_size=2)], 27),
        # Not one cell that sees a pixel.
        ([{"ZeroPadding2D": [[50, 0], [0, 0]]},
          lowering(kernel_size=1, strides=90)], 18),
        # Partly padding is no padding: the patch is what lies within.
        ([lowering(kernel_size=31, padding="same")], 0),
    ],
)  # fmt: skip
def test_units_that_answer_most_to_padding(
    explain: Callable[..., Any], read_page: Reader, layers: list[Any], shown: int
) -> None:
    tail = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
    for image in (3, None):
        explanation = explain([*layers, *tail], image)
        page = read_page(render_page(explanation, INFO))
        assert page.words.count("sees only padding") == shown
        units = explanation.exciting_patches.units
        patches = [patch for unit in units for patch in unit.patches]
        empty = [patch for patch in patches if not patch.pixels.size]
        assert len(empty) == shown
        for patch in empty:
            box = patch.box
            assert box.top == box.bottom or box.left == box.right
