"""``report.html`` of a folder of several seeds, from real runs with given figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import cifarcnn
from cifarcnn.cli.seeds_page import write_seeds_report
from cifarcnn.runs.seeds_folder import SeedsFolder, make_seeds_folder


@pytest.fixture
def folder(trained_run: Path, tmp_path: Path) -> SeedsFolder:
    """Two finished runs, one that diverged, one that was stopped, one not begun."""
    base = cifarcnn.load_config(trained_run / "config.yaml").to_yaml().encode()
    made = make_seeds_folder(
        tmp_path / "five", tmp_path, "five", range(5), base, smoke=False
    )
    for seed, share in ((0, 0.5), (1, 0.7), (2, None), (3, None)):
        run = shutil.copytree(trained_run, made.run_path(seed))
        if share is None:
            (run / "metrics.json").unlink()
            (run / "report.html").unlink(missing_ok=True)
        else:
            metrics = json.loads((run / "metrics.json").read_text())
            metrics["kept"]["val_accuracy"] = share
            (run / "metrics.json").write_text(json.dumps(metrics))
            (run / "report.html").write_text("a page")
    environment = json.loads((made.run_path(2) / "environment.json").read_text())
    environment["diverged"] = {"epoch": 1}
    (made.run_path(2) / "environment.json").write_text(json.dumps(environment))
    (made.run_path(2) / "history.csv").unlink()
    return made


def test_it_has_the_mean_each_seed_and_those_that_did_not_come_to_their_end(
    folder: SeedsFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.path / "report.html").write_text("an earlier one")
    write_seeds_report(folder)
    assert capsys.readouterr().err == f"report: {folder.path / 'report.html'}\n"
    page = (folder.path / "report.html").read_text()
    # By a calculator: 60 +- 12.706 * 10.
    assert (
        "Validation accuracy 60.00% on average over 2 seeds, standard deviation 14.14 "
        "points, 95% interval of the mean -67.06% to 187.06%."
    ) in page
    assert "Not in these figures, since diverged: 2." in page
    assert "Not in these figures, since stopped: 3." in page
    assert "Not begun yet: 1 of 5." in page
    assert '<a href="seed-0/report.html">seed 0</a>' in page
    assert 'href="seed-2/' not in page and "seed 2</th>" in page
    assert "seed 0: from " in page and "seed 2: from " not in page


def test_a_page_that_cannot_be_written_is_told(
    folder: SeedsFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.path / "report.html").mkdir()
    write_seeds_report(folder)
    told = capsys.readouterr().err
    assert told.startswith("note: report.html is not written: ")
    assert told.endswith(" The runs are complete without it.\n")


def test_nothing_to_average_is_said(
    folder: SeedsFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.run_path(1) / "metrics.json").unlink()
    write_seeds_report(folder)
    page = (folder.path / "report.html").read_text()
    assert "Of fewer than two finished runs with validation pictures" in page
