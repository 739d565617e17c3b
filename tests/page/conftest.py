"""A small network with every part of a page, and a browser to read pages in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn import engine

# Before the tests import what imports Keras.
engine.start("cpu")

LAYERS = [
    {"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same",
                "activation": "relu"}},
    "MaxPooling2D",
    {"Conv2D": {"filters": 8, "kernel_size": 3, "activation": "relu"}},
    "Flatten",
    {"Dense": {"units": 10, "activation": "softmax"}},
]  # fmt: skip


@pytest.fixture(scope="session")
def explain(shared_cache: Path) -> Callable[..., Any]:
    """Explains an image, or the model alone, with an untrained network."""
    import keras

    from cifarcnn.config import Config
    from cifarcnn.data.dataset import open_dataset
    from cifarcnn.explanation.explain import (
        TrainedNetwork,
        explain_image,
        explain_model,
    )
    from cifarcnn.network.builder import build_model

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        dataset = open_dataset("synthetic", None)
        dataset.training(0.1, 0), dataset.test()

    def explain(layers: list[Any], image: Any = 3, **data: Any) -> Any:
        keras.utils.set_random_seed(1)
        config = Config.model_validate_json(
            json.dumps(
                {
                    "name": "tiny",
                    "data": {"dataset": "synthetic", **data},
                    "model": {"layers": layers},
                    "training": {},
                }
            )
        )
        model = build_model(config, 10)
        network = TrainedNetwork(
            model,
            config,
            dataset.class_names,
            lambda: open_dataset(config.data.dataset, config.data.path),
        )
        if image is None:
            return explain_model(network)
        if isinstance(image, int):
            return explain_image(
                network, dataset.test().images[image], name=f"test:{image}"
            )
        return explain_image(network, image, name="an array")

    return explain


@pytest.fixture(scope="session")
def explanation(explain: Callable[..., Any]) -> Any:
    """The explanation of one image, with every part."""
    return explain(LAYERS)


@pytest.fixture(scope="session")
def wide_explanation(explain: Callable[..., Any]) -> Any:
    """That of a network whose images are 24 pixels high and 40 wide."""
    from cifarcnn.config.datasets import DATASETS, DatasetFacts

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            DATASETS,
            "cifar10",
            DatasetFacts(DATASETS["cifar10"].class_names, (24, 40, 3)),
        )
        pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)
        return explain(LAYERS, pixels, dataset="cifar10", path="nowhere")


@pytest.fixture(scope="session")
def model_explanation(explain: Callable[..., Any]) -> Any:
    """The explanation of the network alone."""
    return explain(LAYERS, None)


@pytest.fixture(scope="session")
def with_photo(explanation: Any) -> Any:
    """The same explanation, told of a wide photo."""
    from cifarcnn.explanation.network_input import Box

    photo = np.repeat(np.repeat(explanation.network_input.pixels, 10, 0), 16, 1)
    network_input = replace(
        explanation.network_input,
        name="a <b>& co.png",
        photo=photo,
        crop=Box(0, 96, 320, 416),
    )
    return replace(explanation, network_input=network_input)


class Page(HTMLParser):
    """The tables of a page by the caption of their panel, and every attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self._tag: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._tag and self._tag.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._tag or "style" in self._tag:
            return
        self.words.append(data)
        if "td" in self._tag or "th" in self._tag:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    """Takes a page apart, without a browser."""
    return Page


@pytest.fixture(scope="session")
def page_file(explanation: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cifarcnn.page.document import PageInfo, render_page

    path = tmp_path_factory.mktemp("page") / "explained.html"
    path.write_text(render_page(explanation, PageInfo("runs/tiny-1", "deer")))
    return path


@pytest.fixture(scope="session")
def model_page_file(
    model_explanation: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    from cifarcnn.page.document import PageInfo, render_page

    path = tmp_path_factory.mktemp("page") / "model.html"
    path.write_text(render_page(model_explanation, PageInfo("runs/tiny-1")))
    return path
