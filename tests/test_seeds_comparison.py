"""Folders of several seeds side by side; also the command that prints them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import cifarcnn
from cifarcnn.config.datasets import ChannelStatistics
from cifarcnn.runs.manifest import write_config
from cifarcnn.runs.seeds_folder import make_seeds_folder
from cifarcnn.seeds_comparison import compare_seeds, have_several_seeds

Call = Callable[..., Any]
Make = Callable[..., Path]
BEFORE = {0: 0.70, 1: 0.72, 2: 0.71, 5: 0.69}
AFTER = {0: 0.74, 1: 0.75, 2: 0.77, 7: 0.10}


@pytest.fixture
def make(trained_run: Path, tmp_path: Path) -> Make:
    """Folders of real runs whose kept accuracies are given."""
    config = cifarcnn.load_config(trained_run / "config.yaml")

    def make(
        name: str, accuracies: Mapping[int, float | None], rate: float = 0.001
    ) -> Path:
        own = config.to_yaml().replace("learning_rate: 0.001", f"learning_rate: {rate}")
        folder = make_seeds_folder(
            tmp_path / name, tmp_path, name, [*accuracies], own.encode(), smoke=False
        )
        for seed, share in accuracies.items():
            run = shutil.copytree(trained_run, folder.run_path(seed))
            metrics = json.loads((run / "metrics.json").read_text())
            metrics["kept"]["val_accuracy"] = share
            (run / "metrics.json").write_text(json.dumps(metrics))
        return folder.path

    return make


def test_the_seeds_that_both_have_are_paired(make: Make):
    from scipy.stats import ttest_rel

    first, second = make("a", BEFORE), make("b", AFTER, rate=0.002)
    found = compare_seeds([first, second])
    (pair,) = found.pairs
    expected = ttest_rel([0.74, 0.75, 0.77], [0.70, 0.72, 0.71])
    assert pair.seeds == (0, 1, 2)
    assert pair.test.differences.mean == pytest.approx(0.13 / 3)
    assert pair.test.t == pytest.approx(expected.statistic)
    assert pair.test.p_value == pytest.approx(expected.pvalue)
    assert pair.corrected_p_value == pair.test.p_value
    assert [each.path for each in found.differences] == [
        "training.optimizer.Adam.learning_rate"
    ]
    spread = found.configs[0].spread
    assert spread is not None and spread.mean == pytest.approx(0.705)


def test_the_command_says_it_in_words_and_as_json(make: Make, call: Call):
    first, second = make("a", BEFORE), make("b", AFTER, rate=0.002)
    told = call("compare", first, second)
    assert told.code == 0, told.err
    assert "points from" in told.out and "+4.33" in told.out
    assert f"{second} is better: were both equally good" in told.out
    lines = [line.split() for line in told.out.splitlines()]
    assert ["0", "70.00%", "74.00%"] in lines
    assert ["mean", "70.50%", "59.00%"] in lines
    found = json.loads(call("compare", first, second, "--json").out)
    assert found["against_first"][0]["seeds"] == [0, 1, 2]
    assert found["configs"][1]["val_accuracy"]["7"] == 0.1


def test_a_page_has_their_means_curves_and_differences(
    make: Make, call: Call, tmp_path: Path
):
    first, second = make("a", BEFORE), make("b", AFTER, rate=0.002)
    path = tmp_path / "seeds.html"
    told = call("compare", first, second, "--out", path)
    assert told.code == 0 and told.err == f"page: {path}\n"
    page = path.read_text()
    assert f"{second} is better: were both equally good" in page
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", page)
    mean = cells.index("mean")
    assert cells[mean : mean + 3] == ["mean", "70.50%", "59.00%"]
    # By a calculator: of 70, 72, 71 and 69 %.
    assert cells[cells.index("standard deviation, points") + 1] == "1.29"
    assert cells[cells.index("95 % interval of the mean") + 1] == "68.45% to 72.55%"
    assert "training.optimizer.Adam.learning_rate" in cells
    assert "1 a, 4 seeds: from " in page and "2 b, 4 seeds: from " in page


def test_a_small_difference_may_be_luck_and_equal_ones_leave_nothing_to_test(
    make: Make, call: Call
):
    first = make("a", BEFORE)
    near = make("near", {0: 0.71, 1: 0.71, 2: 0.72})
    same = make("same", {seed: share + 0.125 for seed, share in BEFORE.items()})
    told = call("compare", first, near, same)
    assert "That may be luck with the seeds" in told.out
    assert "by Holm's correction for 2 comparisons" in told.out
    assert "The configs do not differ but in their names." in told.out
    exact = make("exact", {0: 0.5, 1: 0.25})
    shifted = make("shifted", {0: 0.75, 1: 0.5})
    assert "which leaves nothing to test" in call("compare", exact, shifted).out


def test_what_cannot_be_compared_is_refused_all_at_once(
    make: Make, call: Call, trained_run: Path
):
    first, other = make("a", BEFORE), make("other", {8: 0.5, 9: 0.6})
    empty = make("empty", {1: None})
    told = call("compare", first, first, other, empty)
    assert told.code == 2
    assert f"{first} is given twice." in told.err
    assert f"{other} and {first} have fewer than two seeds in common" in told.err
    assert f"{empty} has no finished run with validation pictures" in told.err
    assert "One config alone cannot be compared." in call("compare", first).err
    mixed = call("compare", first, trained_run)
    assert mixed.code == 2
    assert f"{trained_run} and {first} have fewer than two seeds in" in mixed.err
    test = call("compare", first, other, "--split", "test")
    assert test.code == 2 and "by the validation accuracies" in test.err
    (first / "seeds.json").write_text("{")
    assert call("compare", first, other).code == 1


@pytest.fixture
def single(trained_run: Path, tmp_path: Path) -> Callable[..., Path]:
    """A finished run of a rate and a seed, whose kept accuracy is given."""

    def single(
        name: str, seed: int, rate: float, share: float, mean: float | None = None
    ) -> Path:
        run = shutil.copytree(trained_run, tmp_path / name)
        config = cifarcnn.load_config(
            trained_run / "config.yaml",
            {
                "training.seed": seed,
                "training.optimizer.Adam.learning_rate": rate,
                # Changes no result, and makes no other config.
                "training.checkpoint_minutes": 5 + seed,
            },
        )
        if mean is not None:
            numbers = ChannelStatistics(mean=[mean] * 3, deviation=[0.25] * 3)
            config = config.with_normalization(numbers)
        write_config(run, config.to_yaml().encode())
        metrics = json.loads((run / "metrics.json").read_text())
        metrics["kept"]["val_accuracy"] = share
        (run / "metrics.json").write_text(json.dumps(metrics))
        return run

    return single


def test_single_runs_that_differ_in_their_seed_alone_are_taken_together(
    single: Callable[..., Path], make: Make, call: Call
):
    first = [single(f"a-{n}", n, 0.001, share) for n, share in ((3, 0.70), (4, 0.72))]
    other = [single(f"b-{n}", n, 0.002, share) for n, share in ((3, 0.75), (4, 0.76))]
    told = call("compare", first[0], other[0], first[1], other[1])
    assert told.code == 0, told.err
    lines = [line.split() for line in told.out.splitlines()]
    assert ["4", "72.00%", "76.00%"] in lines and ["mean", "71.00%", "75.50%"] in lines
    assert f"2: {other[0]}, {other[1]}" in told.out
    assert f"{other[0]} and 1 more is +4.50 points from {first[0]} and 1 more" in (
        " ".join(told.out.split())
    )
    found = json.loads(call("compare", *first, *other, "--json").out)
    assert found["configs"][0]["runs"] == {"3": str(first[0]), "4": str(first[1])}
    # With a folder of the same seeds, too.
    folder = make("c", {3: 0.5, 4: 0.6}, rate=0.004)
    assert (
        "training.optimizer.Adam.learning_rate" in call("compare", folder, *first).out
    )


def test_the_normalization_that_each_seed_measured_is_no_difference(
    single: Callable[..., Path], call: Call
):
    first = [single("a-3", 3, 0.001, 0.7, 0.31), single("a-4", 4, 0.001, 0.7, 0.32)]
    other = [single("b-3", 3, 0.002, 0.8, 0.31), single("b-4", 4, 0.002, 0.9, 0.32)]
    told = call("compare", *first, *other)
    assert told.code == 0, told.err
    assert f"2: {other[0]}, {other[1]}" in told.out
    assert "learning_rate" in told.out and "data.normalization" not in told.out
    # With one seed they were not measured: numbers that somebody wrote differ.
    assert have_several_seeds([*first, *other])
    assert not have_several_seeds([*first, single("c", 3, 0.002, 0.7, 0.5), other[0]])


def test_a_seed_that_two_runs_have_is_refused_and_one_config_is_no_comparison(
    single: Callable[..., Path], make: Make, call: Call
):
    first, twin = single("a", 3, 0.001, 0.7), single("twin", 3, 0.001, 0.8)
    other = single("b", 3, 0.002, 0.7)
    told = call("compare", first, twin, other)
    assert told.code == 2
    assert f"{first} and {twin} have the same config and the same seed." in told.err
    assert f"{first} is given twice." in call("compare", first, first, other).err
    (other / "metrics.json").unlink()
    unfinished = call("compare", first, twin, other)
    assert unfinished.code == 1 and f"{other} is unfinished" in unfinished.err
    unfinished = call("compare", make("seeds", {3: 0.5, 4: 0.6}), other)
    assert f"{other} is unfinished" in unfinished.err
    assert "One config alone" not in unfinished.err
