"""Wrong command lines: the whole of standard error, and the exit code."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cifarcnn.cli.main import COMMANDS
from cifarcnn.config.shipped import shipped_names, zoo_names

if TYPE_CHECKING:
    from conftest import Call

ARGUMENTS = {
    "": "COMMAND [ARGS]...",
    "train": "",
    "evaluate": "",
    "predict": "IMAGE...",
    "explain": "[IMAGE]",
    "check": "FILE|NAME...",
    "init": "NAME [FILE]",
    "schema": "",
    "data fetch": "[cifar10|cifar100]...",
}
KNOWN = f"known: {', '.join(sorted(shipped_names() + zoo_names()))}"


def usage(command: str, sentence: str) -> str:
    """What click says before a sentence about options and arguments."""
    name = f"cifarcnn {command}".rstrip()
    head = f"Usage: {name} [OPTIONS] {ARGUMENTS[command]}".rstrip()
    return f"{head}\nTry '{name} --help' for help.\n\nError: {sentence}\n"


def error(sentence: str) -> str:
    return f"error: {sentence}\n"


NO_WEIGHTS = (
    "half has no trained weights to load: manifest.json is missing. Either the "
    "training stopped before it saved any, or the file was removed. Train again, or "
    "name another run with --run DIR."
)
NO_SUCH_RUN = (
    "nowhere does not exist. Name the folder that `cifarcnn train` reported; `cifarcnn "
    "runs` lists those under ./runs."
)
FORM = (
    "      | ^\n      such as training.epochs=5 or model.layers[0].Conv2D.filters=64\n"
)
NAMELESS = "A config is given with --config, a run to go on with --resume."
EMPTY = "the name is empty. Perhaps a variable of the shell is not set."
CASES: dict[str, tuple[int, str]] = {
    # --- commands
    "nothing": (
        2,
        usage(
            "",
            f"there is no command 'nothing'; known: {', '.join(sorted(COMMANDS))}",
        ),
    ),
    "chek small.yaml": (
        2, usage("", "there is no command 'chek'; did you mean check?"),
    ),
    "predikt a.png": (
        2, usage("", "there is no command 'predikt'; did you mean predict?"),
    ),
    # --- train
    "train": (
        2,
        usage("train", "Give either --config, or --resume with the folder of a run."),
    ),
    "train small.yaml": (
        2,
        usage("train", f"Got unexpected extra argument (small.yaml). {NAMELESS}"),
    ),
    "train --epochs 5": (
        2,
        usage(
            "train",
            "No such option '--epochs'. The config has this: --set "
            "training.epochs=VALUE.",
        ),
    ),
    "train --config small.yaml --batch-size=16": (
        2,
        usage(
            "train",
            "No such option '--batch-size'. The config has this: --set "
            "training.batch_size=VALUE.",
        ),
    ),
    "train -e 5": (
        2,
        usage(
            "train",
            "No such option '-e'. Values of the config are changed with --set "
            "KEY=VALUE.",
        ),
    ),
    "train --confg small.yaml": (
        2, usage("train", "No such option '--confg'. Did you mean '--config'?"),
    ),
    "train --config": (2, "Error: Option '--config' requires an argument.\n"),
    "train --config small.yaml more": (
        2, usage("train", f"Got unexpected extra argument (more). {NAMELESS}"),
    ),
    "train --config small.yaml --device tpu": (
        2,
        usage(
            "train",
            "Invalid value for '--device': 'tpu' is not one of 'auto', 'cpu', 'gpu'.",
        ),
    ),
    "train --config zzz": (
        2,
        error(
            f"there is no file 'zzz' and no shipped config of that name; {KNOWN}"
        ),
    ),
    "train --config articel": (
        2,
        error(
            "there is no file 'articel' and no shipped config of that name; did you "
            "mean article?"
        ),
    ),
    "train --config full": (
        2, error("'full' is a folder; a config is a YAML file"),
    ),
    "train --config small.yaml --set epochs=5": (
        2,
        "--set:1:1: epochs: there is no key 'epochs'\n    1 | epochs=5\n      | ^\n"
        "      write training.epochs=5\n1 problem\n",
    ),
    "train --config small.yaml --set training.epochs": (
        2,
        "--set:1:1: expected KEY=VALUE\n    1 | training.epochs\n"
        f"{FORM}1 problem\n",
    ),
    "train --config small.yaml --set training.epochs=0 --set training.seed=x": (
        2,
        "--set:1:15: training.seed: expected a whole number, found 'x'\n"
        "    1 | training.seed=x\n      |               ^\n"
        "--set:1:17: training.epochs: expected a number of at least 1, found 0\n"
        "    1 | training.epochs=0\n      |                 ^\n"
        "2 problems\n",
    ),
    "train --config small.yaml --device cpu --run full": (
        1,
        error(
            "full is not empty (it holds 'notes.txt'), and nothing is overwritten. "
            "Name a new folder, or leave --run out for the next free one under ./runs."
        ),
    ),
    "train --config small.yaml --device cpu --run file": (
        1,
        error(
            "file cannot become the folder of a run: File exists. Name another place "
            "with --run DIR."
        ),
    ),
    "train --config small.yaml --host-index 0": (
        2,
        usage("train", "--host-index belongs to --hosts."),
    ),
    "train --config small.yaml --hosts a:1,b --host-index 0 --seeds 2": (
        2,
        usage("train", "--seeds and --hosts do not go together."),
    ),
    "train -c small.yaml --backend tensorflow --hosts a:1,b --host-index 0": (
        1,
        error(
            "On TensorFlow cifarcnn trains on one host, and not on 2 (--hosts). Train "
            "on JAX: --backend jax."
        ),
    ),
    "train -c small.yaml --backend jax --hosts a:1,b --host-index 0 --set "
    "training.deterministic=true": (
        2,
        error(
            "training.deterministic: never tried on several hosts. Leave it out, or "
            "train on one."
        ),
    ),
    "train -c small.yaml --backend jax --hosts a:1,b --host-index 0 --run full": (
        1,
        error(
            "full is not empty (it holds 'notes.txt'), and nothing is overwritten. "
            "Name a new folder, or leave --run out for the next free one under ./runs."
        ),
    ),
    "train --config small.yaml --hosts node1,node2 --host-index 0": (
        2,
        error(
            "--hosts 'node1,node2': expected the addresses of all hosts, the first of "
            "them with a port that is free there, such as node1:7000,node2."
        ),
    ),
    "train --config ''": (
        2, usage("train", f"Invalid value for '--config' / '-c': {EMPTY}"),
    ),
    "train --config small.yaml --run ''": (
        2, usage("train", f"Invalid value for '--run': {EMPTY}"),
    ),
    "train --resume ''": (
        2, usage("train", f"Invalid value for '--resume': {EMPTY}"),
    ),
    # --- evaluate
    "evaluate --run nowhere": (1, error(NO_SUCH_RUN)),
    "evaluate --run full": (
        1,
        error(
            "full is not the folder of a run: config.yaml is missing. Name the folder "
            "that `cifarcnn train` reported; `cifarcnn runs` lists those under "
            "./runs."
        ),
    ),
    "evaluate --run half": (1, error(NO_WEIGHTS)),
    "evaluate --run odd": (1, error(NO_WEIGHTS.replace("half", "odd"))),
    "evaluate --run file": (
        1,
        error(
            "file is a file, not the folder of a run. Model files of unknown origin "
            "are not loaded, because they can run code. Name the folder that `cifarcnn "
            "train` wrote; if you trust a model.keras, open it in Python with "
            "keras.models.load_model."
        ),
    ),
    "evaluate --split training": (
        2,
        usage(
            "evaluate",
            "Invalid value for '--split': 'training' is not one of 'test', "
            "'validation', 'train'.",
        ),
    ),
    "evaluate --weights middle": (
        2,
        usage(
            "evaluate",
            "Invalid value for '--weights': 'middle' is not one of 'best', 'last'.",
        ),
    ),
    "evaluate half": (
        2,
        usage(
            "evaluate",
            "Got unexpected extra argument (half). A run is given with --run, "
            "pictures of your own with --data.",
        ),
    ),
    "evaluate --epochs 5": (2, usage("evaluate", "No such option '--epochs'.")),
    "evaluate --run ''": (
        2, usage("evaluate", f"Invalid value for '--run': {EMPTY}"),
    ),
    "evaluate --data ''": (
        2, usage("evaluate", f"Invalid value for '--data': {EMPTY}"),
    ),
    # --- predict
    "predict": (2, usage("predict", "Missing argument 'IMAGE...'.")),
    "predict a.png --run nowhere": (1, error(NO_SUCH_RUN)),
    "predict a.png --run half": (1, error(NO_WEIGHTS)),
    "predict a.png --top 0": (
        2, usage("predict", "Invalid value for '--top': 0 is not in the range x>=1."),
    ),
    "predict a.png --format xml": (
        2,
        usage(
            "predict",
            "Invalid value for '--format': 'xml' is not one of 'table', 'json', "
            "'jsonl', 'csv'.",
        ),
    ),
    "predict a.png --run half --save-input file": (
        2,
        usage(
            "predict",
            "Invalid value for '--save-input': Directory 'file' is a file.",
        ),
    ),
    "predict a.png --save-input ''": (
        2, usage("predict", f"Invalid value for '--save-input': {EMPTY}"),
    ),
    "explain a.png --out ''": (
        2, usage("explain", f"Invalid value for '--out': {EMPTY}"),
    ),
    # --- check, init, schema
    "check ''": (
        2, usage("check", f"Invalid value for 'FILE|NAME...': {EMPTY}"),
    ),
    "init ''": (2, usage("init", f"Invalid value for 'NAME': {EMPTY}")),
    "init article ''": (2, usage("init", f"Invalid value for '[FILE]': {EMPTY}")),
    "check": (2, usage("check", "Missing argument 'FILE|NAME...'.")),
    "check small.yaml --set": (2, "Error: Option '--set' requires an argument.\n"),
    "check nothing.yaml": (
        2,
        "nothing.yaml:1:1: there is no file 'nothing.yaml'\nnothing.yaml: 1 problem\n",
    ),
    "check full": (
        2,
        "full:1:1: 'full' is a folder; a config is a YAML file\nfull: 1 problem\n",
    ),
    "init": (2, usage("init", "Missing argument 'NAME'.")),
    "init zzz": (
        2, error(f"there is no shipped config 'zzz'; {KNOWN}"),
    ),
    "init article small.yaml": (
        2, error("'small.yaml' exists; give another file name"),
    ),
    "init article nowhere/my.yaml": (2, error("there is no folder 'nowhere'")),
    "init article --list": (
        2, error("--list shows all configs: leave out NAME, or --list"),
    ),
    "init article a b": (2, usage("init", "Got unexpected extra argument (b)")),
    # --- an option given twice
    "explain a.png --run half --run odd": (
        2,
        usage(
            "explain",
            "--run is given twice, with 'half' and 'odd'; it takes one value.",
        ),
    ),
    "predict a.png --top 2 --format json --top=2 --format csv --top 1": (
        2,
        usage(
            "predict",
            "--top is given several times, with '2' and '2' and '1'; it takes one "
            "value.\n--format is given twice, with 'json' and 'csv'; it takes one "
            "value.",
        ),
    ),
    "train -c small.yaml --config article": (
        2,
        usage(
            "train",
            "--config is given twice, with 'small.yaml' and 'article'; it takes one "
            "value.",
        ),
    ),
    "train -csmall.yaml --fetch --offline": (
        2,
        usage(
            "train", "--fetch and --offline contradict each other; give one of them."
        ),
    ),
    "train -csmall.yaml --offline --offline": (
        2, usage("train", "--offline is given twice; leave all but one out."),
    ),
    "check small.yaml --json --json": (
        2, usage("check", "--json is given twice; leave all but one out."),
    ),
    "--debug check small.yaml --debug": (
        2, usage("check", "--debug is given twice; leave all but one out."),
    ),
    "data fetch --from http://a --to x --from http://b --to y": (
        2,
        usage(
            "data fetch", "--to is given twice, with 'x' and 'y'; it takes one value."
        ),
    ),
    "schema x": (2, usage("schema", "Got unexpected extra argument (x)")),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a config, and things that are no run."""
    monkeypatch.chdir(tmp_path)
    small = "data: {dataset: synthetic}\nmodel: {layers: [Flatten, Dense: 10]}\n"
    Path("small.yaml").write_text(small)
    Path("file").write_text("")
    Path("a.png").write_bytes(b"")
    for name, inside, content in (
        ("full", "notes.txt", "notes"),
        ("half", "config.yaml", small),
        ("odd", "config.yaml", "model: 3\n"),
    ):
        Path(name).mkdir()
        (Path(name) / inside).write_text(content)
    return tmp_path


@pytest.mark.parametrize("line", CASES)
def test_the_message_is_the_expected_one(line: str, call: Call, folder: Path) -> None:
    code, message = CASES[line]
    outcome = call(*shlex.split(line))
    said = outcome.stderr
    if "--device cpu" in line:
        # The device and the data are told before.
        said = said[said.index("error: ") :]
    assert said == message
    assert outcome.stdout == ""
    assert outcome.code == code
    assert not Path("runs").exists()
