"""What is imported when: the boundary between light and heavy modules.

Light modules never import what is heavy, so that commands that need no arrays start at
once, and so that ``engine.start`` can choose Keras's backend before Keras is imported.
Heavy modules import it at their top. Modules that are named here as poisoned cannot be
imported at all.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import cifarcnn
from cifarcnn.cli.main import COMMANDS

HEAVY = "tensorflow keras jax torch numpy PIL safetensors matplotlib h5py".split()
# All of these folders and files are light.
LIGHT = [
    "caches.py", "cli", "config", "cpu.py", "doctor", "errors.py", "files.py",
    "installed.py", "literals.py", "python_process.py", "signals.py",
    "runs/folder.py", "runs/history.py", "runs/litert_file.py", "runs/manifest.py",
    "runs/run_path.py", "runs/safe_io.py", "runs/shipped_runs.py", "runs/signature.py",
    "search/folder.py", "search/observer.py", "search/packages.py", "search/trials.py",
]  # fmt: skip
WRONG = "training: {epochs: 0}\nmodel: {layers: [Flatten, Dense: 9]}\n"
POISON = """
import sys
for name in {poisoned!r}:
    sys.modules[name] = None
"""
CALL = """
from cifarcnn.cli.main import main
for arguments in {calls!r}:
    sys.argv = ["cifarcnn", *arguments]
    try:
        main()
    except SystemExit as left:
        print("code", left.code, flush=True)
"""


def run(
    poisoned: list[str], script: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    code = POISON.format(poisoned=poisoned) + script
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder
    )


def light_modules() -> list[str]:
    root = Path(cifarcnn.__file__).parent
    paths = [
        path for name in LIGHT for path in [root / name, *(root / name).rglob("*.py")]
    ]
    names = {
        ".".join(["cifarcnn", *path.relative_to(root).with_suffix("").parts])
        for path in paths
        if path.suffix == ".py" and path.is_file()
    }
    assert len(names) > 50
    return sorted(names)


def test_light_modules_import_nothing_heavy(tmp_path: Path) -> None:
    script = "\n".join(f"import {name}" for name in light_modules())
    done = run(HEAVY, script, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_check_init_schema_and_problems_import_nothing_heavy(
    tmp_path: Path,
) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG)
    calls = [
        (["--help"], 0),
        (["--version"], 0),
        *(([command, "--help"], 0) for command in COMMANDS),
        (["check", "article"], 0),
        (["check", "article", "--json"], 0),
        (["init", "article", "mine.yaml"], 0),
        (["init", "--list"], 0),
        (["init", "--list", "--json"], 0),
        (["schema"], 0),
        (["check", "wrong.yaml"], 2),
        (["train", "--config", "wrong.yaml"], 2),
        (["train", "--config", "article", "--set", "x=1"], 2),
        (["train", "--config", "nothing"], 2),
        (["train"], 2),
        (["compare"], 2),
        (["compare", "nowhere", "neither"], 1),
        (["compare", "nowhere", "--out", "wrong.yaml"], 2),
        (["compare", "nowhere", "--out", "no/page.html"], 2),
        (["nothing"], 2),
    ]
    script = CALL.format(calls=[arguments for arguments, _ in calls])
    done = run(HEAVY, script, tmp_path)
    codes = [line for line in done.stdout.splitlines() if line.startswith("code ")]
    assert codes == [f"code {code}" for _, code in calls], done.stderr
    assert "Traceback" not in done.stderr and "fault" not in done.stderr


def test_importing_the_package_imports_hardly_anything(tmp_path: Path) -> None:
    poisoned = [*HEAVY, "pydantic", "yaml", "rich", "click"]
    done = run(poisoned, "import cifarcnn\ndir(cifarcnn)", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_prediction_imports_neither_framework_nor_config(
    trained_run: Path, tmp_path: Path
) -> None:
    import json

    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    poisoned = [
        *("tensorflow", "keras", "jax", "torch", "h5py", "yaml", "rich", "safetensors"),
        *("cifarcnn.config", "cifarcnn.network", "cifarcnn.api"),
    ]
    arguments = ["predict", "a.png", "--run", str(trained_run), "--format", "json"]
    done = run(poisoned, CALL.format(calls=[arguments]), tmp_path)
    answer, code, _ = done.stdout.rsplit("\n", 2)
    assert code == "code 0", done.stderr
    assert done.stderr == (
        f"note: {trained_run} was trained on synthetic pictures drawn by code, not "
        "CIFAR-10.\n"
        "note: --run speedrun asks the network that comes with cifarcnn, which knows "
        "photos.\n"
    )
    row = cifarcnn.load_run(trained_run, device="cpu").predict(images)[0]
    (entry,) = json.loads(answer)
    assert entry["probability"] == pytest.approx(row.max(), abs=1e-4)


def test_a_page_about_folders_of_seeds_imports_no_framework(
    trained_run: Path, tmp_path: Path
) -> None:
    import shutil

    from cifarcnn.runs.seeds_folder import make_seeds_folder

    base = (trained_run / "config.yaml").read_bytes()
    for name in ("a", "b"):
        made = make_seeds_folder(
            tmp_path / name, tmp_path, name, [1, 2], base, smoke=False
        )
        for seed in made.seeds:
            shutil.copytree(trained_run, made.run_path(seed))
    calls = [["compare", "a", "b", "--out", "page.html"]]
    done = run(["tensorflow", "keras", "jax"], CALL.format(calls=calls), tmp_path)
    assert done.stdout.endswith("code 0\n"), done.stderr
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_missing_images_are_told_before_the_framework_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from cifarcnn.runs.shipped_runs import find_shipped_run

    monkeypatch.setenv("HOME", str(tmp_path))  # Keras keeps CIFAR-10 there
    shipped = find_shipped_run("speedrun")
    assert shipped is not None
    for name in ("a", "b"):
        shutil.copytree(shipped, tmp_path / name)
    (tmp_path / "no").mkdir()
    int8 = ["export", "--run", "a", "--format", "litert", "--precision", "int8"]
    calls = [
        ["evaluate", "--run", "a"],
        ["evaluate", "--run", "a", "--run", "b", "--split", "validation"],
        ["evaluate", "--run", "a", "--data", "no"],
        ["evaluate", "--run", "a", "--temperature", "--data", "no"],
        ["compare", "a", "b"],
        ["explain", "test:0", "--run", "a"],
        int8,
        [*int8, "--data", "no"],
        ["export", "--run", "a", "--format", "web", "--data", "no"],
    ]
    # Poisoned, TensorFlow would seem not to be installed.
    script = "from cifarcnn import engine\ndel engine.start\n"
    done = run([], script + CALL.format(calls=calls), tmp_path)
    assert done.stdout == "code 1\n" * len(calls), done.stderr
    assert done.stderr.count("error: CIFAR-10 was not found. ") == 4
    assert done.stderr.count("error: int8 needs training pictures ") == 1
    assert done.stderr.count("error: no holds neither CIFAR-10 ") == 4
