from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.config import load_config
from cifarcnn.training.observer import Observer

pytestmark = pytest.mark.slow

# A name that would be markup, were it not escaped.
NAMES = ("blue", "green", "red <b>&")
CONFIG = """
name: colours
data: {dataset: folder, path: PATH, validation_fraction: 0.25, test_fraction: 0.2,
       augmentation: [RandomFlip, RandomTranslation: {pixels: 4}]}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - GlobalAveragePooling2D
    - Dense: {units: 3, activation: softmax}
training: {epochs: 2, batch_size: 8, optimizer: {Adam: {learning_rate: 0.02}}}
"""


class Told(Observer):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.reports: list[Path] = []
        self.data: Any = None

    def noted(self, sentence):
        self.notes.append(sentence)

    def report_written(self, path):
        self.reports.append(path)


@dataclass
class Trained:
    loaded: Any
    told: Told
    page: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("report")
    random = np.random.default_rng(0)
    for place, name in enumerate(NAMES):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            image = random.integers(0, 160, (32, 32, 3), dtype=np.uint8)
            image[:, :, 2 - place] += 60
            Image.fromarray(image).save(folder / "pictures" / name / f"{number}.png")
    path = folder / "colours.yaml"
    path.write_text(CONFIG.replace("PATH", str(folder / "pictures")))
    told = Told()
    loaded = cifarcnn.train(
        load_config(path), folder / "run", device="cpu", observer=told
    )
    page = (folder / "run" / "report.html").read_text()
    return Trained(loaded, told, page)


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_training_leaves_a_page_that_needs_nothing_else(trained: Trained) -> None:
    assert trained.told.reports == [trained.loaded.path / "report.html"]
    assert len(trained.page) < 3_000_000
    assert "default-src &#39;none&#39;; img-src data:" in trained.page
    # But for what a name of SVG or a license may hold, nothing names another place.
    assert re.findall(r'(?:src|href)="(?!#|data:image/)[^"]*"', trained.page) == []
    assert "<b>&" not in trained.page and "red &lt;b&gt;&amp;" in trained.page
    parts = re.findall(r'<section class="part" id="(\w+)"', trained.page)
    assert parts == [
        "diagnosis", "curves", "confusion", "mistakes", "calibration", "pictures",
        "network", "config", "facts",
    ]  # fmt: skip


def test_its_figures_are_those_of_the_run(trained: Trained) -> None:
    kept = trained.loaded.run.read_metrics()["kept"]
    said = plain(trained.page)
    assert f"Validation accuracy {kept['val_accuracy']:.1%}" in said
    assert f"the weights of epoch {kept['epoch']}, the best of 2" in said
    pictures = trained.loaded.run.read_metrics()["validation_pictures"]
    assert f"The answers to the {pictures} validation pictures" in said
    assert trained.loaded.device.description in said
    for row in trained.loaded.run.read_history():
        assert f"{float(row['loss']):.4f}" in said
    # Three pictures, each as it is and in five epochs.
    assert said.count("in epoch 5") == 3
    assert "augmentation: - RandomFlip" in said


def test_evaluate_adds_the_test_figures_and_replaces_them(
    trained: Trained, call: Callable[..., Any]
) -> None:
    for _ in range(2):
        called = call("evaluate", "--run", trained.loaded.path, "--device", "cpu")
        assert called.code == 0, called.err
    page = (trained.loaded.path / "report.html").read_text()
    assert page.count('id="test"') == 1
    count = len(trained.loaded.dataset.test().labels)
    assert f"{count} test pictures of folder, from which nothing was" in plain(page)
    link = '<p><a href="#test">On the test pictures</a></p>'
    nav = page[page.index("<nav") : page.index("</nav>")]
    assert nav.count(link) == 1 and page.count(link) == 1
    before, _, rest = page.partition("<!-- test figures -->")
    after = rest.rpartition("<!-- end of test figures -->")[2]
    without = before.replace(f"\n{link}", "")
    assert trained.page.startswith(without) and trained.page.endswith(after)


def test_other_pages_are_left_alone(trained: Trained, tmp_path: Path) -> None:
    from cifarcnn.page.report_file import add_test_figures
    from cifarcnn.runs import Run

    evaluation = trained.loaded.evaluate("test")
    run = Run(tmp_path)
    assert add_test_figures(run, evaluation, NAMES, "") is None
    (tmp_path / "report.html").write_text("mine")
    assert add_test_figures(run, evaluation, NAMES, "") is None
    assert (tmp_path / "report.html").read_text() == "mine"


def test_a_page_that_cannot_be_written_costs_nothing_else(trained: Trained) -> None:
    from cifarcnn import api

    path = trained.loaded.path / "report.html"
    path.unlink()
    path.mkdir()
    told = Told()
    config = load_config(trained.loaded.run.config_path, {"training.epochs": 3})
    api.continue_training(trained.loaded.run, config, device="cpu", observer=told)
    path.rmdir()
    assert trained.loaded.run.read_metrics()["epochs"] == 3
    assert told.reports == []
    assert told.notes[-1].startswith(f"report.html is not written: {path} cannot be ")
    assert told.notes[-1].endswith(" The run is complete without it.")


@pytest.fixture(scope="module")
def training(trained: Trained) -> Any:
    """What a page is made from, with the validation pictures of the run."""
    from cifarcnn.page.report import Training
    from cifarcnn.runs.history import to_records
    from cifarcnn.training.diagnosis import Finding
    from cifarcnn.training.training_data import load_training_data

    loaded = trained.loaded
    data = load_training_data(loaded.config, loaded.dataset)
    records = to_records(loaded.run.read_history())
    return Training(
        name="runs/colours-1",
        config=loaded.config,
        data=data,
        records=records,
        kept=records[0],
        weights="best",
        probabilities=loaded.predict(data.validation.images),
        findings=[Finding("It learns <by> heart.", "- Flatten")],
        problem=None,
        facts=[("device", "cpu")],
    )


def test_without_validation_it_says_so_and_shows_the_rest(training: Any) -> None:
    from cifarcnn.page.report import render_report

    bare = replace(training.records[0], val_loss=None, val_accuracy=None)
    page = render_report(
        replace(
            training,
            data=replace(training.data, validation=None),
            records=[bare],
            kept=bare,
            probabilities=None,
        )
    )
    said = plain(page)
    assert (
        "No pictures were kept for validation (data.validation_fraction is 0)" in said
    )
    assert f"Training accuracy {bare.accuracy:.1%}" in said
    parts = re.findall(r'<section class="part" id="(\w+)"', page)
    assert parts == ["diagnosis", "curves", "pictures", "network", "config", "facts"]


def test_a_training_that_diverged_is_told_with_its_reason(training: Any) -> None:
    from cifarcnn.page.report import render_report

    diverged = replace(
        training, records=[], kept=None, probabilities=None, findings=[],
        problem="In epoch 1 the loss is not finite any more.",
    )  # fmt: skip
    said = plain(render_report(diverged))
    assert "It did not come to its end." in said
    assert "In epoch 1 the loss is not finite any more." in said


def test_a_finding_stands_with_its_line(training: Any) -> None:
    from cifarcnn.page.report import render_report

    page = render_report(training)
    assert "It learns &lt;by&gt; heart." in page
    assert "Try next: <code>- Flatten</code>" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    open_page: Callable[..., Any],
    trained: Trained,
    tmp_path: Path,
    scheme: str,
    width: int,
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    path = tmp_path / "report.html"
    path.write_text(trained.page)
    page = open_page(path, width, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(page).response["violations"]
    assert [(entry["impact"], entry["id"]) for entry in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
