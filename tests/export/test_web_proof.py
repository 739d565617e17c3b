"""Whatever of a browser and Node.js is here runs the page before anybody gets it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.errors import RunError
from cifarcnn.export import web_proof
from cifarcnn.export.export import export_network
from cifarcnn.export.file_format import Reduction
from cifarcnn.export.web_format import FORMAT
from cifarcnn.export.web_proof import answer_by_javascript
from cifarcnn.html.browser import look_for_browser
from cifarcnn.network.predict import predict_probabilities

pytestmark = pytest.mark.slow

Run = Callable[[], Any]
NOT_RUN = (
    "Keras computed the layers and weights that the page holds; the page compares "
    "itself with the network whenever it is opened."
)


@pytest.fixture(scope="module")
def network(build_network: Any) -> Any:
    return build_network({"Conv2D": {"filters": 4, "kernel_size": 9}}, "Flatten")


@pytest.fixture
def page(network: Any, description: Any, tmp_path: Path) -> Path:
    """Where one lies while it is proven."""
    path = tmp_path / ".net.html.tmp" / "net.html"
    path.parent.mkdir()
    FORMAT.write(network, path, description, Reduction())
    return path


@pytest.fixture
def browser() -> str:
    found = look_for_browser()
    if found is None:
        pytest.skip("there is no browser on this machine")
    return found


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> str:
    """Node.js, on a machine without a browser."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no Node.js on this machine")
    monkeypatch.setattr(web_proof, "look_for_browser", lambda: None)
    return found


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_proof, "look_for_browser", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: None)


def check(found: Any, images: Any, network: Any, program: str) -> None:
    assert found.places.tolist() == list(range(40))
    expected = predict_probabilities(network, images)
    assert np.abs(found.probabilities - expected).max() < 1e-5
    assert found.load_seconds > 0 and found.images_per_second > 0
    assert found.note == (
        f"the JavaScript of the page was run by {program}, on all 40 pictures."
    )


def test_a_browser_opens_the_page(
    browser: str, page: Path, network: Any, checked_on: Any
) -> None:
    found = answer_by_javascript(page, checked_on.images, 10)
    check(found, checked_on.images, network, browser)
    assert list(page.parent.parent.iterdir()) == [page.parent]
    assert list(page.parent.iterdir()) == [page]


def test_without_a_browser_node_computes_the_network(
    node: str, page: Path, network: Any, checked_on: Any
) -> None:
    found = answer_by_javascript(page, checked_on.images, 10)
    check(found, checked_on.images, network, node)
    assert list(page.parent.iterdir()) == [page]


def test_where_neither_is_here_the_file_is_read_back(
    nothing_here: None, network: Any, description: Any, checked_on: Any, tmp_path: Path
) -> None:
    exported = export_network(
        network, description, "web", tmp_path / "net.html", checked_on, Reduction()
    )
    assert (exported.load_seconds, exported.file.images_per_second) == (None, None)
    assert exported.largest_difference < 1e-5 and exported.labels_agreeing == 40
    assert exported.notes == (
        "the JavaScript of the page was not run here: no Chromium, Google Chrome, "
        f"Microsoft Edge or Node.js was found. {NOT_RUN}",
    )


def test_weights_that_are_not_the_networks_are_found_without_a_browser_too(
    nothing_here: None,
    network: Any,
    description: Any,
    checked_on: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cifarcnn.export import web_format

    right = web_format._pack
    monkeypatch.setattr(web_format, "_pack", lambda array: right(2 * array))
    with pytest.raises(RunError, match="its probabilities differ from the network's"):
        export_network(
            network, description, "web", tmp_path / "net.html", checked_on, Reduction()
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo no page", "it shows no page"),
        ("echo no display >&2; exit 1", "no display"),
        ("exit 7", "exit code 7"),
        ("exec sleep 60", "it did not end within 0.5 seconds"),
    ],
)
def test_a_browser_that_shows_nothing_is_named(
    script: str,
    reason: str,
    page: Path,
    checked_on: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "chromium"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(web_proof, "look_for_browser", lambda: str(program))
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(web_proof, "_TIMEOUT", 0.5 if "sleep" in script else 60)
    found = answer_by_javascript(page, checked_on.images, 10)
    assert found.places is None
    assert found.note == (
        f"the JavaScript of the page was not run here: {program} does not run it "
        f"({reason}). {NOT_RUN}"
    )


@pytest.mark.parametrize("way", ["browser", "node"])
def test_a_script_that_fails_leaves_no_file(
    way: str,
    request: pytest.FixtureRequest,
    network: Any,
    description: Any,
    checked_on: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cifarcnn.export import web_format

    program = request.getfixturevalue(way)
    right = web_format._read
    monkeypatch.setattr(
        web_format, "_read", lambda name: right(name).replace("Flatten:", "Flat:")
    )
    path = tmp_path / "net.html"
    with pytest.raises(RunError) as caught:
        export_network(network, description, "web", path, checked_on, Reduction())
    assert str(caught.value).startswith(
        f"{path} is not made: its script fails in {program}: TypeError: "
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["browser", "node"])
def test_a_slow_network_answers_fewer_pictures(
    way: str,
    request: pytest.FixtureRequest,
    page: Path,
    checked_on: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request.getfixturevalue(way)
    monkeypatch.setattr(web_proof, "_SECONDS", -1)
    found = answer_by_javascript(page, checked_on.images, 10)
    assert found.places.tolist() == [0] and found.probabilities.shape == (1, 10)
    assert found.note.endswith(
        ", on 1 of the 40 pictures; for the others Keras computed what the page holds."
    )


def test_the_pictures_are_spread_over_all(
    node: str, page: Path, checked_on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_proof, "_MOST_IMAGES", 4)
    found = answer_by_javascript(page, checked_on.images, 10)
    assert found.places.tolist() == [0, 13, 26, 39]
