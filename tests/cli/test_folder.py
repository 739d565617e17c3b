"""A folder of one's own images, from `data show` to `evaluate`."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CONFIG = """
name: trees
data: {dataset: folder, path: trees, classes: [yew, elm, oak], duplicates: allow}
model: {layers: [Flatten, Dense: {units: 3, activation: softmax}]}
training: {epochs: 1, batch_size: 8, optimizer: {SGD: {learning_rate: 0.00001}}}
"""


def draw(folder: Path, count: int, first: int, width: int = 32) -> None:
    folder.mkdir(parents=True)
    for seed in range(first, first + count):
        pixels = np.random.default_rng(seed).integers(0, 256, (32, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.png")


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Something to say of everything; no test image of oak."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "trees"
    draw(root / "train" / "elm", 6, 10)
    draw(root / "train" / "oak", 5, 20)
    draw(root / "train" / "yew", 4, 30, width=64)
    draw(root / "val" / "elm", 2, 40)
    draw(root / "val" / "yew", 1, 50)
    draw(root / "test" / "elm", 3, 60)
    draw(root / "test" / "yew", 2, 70)
    for name in ("a", "b", "c"):
        (root / "train" / "oak" / f"{name}.tif").write_bytes(b"MM\0*")
    (root / "test" / "elm" / "Thumbs.db").write_bytes(b"")
    shutil.copy(root / "train" / "elm" / "11.png", root / "val" / "elm" / "11.png")
    shutil.copy(root / "train" / "elm" / "12.png", root / "test" / "elm" / "12.png")
    (tmp_path / "trees.yaml").write_text(CONFIG)
    return root


def notes_in(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith("note: ")]
    return [line.removeprefix("note: ") for line in lines]


def expected_notes() -> tuple[list[str], list[str]]:
    training = [
        "the 4 validation pictures are those of trees/val; nothing is cut from "
        "train (data.validation_fraction)",
        "train: 3 files left out: .tif",
        "train: 4 of 15 pictures are not square: the middle is used, 50% cropped at "
        "most",
        "val has no pictures of oak",
        "1 of the 4 pictures in val are in train too (the same 32x32 pixels): "
        "val/elm/11.png is train/elm/11.png",
    ]
    test = [
        "test: 1 file left out: .db",
        "test has no pictures of oak",
        "1 of the 6 pictures in test are in train too (the same 32x32 pixels): "
        "test/elm/12.png is train/elm/12.png",
    ]
    return training, test


def paths_in(folder: str) -> list[str]:
    """Of ``predictions.csv``, whose labels are those of the folders."""
    with Path(folder, "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [Path(r["path"]).parts[-2] for r in rows]
    return [row["path"] for row in rows]


def test_data_show_tells_all_notes_and_counts_the_validation_folder(
    trees: Path, call: Callable
) -> None:
    for name in ("read.png", "cached.png"):
        called = call("data", "show", "--config", "trees.yaml", "--out", name)
        assert called.code == 0
        training, test = expected_notes()
        assert notes_in(called.out) == [*training, *test]
        assert called.out.split("\n\n")[1].splitlines() == [
            "class  training pictures  for validation  for test",
            "yew                    4               1         2",
            "elm                    6               3         4",
            "oak                    5               0         0",
        ]


@pytest.mark.usefixtures("no_litert")
def test_a_training_and_its_judgement_see_the_same_splits(
    trees: Path, call: Callable
) -> None:
    training, test = expected_notes()
    called = call("train", "--config", "trees.yaml", "--run", "run", "--device", "cpu")
    assert called.code == 0
    assert notes_in(called.err)[: len(training)] == training
    assert not set(notes_in(called.err)) & set(test)
    assert "15 pictures to learn from, 4 for validation" in called.err
    assert set(training) <= set(notes_in(Path("run/log.txt").read_text()))

    judge = ("evaluate", "--run", "run", "--device", "cpu", "--json", "--out")
    called = call(*judge, "judged")
    document = json.loads(called.out)
    assert notes_in(called.err) == test
    assert paths_in("judged") == [
        *(f"test/elm/{name}.png" for name in (12, 60, 61, 62)),
        *("test/yew/70.png", "test/yew/71.png"),
    ]
    assert document["class_names"] == ["yew", "elm", "oak"]
    assert document["examples"] == 6
    assert document["dataset"]["same_as_training"] is True
    assert [entry["support"] for entry in document["per_class"].values()] == [2, 4, 0]
    oak = document["per_class"]["oak"]
    assert (oak["recall"], oak["f1"]) == (0.0, 0.0)
    assert document["confusion_matrix"][2] == [0, 0, 0]

    validation = ("evaluate", "--run", "run", "--split", "validation", "--json")
    called = call(*validation, "--device", "cpu", "--out", "chosen")
    assert notes_in(called.err) == training
    assert json.loads(called.out)["examples"] == 4
    assert paths_in("chosen") == [
        *("val/elm/11.png", "val/elm/40.png", "val/elm/41.png", "val/yew/50.png"),
    ]
    called = call(*judge, "own", "--data", "trees/val")
    assert paths_in("own") == ["elm/11.png", "elm/40.png", "elm/41.png", "yew/50.png"]

    shutil.rmtree(trees / "val" / "yew")
    called = call(*validation, "--device", "cpu")
    assert "warning: these are not the pictures of the training." in called.err
    assert json.loads(called.out)["dataset"]["same_as_training"] is False
    resume = ("train", "--resume", "run", "--set", "training.epochs=2")
    called = call(*resume, "--device", "cpu")
    assert called.code == 1
    assert called.err.endswith(
        "error: run was trained on other pictures than those in trees: their checksums "
        "differ. Say where the right ones are with --set data.path=PATH.\n"
    )


def test_the_order_of_the_classes_is_that_of_the_outputs(
    trees: Path, call: Callable
) -> None:
    """A network that has learnt its pictures by heart names them rightly."""
    shutil.rmtree(trees / "val")
    shutil.rmtree(trees / "test")
    shutil.copytree(trees / "train", trees / "test")
    fast = "training.optimizer={Adam: {learning_rate: 0.002}}"
    settings = (fast, "training.epochs=40", "data.validation_fraction=0")
    arguments = [part for setting in settings for part in ("--set", setting)]
    called = call(
        *("train", "--config", "trees.yaml", "--run", "run", "--device", "cpu"),
        *arguments,
    )
    assert called.code == 0
    called = call("evaluate", "--run", "run", "--device", "cpu", "--json")
    assert json.loads(called.out)["accuracy"] == 1
    answers = call("predict", "trees/test/yew", "--run", "run", "--format", "json")
    assert {answer["label"] for answer in json.loads(answers.out)} == {"yew"}
