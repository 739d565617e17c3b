from __future__ import annotations

import csv
import io
import json
import os
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
from cifarcnn.data.image.target_size import TargetSize

TARGET = TargetSize(32, 32, "crop")

Call = Callable[..., Any]

NOT_A_IMAGE = (
    "this is text (its name ends in .png); expected a PNG, JPEG, WebP, BMP or GIF "
    "picture."
)

PHOTOS = (
    "note: --run speedrun asks the network that comes with cifarcnn, which knows "
    "photos."
)


@pytest.fixture
def predict(call: Call, trained_run: Path) -> Call:
    def predict(*arguments: object, stdin: bytes = b"") -> Any:
        common = ("--run", trained_run, "--device", "cpu")
        return call("predict", *arguments, *common, stdin=stdin)

    return predict


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images with a damaged one between them."""
    generator = np.random.default_rng(0)
    for name, size in (("a.png", (32, 32, 3)), ("c.png", (32, 40, 3))):
        pixels = generator.integers(0, 256, size).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"hello")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def expected_rows(trained_run: Path, *names: str) -> Any:
    from cifarcnn.data.image.image_file import read_image

    run = cifarcnn.load_run(trained_run, device="cpu")
    images = np.stack([read_image(Path(name), name, TARGET) for name in names])
    return run, run.predict(images)


def test_json_is_one_document_in_the_order_given(
    predict: Call, folder: Path, trained_run: Path
) -> None:
    result = predict("c.png", "b.png", "a.png", "c.png", "--format", "json")
    run, rows = expected_rows(trained_run, "c.png", "a.png")
    entries = json.loads(result.out)
    assert result.code == 1
    assert [entry["image"] for entry in entries] == ["c.png", "b.png", "a.png", "c.png"]
    assert entries[1] == {"image": "b.png", "error": NOT_A_IMAGE}
    for entry, row in ((entries[0], rows[0]), (entries[2], rows[1])):
        order = np.argsort(-row)[:3]
        assert set(entry) == {"image", "label", "probability", "top"}
        assert entry["label"] == run.class_names[order[0]]
        assert entry["probability"] == pytest.approx(row[order[0]], abs=1e-6)
        assert [top["label"] for top in entry["top"]] == [
            run.class_names[index] for index in order
        ]
    assert entries[3] == entries[0]


def test_all_formats_agree(predict: Call, folder: Path) -> None:
    arguments = ("a.png", "b.png", "c.png", "--top", 2, "--format")
    document = json.loads(predict(*arguments, "json").out)
    lines = predict(*arguments, "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == document
    header, *rows = csv.reader(io.StringIO(predict(*arguments, "csv").out))
    assert header == [
        "image", "label", "probability", "label_2", "probability_2", "error"
    ]  # fmt: skip
    for row, entry in zip(rows, document, strict=True):
        cells = dict(zip(header, row, strict=True))
        assert cells["image"] == entry["image"]
        assert cells["error"] == entry.get("error", "")
        assert cells["label"] == entry.get("label", "")
        if "top" in entry:
            assert float(cells["probability"]) == entry["probability"]
            assert cells["label_2"] == entry["top"][1]["label"]
            assert float(cells["probability_2"]) == entry["top"][1]["probability"]


@pytest.mark.skipif(os.name == "nt", reason="needs names with control characters")
def test_csv_quotes_names_that_contain_the_end_of_a_line(
    predict: Call, folder: Path
) -> None:
    names = ["two\nlines.png", 'a "b", c.png', "return\r.png"]
    for name in names:
        shutil.copy(folder / "a.png", folder / name)
    text = predict(*names, "no\nfile.png", "--format", "csv").out
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[0] for row in rows[1:]] == [*names, "no\nfile.png"]
    assert {len(row) for row in rows} == {8}


def test_the_table_keeps_errors_and_notes_on_standard_error(
    predict: Call, folder: Path, trained_run: Path
) -> None:
    result = predict("a.png", "b.png", "c.png")
    assert result.code == 1
    heading, first, second = result.out.splitlines()
    assert heading.split() == ["image", "sure", "label", "then"]
    assert first.startswith("a.png ") and second.startswith("c.png ")
    assert result.err.splitlines() == [
        f"note: {trained_run} was trained on synthetic pictures drawn by code, not "
        "CIFAR-10.",
        PHOTOS,
        f"b.png: {NOT_A_IMAGE}",
    ]


@pytest.mark.parametrize("layout", ["table", "json", "jsonl", "csv"])
def test_a_profile_that_was_left_out_is_noted_and_the_picture_answered(
    predict: Call, folder: Path, layout: str
) -> None:
    with Image.open("a.png") as image:
        image.save("d.png", icc_profile=b"damaged")
    result = predict("a.png", "d.png", "--format", layout)
    assert result.code == 0
    assert result.err.splitlines()[2:] == [
        "note: d.png: its colour profile is damaged and was left out."
    ]
    assert result.out.replace("d.png", "a.png").count("a.png") == 2


def test_without_a_bad_image_the_exit_code_is_0(predict: Call, folder: Path) -> None:
    result = predict("a.png", "--format", "jsonl")
    assert result.code == 0
    assert json.loads(result.out)["image"] == "a.png"


def test_only_bad_images_leave_standard_output_empty(
    predict: Call, folder: Path
) -> None:
    result = predict("b.png", "nowhere.png", "*.tiff")
    assert result.code == 1 and result.out == ""
    assert result.err.splitlines()[2:] == [
        f"b.png: {NOT_A_IMAGE}",
        "nowhere.png: there is no such file.",
        "*.tiff: there is no such file, and as a pattern it matches none.",
    ]


def test_folder_pattern_standard_input_and_test_image(
    predict: Call, folder: Path, trained_run: Path
) -> None:
    (folder / "b.png").unlink()
    result = predict(
        ".", "*.png", "-", "test:17", "--format", "json",
        stdin=(folder / "a.png").read_bytes(),
    )  # fmt: skip
    assert result.code == 0
    entries = {entry["image"]: entry for entry in json.loads(result.out)}
    assert list(entries) == ["./a.png", "./c.png", "a.png", "c.png", "-", "test:17"]
    assert entries["-"]["top"] == entries["a.png"]["top"] == entries["./a.png"]["top"]
    run = cifarcnn.load_run(trained_run, device="cpu")
    row = run.predict(run.dataset.test().images[17:18])[0]
    assert entries["test:17"]["probability"] == pytest.approx(row.max(), abs=1e-6)


@pytest.mark.parametrize("layout", ["table", "json", "jsonl", "csv"])
def test_a_range_of_the_test_split_is_an_answer_for_each(
    predict: Call, layout: str
) -> None:
    names = [f"test:{index}" for index in range(8, 13)]
    ranged = predict("test:8-12", "--format", layout)
    assert ranged.code == 0
    assert ranged == predict(*names, "--format", layout)
    assert all(f"{name}" in ranged.out for name in names)
    wrong = predict("test:8-2", "test:3", "--format", layout)
    assert wrong.code == 1
    said = "the range ends before it begins; expected test:2-8."
    assert said in (wrong.err if layout == "table" else wrong.out)


def test_the_whole_test_split_is_answered_as_evaluate_judges_it(
    predict: Call, trained_run: Path
) -> None:
    entries = json.loads(predict("test:*", "--format", "json").out)
    run = cifarcnn.load_run(trained_run, device="cpu")
    labels = [run.class_names[label] for label in run.split("test").labels]
    assert [entry["image"] for entry in entries] == [
        f"test:{index}" for index in range(len(labels))
    ]
    right = [e["label"] == label for e, label in zip(entries, labels, strict=True)]
    assert np.mean(right) == pytest.approx(run.evaluate().accuracy, abs=0.001)


def test_what_a_folder_holds_besides_is_a_note(predict: Call, folder: Path) -> None:
    for number in range(20):
        (folder / f"{number}.tif").write_bytes(b"II*")
    (folder / "b.png").unlink()
    result = predict(".", "--format", "json")
    assert result.code == 0
    assert [entry["image"] for entry in json.loads(result.out)] == [
        "./a.png",
        "./c.png",
    ]
    assert result.err.splitlines()[2:] == ["note: .: 20 files left out: .tif."]


@pytest.mark.usefixtures("folder")
def test_an_empty_name_costs_only_itself(predict: Call) -> None:
    result = predict("", "a.png")
    assert result.code == 1 and "a.png" in result.out
    words = (
        "the name is empty; expected a file, a folder, a pattern, - or test:17. "
        "Perhaps a variable of the shell is not set."
    )
    assert result.err.splitlines()[2:] == [f"'': {words}"]
    entries = json.loads(predict("", "a.png", "--format", "json").out)
    assert entries[0] == {"image": "", "error": words}


def test_top_names_as_many_classes_as_there_are_at_most(
    predict: Call, folder: Path
) -> None:
    for asked, given in ((1, 1), (5, 5), (99, 10)):
        out = predict("a.png", "--top", asked, "--format", "jsonl").out
        assert len(json.loads(out)["top"]) == given
    top = json.loads(predict("a.png", "--top", 10, "--format", "jsonl").out)["top"]
    assert sum(entry["probability"] for entry in top) == pytest.approx(1, abs=1e-6)


def test_save_input_keeps_what_the_network_saw(predict: Call, folder: Path) -> None:
    from cifarcnn.data.image.image_file import read_image

    result = predict("c.png", "b.png", "c.png", "--save-input", "kept")
    assert result.code == 1
    assert sorted(path.name for path in Path("kept").iterdir()) == ["c-2.png", "c.png"]
    seen = read_image(Path("c.png"), "c.png", TARGET)
    for name in ("c.png", "c-2.png"):
        with Image.open(Path("kept") / name) as image:
            assert np.array_equal(np.asarray(image), seen)


def test_names_cannot_steer_the_terminal(predict: Call, folder: Path) -> None:
    shutil.copy("a.png", "\x1b[2Ja.png")
    result = predict("\x1b[2Ja.png", "\x1b[2Jgone.png")
    assert "\x1b" not in result.out + result.err
    assert "?[2Ja.png" in result.out


def test_predict_on_images_of_the_test_split_agrees_with_evaluate(
    predict: Call, folder: Path, trained_run: Path
) -> None:
    run = cifarcnn.load_run(trained_run, device="cpu")
    images = run.dataset.test().images[:300]
    rows = run.predict(images)
    Path("split").mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(f"split/{index:05}.png")
    entries = json.loads(predict("split", "--format", "json").out)
    assert len(entries) == 300
    for entry, row in zip(entries, rows, strict=True):
        assert entry["label"] == run.class_names[row.argmax()]
        assert entry["probability"] == pytest.approx(row.max(), abs=1e-5)


@pytest.mark.parametrize(
    "arguments", [(), ("a.png", "--top", "0"), ("a.png", "--format", "xml")]
)
def test_a_wrong_command_line_is_exit_code_2(
    predict: Call, arguments: tuple[str, ...]
) -> None:
    result = predict(*arguments)
    assert result.code == 2 and result.out == ""


@pytest.mark.slow
@pytest.mark.real_data
def test_predict_agrees_with_evaluate_on_every_real_test_image(
    call: Call, real_data: Path, tmp_path: Path
) -> None:
    """All 10,000, written as PNG: same label and, to 1e-5, same probability."""
    config = tmp_path / "real.yaml"
    config.write_text(
        f"name: real\n"
        f"data: {{dataset: cifar10, path: {json.dumps(str(real_data))}}}\n"
        "model:\n"
        "  layers:\n"
        "    - Conv2D: {filters: 16, kernel_size: 3, strides: 2, activation: relu}\n"
        "    - BatchNormalization\n"
        "    - Flatten\n"
        "    - Dense: {units: 10, activation: softmax}\n"
        "training: {epochs: 1, batch_size: 64}\n"
    )
    path = tmp_path / "run"
    cifarcnn.train(cifarcnn.load_config(config), path, device="cpu", smoke=True)
    run = cifarcnn.load_run(path, device="cpu")
    test = run.split("test")
    from cifarcnn.evaluation import evaluate
    from cifarcnn.network.predict import predict_probabilities

    rows = predict_probabilities(run.model, test.images, batch_size=1000)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, image in enumerate(test.images):
        Image.fromarray(image).save(folder / f"{index:05}.png", compress_level=0)
    result = call(
        "predict", folder, "--run", path, "--device", "cpu", "--format", "json"
    )
    entries = json.loads(result.out)
    assert result.code == 0 and len(entries) == 10_000
    labels = np.array([run.class_names.index(entry["label"]) for entry in entries])
    shares = np.array([entry["probability"] for entry in entries])
    assert np.array_equal(labels, rows.argmax(axis=1))
    assert np.abs(shares - rows.max(axis=1)).max() < 1e-5
    accuracy = evaluate(run.model, test, run.class_names).accuracy
    assert accuracy == np.mean(labels == test.labels)


def test_keras_and_litert_answer_alike(predict: Call, folder: Path) -> None:
    arguments = ("a.png", "b.png", "c.png", "--top", 10, "--format", "json")
    fast, slow = predict(*arguments), predict(*arguments, "--keras")
    assert (fast.code, fast.err) == (slow.code, slow.err)
    for one, other in zip(json.loads(fast.out), json.loads(slow.out), strict=True):
        assert one["image"] == other["image"]
        assert one.get("error") == other.get("error")
        assert one.get("label") == other.get("label")
        shares = {top["label"]: top["probability"] for top in other.get("top", [])}
        for top in one.get("top", []):
            assert top["probability"] == pytest.approx(shares[top["label"]], abs=1e-4)


def test_a_gpu_is_asked_of_keras(call: Call, folder: Path, trained_run: Path) -> None:
    from cifarcnn import engine
    from cifarcnn.errors import DeviceError

    result = call("predict", "a.png", "--run", trained_run, "--device", "gpu")
    try:
        engine.start("gpu")
    except DeviceError as error:
        assert (result.code, result.out) == (1, "")
        assert result.err == f"error: {error}\n"
    else:
        assert result.code == 0


def test_keras_answers_with_a_word_when_the_file_is_gone(
    call: Call, folder: Path, trained_run: Path
) -> None:
    run = Path(shutil.copytree(trained_run, folder / "spoilt"))
    (run / "model.tflite").unlink()
    result = call("predict", "a.png", "--run", run, "--format", "json")
    assert result.code == 0
    assert json.loads(result.out)[0]["image"] == "a.png"
    assert result.err.splitlines()[0] == (
        f"note: {run}/model.tflite is missing. Keras answers from the checked weights "
        "instead, which takes longer to start."
    )
    assert result.err.splitlines()[-1] == (
        f"note: {run}/model.tflite was missing and is written now; the next answer "
        "comes sooner."
    )


WITHOUT_RUNTIME = """
import sys
sys.modules["ai_edge_litert.interpreter"] = None
from cifarcnn.cli.main import main
main()
"""


def test_keras_answers_with_a_word_where_the_runtime_is_not_installed(
    predict: Call, folder: Path, trained_run: Path
) -> None:
    arguments = ["predict", "a.png", "--run", str(trained_run), "--format", "json"]
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_RUNTIME, *arguments],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    note, notice, photos = ended.stderr.splitlines()
    assert note == (
        f"note: {trained_run}/model.tflite is not used, because the LiteRT runtime "
        "cannot be imported (import of ai_edge_litert.interpreter halted; None in "
        "sys.modules); `pip install ai-edge-litert` brings it. Keras answers from "
        "the checked weights instead, which takes longer to start."
    )
    assert "synthetic" in notice and photos == PHOTOS
    (slow,) = json.loads(ended.stdout)
    (fast,) = json.loads(predict("a.png", "--format", "json").out)
    assert slow["label"] == fast["label"]
    assert slow["probability"] == pytest.approx(fast["probability"], abs=1e-4)


def test_weights_of_an_unfinished_training_are_told(
    call: Call, folder: Path, trained_run: Path
) -> None:
    shutil.copytree(trained_run, "stopped")
    for name in ("metrics.json", "model.tflite"):
        Path("stopped", name).unlink()
    result = call("predict", "a.png", "--run", "stopped")
    assert result.code == 0
    assert (
        "warning: stopped is unfinished: its training was stopped or is still going "
        "on. These weights have been trained for "
    ) in result.err


def test_that_a_data_set_is_not_here_is_told_in_lines(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    lines = call("predict", "test:3", "--run", "speedrun").err.splitlines()
    assert any(line.startswith("test:3: CIFAR-10 was not found") for line in lines)
    assert "Fetch it with: cifarcnn data fetch cifar10" in lines
