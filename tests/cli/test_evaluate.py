from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import cifarcnn
from cifarcnn.evaluation.corruptions import corrupt
from cifarcnn.evaluation_files import PLOTS
from cifarcnn.runs.manifest import write_config

Call = Callable[..., Any]


@pytest.fixture
def evaluate(call: Call) -> Call:
    return lambda *arguments: call("evaluate", "--device", "cpu", *arguments)


def altered(trained_run: Path, target: Path, found: str, replacement: str) -> Path:
    shutil.copytree(trained_run, target)
    manifest = target / "manifest.json"
    content = json.loads(manifest.read_text())
    # As a run has it that was written before there was one.
    del content["sha256"]
    content["format"] = 1
    text = json.dumps(content)
    assert found in text
    manifest.write_text(text.replace(found, replacement))
    return target


def test_json_is_one_document_with_the_contracted_keys(
    evaluate: Call, trained_run: Path
) -> None:
    result = evaluate("--run", trained_run, "--json")
    assert result.code == 0
    document = json.loads(result.out)
    expected = cifarcnn.load_run(trained_run, device="cpu")
    figures = expected.evaluate()
    assert document["run"] == str(trained_run)
    assert document["split"] == "test"
    assert document["examples"] == figures.examples
    assert document["loss"] == pytest.approx(figures.loss, abs=1e-6)
    assert document["accuracy"] == figures.accuracy
    assert document["accuracy_interval"] == list(figures.accuracy_interval)
    assert list(document["per_class"]) == list(expected.class_names)
    assert set(document["per_class"]["cat"]) == {"precision", "recall", "f1", "support"}
    assert sum(map(sum, document["confusion_matrix"])) == figures.examples
    assert document["class_names"] == list(expected.class_names)
    assert document["notice"] == "synthetic pictures drawn by code, not CIFAR-10"
    assert document["finished"] is True
    assert document["weights"] == {
        "choice": "best",
        "file": "weights.safetensors",
        "epoch": expected.epoch,
    }
    assert document["dataset"] == {
        "name": "synthetic",
        "origin": "drawn by code",
        "checksum": expected.dataset.checksum,
        "official": False,
        "same_as_training": True,
    }


def test_standard_error_names_the_device_and_nothing_else(
    evaluate: Call, trained_run: Path
) -> None:
    result = evaluate("--run", trained_run)
    (line,) = result.err.splitlines()
    assert line.startswith("device: cpu (")


def test_people_get_a_table_an_interval_and_the_notice(
    evaluate: Call, trained_run: Path
) -> None:
    result = evaluate("--run", trained_run, "--weights", "last")
    run = cifarcnn.load_run(trained_run, weights="last", device="cpu")
    figures = run.evaluate()
    low, high = figures.accuracy_interval
    lines = result.out.splitlines()
    assert lines[0] == (
        f"{trained_run}, last weights (epoch 2), on the {figures.examples:,} test "
        "pictures of synthetic"
    )
    assert lines[1].startswith(
        f"accuracy {figures.accuracy:.2%} (95% interval {low:.2%} to {high:.2%}), loss "
    )
    assert f", top 3 {figures.top_3_accuracy:.2%}, top 5 " in lines[1]
    assert lines[2].startswith(
        f"calibration error {figures.calibration_error:.4f}, Brier score "
        f"{figures.brier_score:.4f}; "
    )
    assert lines[4].split() == ["class", "precision", "recall", "f1", "pictures"]
    assert [line.split()[0] for line in lines[5:15]] == list(run.class_names)
    macro, weighted = lines[15].split(), lines[16].split()
    assert macro[:3] == ["macro", "mean", f"{figures.macro.precision:.3f}"]
    assert weighted[4:] == [f"{figures.weighted.f1:.3f}", f"{figures.examples:,}"]
    assert "most often confused:" in lines
    for true, predicted, count in figures.most_confused:
        times = "once" if count == 1 else f"{count:,} times"
        assert f"  {true} taken for {predicted}: {times}" in lines
    assert (
        lines[-1] == "Note: these are synthetic pictures drawn by code, not CIFAR-10."
    )


def test_csv_has_a_row_for_each_class_and_out_one_for_each_picture(
    evaluate: Call, trained_run: Path, tmp_path: Path
) -> None:
    judged = tmp_path / "deep" / "judged"
    result = evaluate("--run", trained_run, "--format", "csv", "--out", judged)
    assert result.code == 0, result.err
    figures = cifarcnn.load_run(trained_run, device="cpu").evaluate()
    rows = list(csv.DictReader(io.StringIO(result.out, newline="")))
    assert [row["class"] for row in rows] == list(figures.per_class)
    assert [float(row["f1"]) for row in rows] == [
        metrics.f1 for metrics in figures.per_class.values()
    ]
    with (judged / "predictions.csv").open(encoding="utf-8", newline="") as file:
        pictures = list(csv.DictReader(file))
    assert len(pictures) == figures.examples
    right = sum(row["label"] == row["answer"] for row in pictures)
    assert right / len(pictures) == figures.accuracy
    assert f"written: {judged}/predictions.csv\n" in result.err
    assert list(pictures[0])[-1] == "truck"  # these have no files of their own
    for plot in PLOTS:
        for kind in ("svg", "png"):
            assert f"written: {judged}/{plot}.{kind}\n" in result.err
        with Image.open(judged / f"{plot}.png") as image:
            assert len(image.convert("L").getcolors()) > 2
    # Nothing is replaced, and it is said before anything is computed.
    again = evaluate("--run", trained_run, "--out", judged)
    assert (again.code, again.out) == (2, "")
    assert again.err.startswith(
        f"error: {judged} holds predictions.csv, confusion-matrix.svg, "
    )
    blocked = evaluate("--run", trained_run, "--out", judged / "predictions.csv" / "x")
    assert blocked.code == 2 and "cannot be made" in blocked.err
    assert evaluate("--json", "--format", "csv").code == 2


@pytest.mark.parametrize("name", ["predictions.csv", "mistakes.png"])
def test_a_file_of_the_same_name_is_refused_before_anything_is_judged(
    evaluate: Call, trained_run: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).symlink_to("nowhere")
    result = evaluate("--run", trained_run, "--out", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"error: {tmp_path / name} exists already, and nothing is replaced. Name "
        "another folder with --out, or move it away first.\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of the size of files")
def test_a_full_disk_costs_neither_the_figures_nor_leaves_half_of_the_files(
    evaluate: Call, trained_run: Path, tmp_path: Path
) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Enough for the small ones, not for the grid of mistakes.
    resource.setrlimit(resource.RLIMIT_FSIZE, (48 * 1024, before[1]))
    try:
        split = ("--split", "validation")
        result = evaluate("--run", trained_run, *split, "--out", tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.code == 2 and result.out.count("accuracy") == 1
    *_, said = result.err.splitlines()
    assert said.startswith(f"error: '{tmp_path}/")
    assert said.endswith(
        f"' cannot be written, and nothing is left in {tmp_path}: File too large"
    )
    assert not list(tmp_path.iterdir())


def test_the_validation_split_is_judged_on_request(
    evaluate: Call, trained_run: Path
) -> None:
    document = json.loads(
        evaluate("--run", trained_run, "--split", "validation", "--json").out
    )
    metrics = json.loads((trained_run / "metrics.json").read_text())
    assert document["split"] == "validation"
    assert document["examples"] == metrics["validation_pictures"]
    assert document["accuracy"] == pytest.approx(metrics["kept"]["val_accuracy"])


def test_robustness_is_a_table_and_a_key(evaluate: Call, trained_run: Path) -> None:
    given = ("--run", trained_run, "--split", "validation", "--robustness")
    answer = evaluate(*given)
    assert answer.code == 0, answer.err
    assert "judging the pictures 25 times, corrupted ...\n" in answer.err
    found = json.loads(evaluate(*given, "--json").out)
    shares = found["robustness"]["corruptions"]
    assert list(shares) == [
        *("gaussian_noise", "gaussian_blur", "brightness", "contrast"),
        "jpeg_compression",
    ]
    run = cifarcnn.load_run(trained_run, device="cpu")
    split = run.split("validation")
    noisy = corrupt(split.images, "gaussian_noise", 5)
    expected = (run.predict(noisy).argmax(axis=1) == split.labels).mean()
    assert shares["gaussian_noise"]["accuracies"][-1] == pytest.approx(expected)
    mean = found["robustness"]["mean_accuracy"]
    assert (
        f"accuracy on corrupted pictures {mean:.2%} on average (as they are "
        f"{found['accuracy']:.2%})"
    ) in answer.out
    (row,) = (line for line in answer.out.splitlines() if line.startswith("jpeg"))
    assert row.split()[2:-1] == [
        f"{share:.2%}" for share in shares["jpeg_compression"]["accuracies"]
    ]
    refused = evaluate(*given, "--format", "csv")
    assert refused.code == 2 and "Use --format json." in refused.err


def test_the_training_pictures_are_judged_without_those_of_the_validation(
    evaluate: Call, trained_run: Path
) -> None:
    result = evaluate("--run", trained_run, "--split", "train", "--json")
    document = json.loads(result.out)
    metrics = json.loads((trained_run / "metrics.json").read_text())
    assert document["split"] == "train"
    assert document["examples"] == metrics["training_pictures"]
    run = cifarcnn.load_run(trained_run, device="cpu")
    assert document["accuracy"] == run.evaluate("train").accuracy
    learnt, held = run.split("train").images, run.split("validation").images
    assert not {image.tobytes() for image in learnt} & {i.tobytes() for i in held}
    said = evaluate("--run", trained_run, "--split", "train").out.splitlines()[0]
    assert said.endswith(f"{len(learnt):,} training pictures of synthetic")


@pytest.fixture
def own_pictures(trained_run: Path, tmp_path: Path) -> Path:
    """Some test pictures of three classes, as PNG files in folders of their names."""
    run = cifarcnn.load_run(trained_run, device="cpu")
    split = run.split("test")
    folder = tmp_path / "mine"
    for index in range(300):
        name = run.class_names[split.labels[index]]
        if name in ("cat", "ship", "truck"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(split.images[index]).save(folder / name / f"{index:03}.png")
    return folder


def test_pictures_of_ones_own_are_judged_by_the_names_of_their_folders(
    evaluate: Call, call: Call, trained_run: Path, own_pictures: Path
) -> None:
    result = evaluate("--run", trained_run, "--data", own_pictures, "--json")
    assert result.code == 0
    document = json.loads(result.out)
    assert list(document) == list(
        json.loads(evaluate("--run", trained_run, "--json").out)
    )
    predicted = call("predict", own_pictures, "--run", trained_run, "--format", "json")
    pairs = [
        (Path(entry["image"]).parent.name, entry["label"])
        for entry in json.loads(predicted.out)
    ]
    names = document["class_names"]
    assert document["examples"] == len(pairs) > 50
    assert document["accuracy"] == sum(a == b for a, b in pairs) / len(pairs)
    for row, true in enumerate(names):
        for column, found in enumerate(names):
            count = document["confusion_matrix"][row][column]
            assert count == pairs.count((true, found))
    assert document["per_class"]["dog"]["support"] == 0
    assert document["split"] == "test"
    assert document["notice"] is None
    dataset = document["dataset"]
    assert len(dataset.pop("checksum")) == 64
    assert dataset == {
        "name": "folder",
        "origin": str(own_pictures),
        "official": False,
        "same_as_training": False,
    }


def test_the_data_set_of_the_run_need_not_be_here_for_it(
    evaluate: Call, trained_run: Path, own_pictures: Path, tmp_path: Path
) -> None:
    run = altered_config(trained_run, tmp_path / "run")
    own_pictures.rename(tmp_path / "test")
    result = evaluate("--run", run, "--data", tmp_path)
    assert result.code == 0
    assert f" pictures of {tmp_path}\n" in result.out
    assert "warning" not in result.err


def test_the_report_says_what_was_judged(
    evaluate: Call, trained_run: Path, own_pictures: Path
) -> None:
    (own_pictures / "cat" / "scan.tif").write_bytes(b"II*")
    result = evaluate("--run", trained_run, "--data", own_pictures)
    count = len(list(own_pictures.glob("*/*.png")))
    first, *lines = result.out.splitlines()
    assert first.endswith(f"(epoch 2), on the {count} pictures of {own_pictures}")
    assert ["dog", "-", "-", "-", "0"] in [line.split() for line in lines]
    assert "synthetic" not in result.out
    assert result.err.splitlines()[1:] == ["note: mine: 1 file left out: .tif"]


def test_pictures_of_ones_own_have_no_other_split(
    evaluate: Call, trained_run: Path, own_pictures: Path
) -> None:
    result = evaluate("--run", trained_run, "--data", own_pictures, "--split", "train")
    assert result.code == 2 and result.out == ""
    assert result.err.splitlines() == [
        f"error: {own_pictures} holds pictures to judge on, which are no train split. "
        "Leave --split out."
    ]


def test_a_folder_of_pictures_is_never_offered_a_download(
    evaluate: Call, call: Call, trained_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "beach.png")
    run = altered_config(trained_run, tmp_path / "run")
    for command in (["evaluate"], ["predict", "test:3"], ["explain", "test:3"]):
        result = call(*command, "--run", run, "--data", folder, "--device", "cpu")
        assert result.code == 1
        assert f"{folder} holds neither CIFAR-10 (cifar-10-batches-bin/" in result.err
        assert "etch" not in result.err


def altered_config(trained_run: Path, target: Path) -> Path:
    """The run as if it had been trained on CIFAR-10."""
    shutil.copytree(trained_run, target)
    text = (target / "config.yaml").read_text()
    assert "dataset: synthetic" in text
    text = text.replace("dataset: synthetic", "dataset: cifar10")
    write_config(target, text.encode())
    return target


def test_an_unfinished_run_is_called_so(
    evaluate: Call, trained_run: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    shutil.copytree(trained_run, path)
    (path / "metrics.json").unlink()
    result = evaluate("--run", path, "--weights", "last", "--json")
    assert result.code == 0
    assert json.loads(result.out)["finished"] is False
    assert result.err.splitlines()[1] == (
        f"warning: {path} is unfinished: its training was stopped or is still going "
        "on. These weights have been trained for 2 whole epochs."
    )


def test_a_trial_is_called_so(
    evaluate: Call, trained_run: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    shutil.copytree(trained_run, path)
    metrics = json.loads((path / "metrics.json").read_text())
    (path / "metrics.json").write_text(json.dumps({**metrics, "smoke": True}))
    assert evaluate("--run", path).err.splitlines()[1] == (
        f"warning: {path} is a trial on few pictures (--smoke). Its figures say "
        "nothing about the network."
    )


def test_other_images_than_those_of_the_training_are_reported(
    evaluate: Call, trained_run: Path, tmp_path: Path
) -> None:
    here = cifarcnn.load_run(trained_run, device="cpu").dataset.checksum
    path = altered(trained_run, tmp_path / "x", here, "0" * 64)
    result = evaluate("--run", path, "--json")
    assert result.code == 0
    assert json.loads(result.out)["dataset"]["same_as_training"] is False
    assert result.err.splitlines()[1] == (
        "warning: these are not the pictures of the training. synthetic here (drawn by "
        f"code) has the checksum {here[:12]}, not the official files; the run was "
        "trained on synthetic with 000000000000, not the official files."
    )


def test_no_latest_run_is_a_sentence_and_exit_code_1(
    evaluate: Call, trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Of runs without a pointer to the newest it is not known which is meant.
    shutil.copytree(trained_run, tmp_path / "runs" / "small-1")
    result = evaluate("--json")
    assert result.code == 1 and result.out == ""
    assert result.err == (
        "error: There is no run to take: runs/latest does not exist. Train one with "
        "`cifarcnn train --config quickstart`, or name a run with --run DIR.\n"
    )


def test_without_run_the_latest_is_taken(
    evaluate: Call, trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained_run, tmp_path / "runs" / "small-1")
    (tmp_path / "runs" / "latest").symlink_to("small-1")
    assert json.loads(evaluate("--json").out)["run"] == str(Path("runs/small-1"))


def test_a_damaged_weights_file_is_a_sentence_and_exit_code_1(
    evaluate: Call, trained_run: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    shutil.copytree(trained_run, path)
    (path / "weights.safetensors").write_bytes(b"damaged")
    result = evaluate("--run", path)
    assert result.code == 1 and result.out == ""
    assert result.err.startswith(
        f"error: {path / 'weights.safetensors'} is not the file that was written"
    )


@pytest.mark.parametrize("arguments", [("--split", "training"), ("--weights", "none")])
def test_unknown_choices_are_exit_code_2(
    evaluate: Call, arguments: tuple[str, str]
) -> None:
    assert evaluate(*arguments).code == 2
