"""A run named as a backbone: its layers become part of the config."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.config import load_config
from cifarcnn.config.loading import check_config
from cifarcnn.runs import Run

BASE = """
name: base
data: {dataset: cifar10, normalization: {mean: [0.5, 0.4, 0.3], deviation: [1, 1, 1]}}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, padding: same, name: first}
    - Residual: [Conv2D: {filters: 4, kernel_size: 3, padding: same, name: inner}]
    - MaxPooling2D: {pool_size: 4, name: pool}
    - Flatten
    - Dense: {units: 6, name: hidden}
    - Dense: {units: 10, activation: softmax}
"""
NEW = """
data: {dataset: cifar10}
model:
  layers:
    - Pretrained: {run: runs/base-1}
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax}
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(BASE)
    run = Run.create(Path("runs"), "base")
    run.write_config(load_config("base.yaml"))
    run.write_metrics({"smoke": False})
    return run


@pytest.fixture
def check(base: Run) -> Callable[..., list[str]]:
    def check(old: str = "", new: str = "") -> list[str]:
        Path("new.yaml").write_text(NEW.replace(old, new) if old else NEW)
        found = check_config("new.yaml").problems
        return [f"{p.line}:{p.column} {p.message} | {p.hint}" for p in found]

    return check


def test_the_layers_up_to_the_last_maps_are_written_out(base: Run, tmp_path: Path):
    Path("new.yaml").write_text(NEW)
    config = load_config("new.yaml")
    layer = config.model.layers[0]
    assert layer.run == str(tmp_path / "runs/base-1")
    assert layer.up_to == "pool"
    assert [inner.name for inner in layer.layers] == ["first", "residual_1", "pool"]
    assert layer.normalization.mean == [0.5, 0.4, 0.3]
    assert layer.input_shape == [32, 32, 3]
    # (3 * 9 + 1) * 4 and (4 * 9 + 1) * 4; each multiplied at 32x32 places.
    checked = check_config("new.yaml").summary.rows[0]
    assert checked.output_shape == (8, 8, 4)
    assert checked.parameters == 112 + 148
    assert checked.macs == 1024 * (108 + 144)


def test_the_resolved_config_stands_without_the_run(base: Run, tmp_path: Path):
    Path("new.yaml").write_text(NEW)
    config = load_config("new.yaml")
    Path("resolved.yaml").write_text(config.to_yaml())
    shutil.rmtree("runs")
    assert load_config("resolved.yaml") == config


def test_a_run_that_is_set_takes_the_place_of_one_that_is_written_out(base: Run):
    shutil.copytree("runs/base-1", "runs/other-1")
    Path("new.yaml").write_text(NEW)
    Path("resolved.yaml").write_text(load_config("new.yaml").to_yaml())
    key = "model.layers[0].Pretrained"
    config = load_config("resolved.yaml", {f"{key}.run": "runs/other-1"})
    assert config.model.layers[0].run.endswith("other-1")


def test_a_run_beside_the_config_comes_first(base: Run, tmp_path: Path, monkeypatch):
    Path("elsewhere").mkdir()
    Path("new.yaml").write_text(NEW)
    monkeypatch.chdir("elsewhere")
    config = load_config("../new.yaml")
    assert config.model.layers[0].run == str(tmp_path / "runs/base-1")


def test_a_shipped_network_goes_by_its_name(base: Run):
    from cifarcnn.runs.shipped_runs import find_shipped_run

    Path("new.yaml").write_text(NEW.replace("runs/base-1", "speedrun"))
    layer = load_config("new.yaml").model.layers[0]
    assert layer.run == str(find_shipped_run("speedrun"))
    assert layer.up_to == "max_pooling2d_4"
    base.path.rename("speedrun")
    layer = load_config("new.yaml").model.layers[0]
    assert layer.run == str(Path("speedrun").resolve())


def test_latest_is_the_run_that_it_names_today(base: Run, tmp_path: Path):
    Path("new.yaml").write_text(NEW.replace("base-1", "latest"))
    config = load_config("new.yaml")
    assert config.model.layers[0].run == str(tmp_path / "runs/base-1")


@pytest.mark.parametrize("end", ["first", "residual_1", "hidden"])
def test_any_layer_may_be_the_last(check, end: str):
    pooling = "    - GlobalAveragePooling2D\n"
    taken = f"runs/base-1, up_to: {end}"
    text = NEW.replace("runs/base-1", taken)
    if end == "hidden":
        text = text.replace(pooling, "")
    Path("new.yaml").write_text(text)
    assert load_config("new.yaml").model.layers[0].layers[-1].name == end


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (
            "runs/base-1, up_to: frist",
            "5:45 the run has no layer 'frist' | did you mean first?",
        ),
        (
            "runs/base-1, up_to: inner",
            "5:45 the layer 'inner' lies in a branch of residual_1 | use up_to: "
            "residual_1",
        ),
        (
            "runs/nothing",
            "5:25 there is no folder 'runs/nothing' | name the folder of a finished "
            "run, such as runs/article-1",
        ),
        ("runs", "5:25 'runs' is not the folder of a run: it has no config.yaml | "),
    ],
)
def test_what_is_no_layer_and_no_run_is_told_where_it_stands(check, new, expected):
    assert check("runs/base-1", new) == [expected]


def test_a_run_that_is_not_finished_is_told(check):
    Path("runs/base-1/metrics.json").unlink()
    assert check() == [
        "5:25 the training of 'runs/base-1' is not finished | finish it with: cifarcnn "
        "train --resume runs/base-1"
    ]


def test_a_damaged_config_of_a_run_is_told(check, base: Run):
    text = base.config_path.read_text()
    base.config_path.write_text(text.replace("first", "fir st"))
    [problem] = check()
    assert problem.startswith("5:25 ")
    assert "config.yaml:22 cannot be used: 'fir st' is no name for" in problem


def test_a_run_without_maps_needs_up_to(check):
    Path("base.yaml").write_text(
        "data: {dataset: cifar10}\n"
        "model: {layers: [Flatten, Dense: 20, Dense: {units: 10}]}"
    )
    Run(Path("runs/base-1")).write_config(load_config("base.yaml"))
    assert check() == [
        "5:25 no layer of 'runs/base-1' gives maps (height, width, channels) | name "
        "the last layer to take, such as up_to: flatten_1"
    ]


RESIZED = "    - Resizing: {height: 48, width: 48}\n    - Pretrained"


def test_another_size_is_fine_for_maps(check):
    assert check("    - Pretrained", RESIZED) == []


def test_weights_that_do_not_fit_another_size_are_told(base: Run):
    text = NEW.replace("    - Pretrained", RESIZED)
    text = text.replace("base-1", "base-1, up_to: hidden")
    Path("new.yaml").write_text(text.replace("    - GlobalAveragePooling2D\n", ""))
    [problem] = check_config("new.yaml").problems
    assert (problem.line, problem.message, problem.hint) == (
        6,
        "its layer hidden was trained on (256), but for 48x48x3 gets (576): the "
        "weights do not fit",
        "put Resizing: {height: 32, width: 32} before it, or end before that layer "
        "with up_to",
    )


@pytest.mark.parametrize(
    ("tune", "trainable", "expected"),
    [
        ("from_epoch: 3", "", []),
        # A convolution, a sum, another convolution, a pooling.
        ("from_epoch: 5, layers: 4", "", []),
        (
            "from_epoch: 6",
            "",
            [
                "2:35 fine-tuning begins with epoch 6, but there are 5 epochs | use "
                "from_epoch: 5 or less, or more epochs"
            ],
        ),
        (
            "from_epoch: 3, layers: 5",
            "",
            [
                "2:50 5 layers are to learn, but pretrained_1 has 4 | use null for all "
                "of them"
            ],
        ),
        ("from_epoch: 3, layers: 5", ", pooling: avg", []),
        (
            "from_epoch: 3",
            ", trainable: true",
            [
                "2:23 fine-tuning unfreezes the last layers of a Pretrained, but the "
                "network has no frozen one | remove fine_tune, or use a Pretrained "
                "with trainable: false"
            ],
        ),
        ("from_epoch: 1", "", ["2:47 expected a number of at least 2, found 1 | "]),
    ],
)
def test_what_fine_tuning_needs_is_checked(base: Run, tune, trainable, expected):
    text = NEW.replace(
        "data: {dataset: cifar10}", f"training: {{epochs: 5, fine_tune: {{{tune}}}}}"
    )
    text = text.replace("base-1", f"base-1{trainable}")
    if "pooling" in trainable:
        text = text.replace("    - GlobalAveragePooling2D\n", "")
    Path("new.yaml").write_text(text)
    found = check_config("new.yaml").problems
    assert [f"{p.line}:{p.column} {p.message} | {p.hint}" for p in found] == expected


@pytest.mark.parametrize(
    ("pattern", "training", "fits"),
    [
        ("pretrained_1/inner/kernel", "", False),
        ("pretrained_1/inner/kernel", ", fine_tune: {from_epoch: 3}", True),
        ("pretrained_1/*/kernel", ", fine_tune: {from_epoch: 3}", True),
        ("pretrained_1/other/kernel", ", fine_tune: {from_epoch: 3}", False),
        # Behind the last maps.
        ("pretrained_1/hidden/kernel", ", fine_tune: {from_epoch: 3}", False),
    ],
)
def test_weights_within_it_are_called_by_their_layers_where_they_learn(
    check, pattern: str, training: str, fits: bool
):
    found = check(
        "data: {dataset: cifar10}",
        f"training: {{epochs: 5, learning_rate_multipliers: {{{pattern}: 2}}"
        f"{training}}}",
    )
    assert bool(found) is not fits
    assert all(f"no weight of the network is called '{pattern}'" in p for p in found)


def test_a_network_in_which_nothing_learns_is_told(check):
    rest = "    - GlobalAveragePooling2D\n    - Dense: {units: 10, activation: softmax}"
    whole = NEW.replace(rest, "").replace("base-1", "base-1, up_to: dense_1")
    assert check(NEW, whole) == [
        "5:7 nothing learns: Pretrained is frozen, and no other layer has weights | "
        "put a Dense behind it, or use trainable: true"
    ]
    assert check(NEW, whole.replace("dense_1", "dense_1, trainable: true")) == []
