"""Class folders without splits, and lists, from `data show` to `evaluate`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.data.folder.name_hash import TEST, measure_position

no_litert = pytest.mark.usefixtures("no_litert")

CONFIG = """
name: trees
data: {dataset: folder, path: trees, image_size: 8, test_fraction: 0.3}
model: {layers: [Flatten, Dense: {units: 2, activation: softmax}]}
training: {epochs: 1, batch_size: 8}
"""


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes of 20 images; every image is another one."""
    monkeypatch.chdir(tmp_path)
    for number in range(40):
        draw(tmp_path / "trees" / ("elm", "oak")[number % 2] / f"{number}.png", number)
    (tmp_path / "trees.yaml").write_text(CONFIG)
    return tmp_path / "trees"


def is_test(path: Path, name: str | None = None) -> bool:
    return measure_position(TEST, path.parent.name, name or path.name) < 0.3


def test_images(root: Path) -> list[Path]:
    return [path for path in sorted(root.glob("*/*.png")) if is_test(path)]


test_images.__test__ = False  # type: ignore[attr-defined]


def train(call: Callable, *settings: str) -> None:
    arguments = [part for setting in settings for part in ("--set", setting)]
    called = call(
        *("train", "--config", "trees.yaml", "--run", "run", "--device", "cpu"),
        *arguments,
    )
    assert called.code == 0, called.err


def judge(call: Callable, *arguments: str) -> tuple[dict, str]:
    called = call("evaluate", "--run", "run", "--device", "cpu", "--json", *arguments)
    assert called.code == 0, called.err
    return json.loads(called.out), called.err


def test_after_images_are_added_no_image_is_judged_that_was_learnt(trees, call):
    train(call)
    before = test_images(trees)
    document, said = judge(call)
    assert document["examples"] == len(before)
    assert document["dataset"]["same_as_training"]
    trained = [path for path in trees.glob("*/*.png") if not is_test(path)]

    for number in range(100, 160):
        draw(trees / ("elm", "oak")[number % 2] / f"{number}.png", number)
    after = test_images(trees)
    assert set(before) < set(after) and not set(after) & set(trained)
    document, said = judge(call)
    assert document["examples"] == len(after)
    assert "warning: these are not the pictures of the training." in said
    # They are the ones that the names say, in this order.
    answers = call("predict", "--format", "json", "--run", "run", *map(str, after))
    by_file = [answer["probability"] for answer in json.loads(answers.out)]
    numbers = [f"test:{number}" for number in range(len(after))]
    answers = call("predict", "--format", "json", "--run", "run", *numbers)
    assert [answer["probability"] for answer in json.loads(answers.out)] == by_file

    called = call(
        *("train", "--resume", "run", "--set", "training.epochs=2", "--device", "cpu")
    )
    assert called.code == 1
    assert "run was trained on other pictures than those in trees" in called.err


@no_litert
def test_a_folder_that_was_moved_is_still_cut(trees, call):
    train(call)
    expected, _ = judge(call)
    shutil.copytree(trees, trees.parent / "copy")
    found, said = judge(call, "--data", "copy")
    assert found["confusion_matrix"] == expected["confusion_matrix"]
    judged = len(test_images(trees))
    validation = cifarcnn.load_run("run", device="cpu").split("validation")
    assert (
        f"note: copy holds the data set of the run, of which the {judged} test "
        f"pictures are judged. Left aside are the {40 - judged - len(validation)} that "
        f"the network learnt from and the {len(validation)} of the validation; --split "
        "judges them.\n"
    ) in said
    assert found["dataset"]["same_as_training"]
    # Another folder of the same classes is somebody's own, all of it.
    draw(trees.parent / "copy" / "elm" / "new.png", 500)
    found, said = judge(call, "--data", "copy")
    assert found["examples"] == 41
    learnt = 40 - len(test_images(trees))
    assert (
        f"note: {learnt} of the 41 pictures are among those of the training in trees, "
        "pixel for pixel: the network may know them by heart"
    ) in said
    # But not where the one of the training is gone.
    shutil.rmtree(trees)
    found, said = judge(call, "--data", "copy")
    assert found["examples"] == len(test_images(trees.parent / "copy"))
    assert "warning: these are not the pictures of the training." in said


@no_litert
def test_a_list_is_trained_on_and_judged_by(trees, call):
    rows = [
        f"{path.relative_to(trees.parent)};{path.parent.name}"
        for path in sorted(trees.glob("*/*.png"))
    ]
    (trees.parent / "list.csv").write_text("image;label\n" + "\n".join(rows))
    train(call, "data.path=list.csv")
    count = sum(
        is_test(path, str(path.relative_to(trees.parent)))
        for path in trees.glob("*/*.png")
    )
    document, _ = judge(call)
    assert document["examples"] == count
    shutil.copy("list.csv", "trees/moved.csv")
    document, _ = judge(call, "--data", "list.csv")
    assert document["dataset"]["same_as_training"]
    called = call(
        "evaluate", "--run", "run", "--device", "cpu", "--data", "trees/moved.csv"
    )
    assert called.code == 1
    assert "line 2: there is no file trees/elm/0.png" in called.err


def test_data_show_gives_one_document(trees, call):
    (trees / "elm" / "broken.png").write_bytes(b"\x89PNG")
    shutil.copy(trees / "oak" / "1.png", trees / "elm" / "copy.png")
    called = call(
        *("data", "show", "--config", "trees.yaml", "--json", "--out", "grid.png"),
        *("--set", "data.damaged=leave_out", "--set", "data.fold=1/2"),
    )
    assert called.code == 0, called.err
    document = json.loads(called.out)
    assert list(document) == [
        *("dataset", "origin", "official", "checksum", "notice", "image_size"),
        *("class_names", "splits", "damaged", "duplicates", "notes", "pictures"),
    ]
    assert document["class_names"] == ["elm", "oak"]
    assert document["image_size"] == [8, 8]
    splits = document["splits"]
    assert [splits[part]["cut_by"] for part in splits] == [None, "fold", "file names"]
    assert sum(split["images"] for split in splits.values()) == 41
    assert sum(split["per_class"]["oak"] for split in splits.values()) == 20
    assert document["damaged"][0].startswith("elm/broken.png: the file is")
    (pair,) = document["duplicates"]
    assert {pair["image"], pair["same_as"]} == {"oak/1.png", "elm/copy.png"}
    assert document["pictures"] == "grid.png" and Path("grid.png").exists()
    assert any("damaged picture is left out" in note for note in document["notes"])


@no_litert
def test_every_damaged_image_is_listed_by_data_show(trees, call):
    for path in list(trees.glob("oak/*.png"))[:9]:
        path.write_bytes(b"none")
    called = call("train", "--config", "trees.yaml", "--device", "cpu")
    assert called.code == 1
    assert called.err.count("this is text") == 5
    assert "and 4 more, which data show lists" in called.err
    called = call("data", "show", "--config", "trees.yaml")
    assert (called.code, called.out) == (1, "")
    assert called.err.count("this is text") == 9

    train(call, "data.damaged=leave_out")
    environment = json.loads(Path("run/environment.json").read_text())
    assert len(environment["data"]["damaged_left_out"]) == 9
    assert environment["data"]["damaged_left_out"][0].startswith("oak/")
    assert "damaged" in Path("run/log.txt").read_text()
    _, said = judge(call)
    assert "left out (data.damaged)" in said


@no_litert
def test_uneven_classes_are_told_with_the_line_that_weighs_them(trees, call):
    for number in range(100, 200):
        draw(trees / "elm" / f"{number}.png", number)
    for path in sorted(trees.glob("oak/*.png")):
        if not is_test(path) and len(list(trees.glob("oak/*.png"))) > 10:
            path.unlink()
    show = ("data", "show", "--config", "trees.yaml", "--json")
    (note,) = [
        note for note in json.loads(call(*show).out)["notes"] if "uneven" in note
    ]
    assert note.endswith("write: training: {class_weights: balanced}")
    balanced = ("--set", "training.class_weights=balanced")
    assert "uneven" not in call(*show, *balanced).out
    called = call("train", "--config", "trees.yaml", "--run", "a", "--device", "cpu")
    assert f"note: {note}" in called.err
    called = call(
        *("train", "--config", "trees.yaml", "--run", "b", "--device", "cpu"), *balanced
    )
    assert called.code == 0 and "uneven" not in called.err


@pytest.mark.slow
@no_litert
def test_hundreds_of_classes(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    for number in range(400):
        for copy in ("a", "b", "c"):
            draw(
                tmp_path / "trees" / f"tree {number}" / f"{copy}.png",
                7 * number + ord(copy),
            )
    (tmp_path / "trees.yaml").write_text(CONFIG.replace("units: 2", "units: 400"))
    train(
        call,
        *("data.test_fraction=0", "data.validation_fraction=0", "training.epochs=1"),
        *("training.batch_size=100", "data.duplicates=allow"),
    )
    document, _ = judge(call, "--split", "train")
    assert document["examples"] == 1200
    matrix = np.array(document["confusion_matrix"])
    assert matrix.shape == (400, 400)
    # A label beyond 255 is not cut short.
    assert matrix.sum(axis=1).tolist() == [3] * 400
    names = document["class_names"]
    assert [document["per_class"][name]["support"] for name in names] == [3] * 400
