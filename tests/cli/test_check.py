"""``cifarcnn check``: the table, the problems, and both as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cifarcnn.cli.main import main

GOOD = """name: small
data: {dataset: synthetic}
model:
  layers:
    - Residual:
        layers: [Conv2D: {filters: 1200, kernel_size: 1}]
        shortcut: [Conv2D: {filters: 1200, kernel_size: 1, use_bias: false}]
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax}
"""
BAD = """name: small
model:
  layers:
    - Flatten
    - Dense: {unit: 10}
    - Dense: {units: 9, activation: softmax}
training: {epochs: 0}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def call(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    *arguments: str,
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["cifarcnn", "check", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    said = capfd.readouterr()
    return left.value.code, said.out, said.err


def test_the_table_of_a_right_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(monkeypatch, capfd, "good.yaml")
    assert (code, err) == (0, "")
    assert out == (
        "good.yaml: no problems\n"
        "layer                       type                    output      parameters"
        "  multiply-accumulates\n"
        "images                      Input                   32x32x3\n"
        "- conv2d_1                  Conv2D                  32x32x1200       4,800"
        "             3,686,400\n"
        "- conv2d_2                  Conv2D                  32x32x1200       3,600"
        "             3,686,400\n"
        "residual_1                  Add                     32x32x1200           0"
        "                     0\n"
        "global_average_pooling2d_1  GlobalAveragePooling2D  (1200)               0"
        "                     0\n"
        "dense_1                     Dense                   (10)            12,010"
        "                12,000\n"
        "total                                                               20,410"
        "             7,384,800\n"
    )


def test_the_problems_of_a_wrong_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(monkeypatch, capfd, "bad.yaml")
    assert (code, out) == (2, "")
    assert err == (
        "bad.yaml:5:15: model.layers[1].Dense.unit: Dense has no argument 'unit'\n"
        "    5 |     - Dense: {unit: 10}\n"
        "      |               ^\n"
        "      did you mean units?\n"
        "bad.yaml:7:20: training.epochs: expected a number of at least 1, found 0\n"
        "    7 | training: {epochs: 0}\n"
        "      |                    ^\n"
        "bad.yaml: 2 problems\n"
    )


def test_several_configs_are_all_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("good.yaml", "nothing.yaml", "bad.yaml", "article")
    code, out, err = call(monkeypatch, capfd, *arguments)
    assert code == 2
    heads = [line for line in out.splitlines() if line.endswith(": no problems")]
    assert heads == ["good.yaml: no problems", "article: no problems"]
    assert err.startswith(
        "nothing.yaml:1:1: there is no file 'nothing.yaml'\nnothing.yaml: 1 problem\n"
    )
    assert err.endswith("bad.yaml: 2 problems\n")


def test_json_of_a_right_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(monkeypatch, capfd, "good.yaml", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "file": "good.yaml",
        "ok": True,
        "problems": [],
        "layers": [
            {
                "name": name,
                "type": kind,
                "output_shape": shape,
                "parameters": parameters,
                "macs": macs,
            }
            for name, kind, shape, parameters, macs in [
                ("conv2d_1", "Conv2D", [32, 32, 1200], 4800, 3686400),
                ("conv2d_2", "Conv2D", [32, 32, 1200], 3600, 3686400),
                ("residual_1", "Add", [32, 32, 1200], 0, 0),
                ("global_average_pooling2d_1", "GlobalAveragePooling2D", [1200], 0, 0),
                ("dense_1", "Dense", [10], 12010, 12000),
            ]
        ],
        "parameters": 20410,
        "macs": 7384800,
    }


def test_json_of_a_wrong_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(monkeypatch, capfd, "bad.yaml", "--json")
    assert (code, err) == (2, "")
    assert json.loads(out) == {
        "file": "bad.yaml",
        "ok": False,
        "problems": [
            {
                "file": "bad.yaml",
                "line": 5,
                "column": 15,
                "path": "model.layers[1].Dense.unit",
                "message": "Dense has no argument 'unit'",
                "hint": "did you mean units?",
            },
            {
                "file": "bad.yaml",
                "line": 7,
                "column": 20,
                "path": "training.epochs",
                "message": "expected a number of at least 1, found 0",
                "hint": "",
            },
        ],
        "layers": [],
        "parameters": 0,
        "macs": 0,
    }


def test_json_of_several_configs_is_a_list_in_their_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(
        monkeypatch, capfd, "--json", "bad.yaml", "nothing", "good.yaml"
    )
    documents = json.loads(out)
    assert (code, err) == (2, "")
    assert [(document["file"], document["ok"]) for document in documents] == [
        ("bad.yaml", False),
        ("nothing", False),
        ("good.yaml", True),
    ]
    assert documents[1]["problems"][0]["message"].startswith("there is no file")


def test_settings_hold_for_every_config(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(
        monkeypatch, capfd, "good.yaml", "article", "--json",
        "--set", "model.layers=[Flatten, Dense: 10]", "--set", "data.dataset=cifar10",
    )  # fmt: skip
    assert code == 0
    assert [document["parameters"] for document in json.loads(out)] == [30730, 30730]


def test_a_config_is_checked_without_keras_and_numpy() -> None:
    code = (
        "import sys\n"
        "from cifarcnn.cli.main import main\n"
        "sys.argv = ['cifarcnn', 'check', 'article']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'tensorflow', 'keras', 'numpy'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
