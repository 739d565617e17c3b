"""``predict --unsure``: where nothing fits, the label says so."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.errors import UsageError
from cifarcnn.prediction import open_predictor, require_free_label
from cifarcnn.unsure import negative_energy

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def run(
    trained_run: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy that knows when it is unsure; pictures lie beside it."""
    path = tmp_path_factory.mktemp("unsure") / "run"
    shutil.copytree(trained_run, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        loaded = cifarcnn.load_run(path, device="cpu")
        split = loaded.split("validation")
        answers = loaded.predict(split.images)
        right = answers.argmax(axis=1) == split.labels
        loaded.fit_temperature()
    at_temperature = loaded.predict(split.images)
    found = loaded.is_unsure(at_temperature)
    # Of so few pictures one more or less is the nearest that there is to 5 %.
    assert abs(found[right].sum() - 0.05 * right.sum()) < 1
    # The surest and the least sure of the pictures, as files.
    order = negative_energy(answers).argsort()
    for name, place in (("fits", order[-1]), ("nothing", order[0])):
        Image.fromarray(split.images[place]).save(path.parent / f"{name}.png")
    return path


@pytest.fixture
def pictures(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two pictures, and a file that is none, in the current folder."""
    monkeypatch.chdir(tmp_path)
    names = ["fits.png", "nothing.png"]
    for name in names:
        shutil.copy(run.parent / name, name)
    Path("bad.png").write_bytes(b"no picture")
    return [*names, "bad.png"]


@pytest.mark.parametrize(
    ("layout", "further"),
    [("json", "--device=cpu"), ("jsonl", "--temperature"), ("json", "--keras")],
)
def test_json_says_so_and_keeps_the_classes(
    call: Call, run: Path, pictures: list[str], layout: str, further: str
) -> None:
    arguments = ("predict", *pictures, "--run", run, "--format", layout, further)
    plain, asked = call(*arguments), call(*arguments, "--unsure")
    assert plain.code == asked.code == 1  # by the file that is no picture
    before, found = (
        json.loads(done.out)
        if layout == "json"
        else [json.loads(line) for line in done.out.splitlines()]
        for done in (plain, asked)
    )
    fits, nothing, bad = before
    assert found == [fits, {**nothing, "label": "unsure"}, bad]
    assert found[1]["top"][0]["label"] == nothing["label"] != "unsure"
    assert found[1]["probability"] == found[1]["top"][0]["probability"]


def test_csv_says_so_and_has_the_class_in_a_last_column(
    call: Call, run: Path, pictures: list[str]
) -> None:
    arguments = ("predict", *pictures, "--run", run, "--format", "csv", "--top", 2)
    plain, asked = (
        list(csv.reader(io.StringIO(call(*arguments, *further).out)))
        for further in ((), ("--unsure",))
    )
    head, fits, nothing, bad = plain
    assert head == "image label probability label_2 probability_2 error".split()
    assert asked == [
        [*head, "most_probable"],
        [*fits, fits[1]],
        [nothing[0], "unsure", *nothing[2:], nothing[1]],
        [*bad, ""],
    ]


def test_the_table_names_the_classes_behind_it(
    call: Call, run: Path, pictures: list[str]
) -> None:
    arguments = ("predict", *pictures[:2], "--run", run, "--top", 2)
    plain, asked = (
        call(*arguments, *further).out.splitlines() for further in ((), ("--unsure",))
    )
    # Without the option that is a remark, wherever no class comes to 50 %.
    assert asked[1].split() == plain[1].removesuffix("unsure").split()
    name, sure, label, *then, doubt = plain[2].split()
    assert doubt == "unsure"
    assert asked[2].split() == [name, "unsure", label, f"{sure},", *then]


def test_it_is_answered_without_keras(run: Path, pictures: list[str]) -> None:
    script = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'cifarcnn.config'):\n"
        "    sys.modules[name] = None\n"
        "from cifarcnn.cli.main import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "predict", pictures[1], "--unsure"]
        + ["--run", str(run), "--format", "json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["label"] == "unsure"


def test_a_run_that_does_not_know_says_what_to_do(
    call: Call, trained_run: Path, pictures: list[str]
) -> None:
    refused = call("predict", pictures[0], "--run", trained_run, "--unsure")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (
        f"error: {trained_run} does not know yet when it is unsure. Fit that on its "
        f"validation pictures: cifarcnn evaluate --run {trained_run} --split "
        "validation --temperature\n"
    )


def test_several_networks_are_refused(
    call: Call, run: Path, tmp_path: Path, pictures: list[str]
) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    refused = call("predict", pictures[0], "--run", run, "--run", other, "--unsure")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.endswith(
        "error: When it is unsure is known of each network alone, and not of the mean "
        "of 2. Name one run, or leave --unsure out.\n"
    )


def test_a_class_of_that_name_is_refused(run: Path) -> None:
    predictor = open_predictor(run, unsure=True)
    require_free_label(predictor)
    names = (*predictor.class_names[1:], "unsure")
    origin = predictor.manifest.origin.model_copy(update={"class_names": names})
    predictor.manifest = predictor.manifest.model_copy(update={"origin": origin})
    with pytest.raises(UsageError) as caught:
        require_free_label(predictor)
    assert str(caught.value) == (
        f"A class of {run} is itself called unsure, so that nobody could tell one from "
        "the other. Leave --unsure out."
    )


def test_from_python_it_is_asked_of_answers(run: Path, pictures: list[str]) -> None:
    images = np.stack([np.asarray(Image.open(name)) for name in pictures[:2]])
    for opened in (
        open_predictor(run, unsure=True),
        open_predictor(run, unsure=True, temperature=True),
        cifarcnn.load_run(run, device="cpu", unsure=True, temperature=True),
    ):
        assert opened.is_unsure(opened.predict(images)).tolist() == [False, True]
    plain = cifarcnn.load_run(run, device="cpu")
    with pytest.raises(UsageError) as caught:
        plain.is_unsure(plain.predict(images))
    assert str(caught.value) == (
        f"{run} was opened without what it takes to say when it is unsure. Open it "
        "with unsure=True."
    )
