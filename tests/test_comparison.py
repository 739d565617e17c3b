"""Several runs side by side; also the command that prints them."""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cifarcnn
from cifarcnn.comparison import open_comparable_runs
from cifarcnn.errors import RunError, UsageError
from cifarcnn.hypothesis_tests import mcnemar_exact

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def runs(
    trained_run: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Path]:
    """Two runs on the same pictures, and one of another seed."""
    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        for name, changes in {
            "slow": {"training.optimizer": {"Adam": {"learning_rate": 1e-5}}},
            "seed": {"training.seed": 1},
        }.items():
            config = cifarcnn.load_config(
                trained_run / "config.yaml", {"training.epochs": 1, **changes}
            )
            cifarcnn.train(config, folder / name, device="cpu")
    return trained_run, folder / "slow", folder / "seed"


def test_two_runs_are_compared_on_the_same_pictures(
    runs: tuple[Path, Path, Path], call: Call
):
    first, slow, _ = runs
    called = call("compare", first, slow, "--json", "--device", "cpu")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    loaded = [cifarcnn.load_run(path, device="cpu") for path in (first, slow)]
    split = loaded[0].split("validation")
    answers = [run.predict(split.images).argmax(axis=1) for run in loaded]
    right = [each == split.labels for each in answers]
    pair = found["against_first"][0]
    assert found["split"] == "validation"
    assert found["examples"] == len(split.labels)
    assert pair["other_answers"] == np.sum(answers[0] != answers[1])
    assert pair["only_first_right"] == np.sum(right[0] & ~right[1])
    assert pair["only_this_right"] == np.sum(~right[0] & right[1])
    assert pair["p_value"] == pair["corrected_p_value"]
    assert pair["p_value"] == mcnemar_exact(
        pair["only_first_right"], pair["only_this_right"]
    )
    for each, run, hits in zip(found["runs"], loaded, right, strict=True):
        assert each["run"] == str(run.path)
        assert each["accuracy"] == pytest.approx(hits.mean())
        assert each["parameters"] == run.model.count_params()
    assert [each["index"] for each in found["disagreements"]] == list(
        np.flatnonzero(answers[0] != answers[1])
    )
    changed = {each["path"]: each["values"] for each in found["config_differences"]}
    assert changed["training.optimizer.Adam.learning_rate"][1] == "1.0e-05"
    assert changed["training.epochs"][1] == "1"
    assert "name" not in changed and "training.seed" not in changed


@pytest.mark.slow
def test_three_runs_are_each_compared_with_the_first(
    runs: tuple[Path, Path, Path], call: Call
):
    called = call("compare", *runs, "--split", "test", "--device", "cpu")
    assert called.code == 0, called.err
    assert called.out.startswith("3 runs on the same ")
    assert called.out.count("by Holm's correction for 2 comparisons") == 2
    assert "training.optimizer.Adam.learning_rate" in called.out
    assert "The runs do not all say the same of " in called.out


def test_everything_wrong_is_told_at_once(
    runs: tuple[Path, Path, Path], tmp_path: Path, call: Call
):
    first, _, seed = runs
    unfinished = tmp_path / "unfinished"
    shutil.copytree(first, unfinished)
    (unfinished / "metrics.json").unlink()
    with pytest.raises(RunError) as raised:
        open_comparable_runs([first, first, seed, unfinished], "validation")
    assert str(raised.value).splitlines() == [
        f"{first} is given twice.",
        f"The validation pictures of {seed} and {first} are not the same "
        "(data.validation_fraction, data.fold or training.seed differ): what one is "
        "judged on the other has learnt from. Compare by the test pictures: "
        "--split test.",
        f"{unfinished} is unfinished: its training was stopped or is still going on. "
        f"Finish it with: cifarcnn train --resume {unfinished}",
    ]


def test_one_run_is_refused(trained_run: Path, call: Call):
    called = call("compare", trained_run)
    assert (called.code, called.out) == (2, "")
    assert called.err == (
        "error: One run cannot be compared. Name two at least: RUN RUN...\n"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"class_names": ["hat", "shoe", "sock"]}, "know other classes: hat, shoe, "),
        ({"data": {"checksum": "f" * 64}}, "were trained on other pictures: synth"),
    ],
)
def test_runs_of_other_data_are_refused(
    trained_run: Path, tmp_path: Path, change: dict[str, Any], said: str
):
    other = shutil.copytree(trained_run, tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    # As a run has it that was written before there was a checksum.
    del manifest["sha256"]
    manifest["format"] = 1
    for name, value in change.items():
        part = manifest["origin"]
        part[name] = {**part[name], **value} if isinstance(value, dict) else value
    (other / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match=said):
        open_comparable_runs([trained_run, other], "test")


@pytest.mark.slow
def test_a_run_without_validation_pictures_is_told_the_way_out(
    trained_run: Path, shared_cache: Path, tmp_path: Path
):
    config = cifarcnn.load_config(
        trained_run / "config.yaml",
        {"data.validation_fraction": 0, "training.epochs": 1},
    )
    cifarcnn.train(config, tmp_path / "whole", device="cpu")
    with pytest.raises(UsageError) as raised:
        open_comparable_runs([tmp_path / "whole", trained_run], "validation")
    assert str(raised.value).splitlines()[0] == (
        f"{tmp_path / 'whole'} was trained without validation pictures "
        "(data.validation_fraction is 0). Compare by the test pictures: --split test."
    )
    assert open_comparable_runs([tmp_path / "whole", trained_run], "test")


def test_a_page_shows_the_same_and_takes_the_place_of_nothing(
    runs: tuple[Path, Path, Path], tmp_path: Path, call: Call
):
    first, slow, _ = runs
    path = tmp_path / "compared.html"
    called = call("compare", first, slow, "--device", "cpu", "--json", "--out", path)
    assert called.code == 0, called.err
    assert f"page: {path}" in called.err
    found = json.loads(called.out)
    page = path.read_text()
    assert len(page) < 3_000_000
    assert found["against_first"][0]["meaning"] in html.unescape(page)
    assert f"{found['runs'][1]['accuracy']:.2%}" in page
    assert "training.optimizer.Adam.learning_rate" in page
    assert 'aria-label="validation loss by epoch. ' in page
    assert page.count("<image ") == min(30, len(found["disagreements"]))
    for each in found["disagreements"][:30]:
        cells = [str(each["index"]), each["label"], *each["answers"]]
        assert all(f">{cell}</t" in page for cell in cells)
    again = call("compare", first, slow, "--out", path)
    assert (again.code, again.out) == (2, "")
    assert again.err.startswith(f"error: {path} exists already, and nothing is ")
    folder = call("compare", first, slow, "--out", tmp_path)
    assert folder.code == 2 and f"--out {tmp_path / 'compared.html'}." in folder.err
    assert path.read_text() == page


def test_a_page_for_which_there_is_no_room_costs_nothing_else(
    runs: tuple[Path, Path, Path], tmp_path: Path, call: Call
):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "compared.html"
    # What a full disk does: a write that ends before its end.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        called = call("compare", *runs[:2], "--device", "cpu", "--out", path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert called.code == 2 and called.out.startswith("2 runs on the same ")
    assert f"error: {path} cannot be written: " in called.err
    assert called.err.endswith(". Name another place with --out.\n")
    assert list(tmp_path.iterdir()) == []


def test_runs_that_say_the_same_of_all_leave_nothing_to_test(
    trained_run: Path, tmp_path: Path, call: Call
):
    twin, path = tmp_path / "twin", tmp_path / "compared.html"
    shutil.copytree(trained_run, twin)
    called = call("compare", trained_run, twin, "--device", "cpu", "--out", path)
    said = (
        f"{trained_run} and {twin} give every picture the same answer, which leaves "
        "nothing to test."
    )
    assert called.code == 0 and said in called.out
    assert said in path.read_text()
    assert "The runs say the same of all " in path.read_text()
    assert "The runs say the same of all " in called.out
    assert "do not all say the same" not in called.out
