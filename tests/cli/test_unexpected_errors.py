"""Failures that are no fault of the program: each in a process that has its cause."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

CONFIG = "data: {dataset: synthetic}\nmodel: {layers: [Flatten, Dense: 10]}\n"
MODULE = [sys.executable, "-m", "cifarcnn"]
# As the installed command does, which the working folder does not matter for.
COMMAND = [
    *(sys.executable, "-P", "-c"),
    "from cifarcnn.__main__ import main; main()",
]
MINE = "import sys\nprint('mine')\nvalues = [1, 2, 3]\n"
Done = subprocess.CompletedProcess[str]


def run(
    command: list[str],
    line: str,
    folder: Path,
    limit: Callable[[], object] | None = None,
    **environment: str,
) -> Done:
    return subprocess.run(
        [*command, *line.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        preexec_fn=limit,
    )


@pytest.fixture
def folder(tmp_path: Path, trained_run: Path) -> Path:
    """A folder with a config, an image, and the trained run by the name ``run``."""
    (tmp_path / "small.yaml").write_text(CONFIG)
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.png")
    (tmp_path / "run").symlink_to(trained_run)
    return tmp_path


# --- modules of the user --------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["random", "yaml", "click", "typing", "tempfile", "pydantic", "json"]
)
def test_a_module_in_the_working_folder_is_left_alone(folder: Path, name: str) -> None:
    (folder / f"{name}.py").write_text(MINE)
    done = run(MODULE, "check small.yaml", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("small.yaml: no problems\n")


def test_nor_does_prediction_take_one(folder: Path) -> None:
    expected = run(MODULE, "predict a.png --run run --format csv", folder)
    assert expected.returncode == 0
    for name in ("numpy", "PIL", "ai_edge_litert", "random"):
        (folder / f"{name}.py").write_text(MINE)
    done = run(MODULE, "predict a.png --run run --format csv", folder)
    assert (done.returncode, done.stdout) == (0, expected.stdout)


@pytest.mark.slow
def test_nor_does_keras(folder: Path) -> None:
    for name in ("tensorflow", "keras", "absl", "numpy"):
        (folder / f"{name}.py").write_text(MINE)
    done = run(MODULE, "predict a.png --run run --keras --format csv", folder)
    assert done.returncode == 0
    assert done.stdout.startswith("image,label,")


@pytest.mark.parametrize("command", [MODULE, COMMAND], ids=["module", "command"])
@pytest.mark.parametrize(
    ("name", "line", "failed"),
    [
        ("random", "check small.yaml", "ImportError: cannot import name 'Random' from"),
        ("click", "--version", "AttributeError: module 'click' has no attribute"),
        ("typing", "--help", "AttributeError: module 'typing' has no attribute"),
        ("yaml", "check small.yaml", "AttributeError: module 'yaml' has no attribute"),
        ("numpy", "predict a.png --run run", "AttributeError: module 'numpy' has no"),
    ],
)
def test_one_that_is_in_the_way_is_named(
    folder: Path, command: list[str], name: str, line: str, failed: str
) -> None:
    mine = folder / "mine"
    mine.mkdir()
    (mine / f"{name}.py").write_text(MINE)
    done = run(command, line, folder, PYTHONPATH=str(mine))
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert said.startswith(
        f"error: {mine / name}.py is loaded in place of the module {name} in /"
    )
    assert f", and the program failed: {failed}" in said
    assert said.endswith(
        " Rename the file, or take its folder out of the environment variable "
        "PYTHONPATH."
    )
    debugged = run(command, f"--debug {line}", folder, PYTHONPATH=str(mine))
    assert debugged.returncode == 1
    assert "Traceback (most recent call last)" in debugged.stderr


def test_one_with_a_mistake_in_it_and_a_package_are_named(folder: Path) -> None:
    mine = folder / "mine"
    (mine / "pydantic").mkdir(parents=True)
    (mine / "pydantic" / "__init__.py").write_text("")
    (mine / "platformdirs.py").write_text("def f(:\n")
    done = run(COMMAND, "check small.yaml", folder, PYTHONPATH=str(mine))
    assert done.stderr.startswith(
        f"error: {mine / 'pydantic'} is loaded in place of the module pydantic in /"
    )
    (mine / "yaml.py").write_text("def f(:\n")
    shutil.rmtree(mine / "pydantic")
    done = run(COMMAND, "check small.yaml", folder, PYTHONPATH=str(mine))
    assert done.stderr.startswith(f"error: {mine / 'yaml.py'} is loaded in place of")
    assert "SyntaxError: " in done.stderr


def test_one_in_the_place_of_a_package_without_a_file_of_its_own(folder: Path) -> None:
    mine = folder / "mine"
    mine.mkdir()
    (mine / "google.py").write_text(MINE)
    script = (
        "from cifarcnn.cli.unexpected_errors import describe_unexpected\n"
        "try:\n"
        "    import google.protobuf\n"
        "except ImportError as error:\n"
        "    print(describe_unexpected(error))\n"
    )
    done = run([sys.executable, "-P", "-c", script], "", folder, PYTHONPATH=str(mine))
    assert f"{mine / 'google.py'} is loaded in place of the module google in /" in (
        done.stdout
    )


def test_one_that_hides_nothing_that_is_used_is_not_blamed(folder: Path) -> None:
    mine = folder / "mine"
    mine.mkdir()
    (mine / "turtle.py").write_text(MINE)
    script = (
        "import sys\n"
        "from cifarcnn.cli import main, schema\n"
        "def fail(*_): raise KeyError('a fault')\n"
        "schema.print_raw = fail\n"
        "sys.argv = ['cifarcnn', 'schema']\n"
        "main.main()\n"
    )
    done = run([sys.executable, "-P", "-c", script], "", folder, PYTHONPATH=str(mine))
    assert done.stderr == (
        "error: KeyError: 'a fault'\n"
        "This is a fault of cifarcnn itself; --debug shows where it happened.\n"
    )


# --- packages -------------------------------------------------------------------------

BROKEN = """
import sys
place = next(n for n, path in enumerate(sys.path) if path.endswith("site-packages"))
sys.path.insert(place, {folder!r})
from cifarcnn.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("name", "pip", "line"),
    [
        ("yaml", "pyyaml", "check small.yaml"),
        ("pydantic", "pydantic", "check small.yaml"),
        ("PIL", "pillow", "predict a.png --run run"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named_with_its_own_words(
    folder: Path, name: str, pip: str, line: str
) -> None:
    packages = folder / "packages"
    (packages / name).mkdir(parents=True)
    (packages / name / "__init__.py").write_text(
        "raise ImportError('libodd.so.3: cannot open shared object file')"
    )
    script = BROKEN.format(folder=str(packages))
    done = run([sys.executable, "-P", "-c", script], line, folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: The Python package {name} cannot be loaded from {packages}: "
        "ImportError: libodd.so.3: cannot open shared object file. Its installation is "
        "incomplete, or does not fit the other packages. Install it anew: python -m "
        f"pip install --force-reinstall {pip}\n"
    )


MISSING = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        # JAX would do in TensorFlow's place.
        if name in ({name!r}, "jax"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Finder())
from cifarcnn.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("name", "pip", "line"),
    [
        ("yaml", "pyyaml", "check small.yaml"),
        ("click", "click", "--help"),
        ("numpy", "numpy", "predict a.png --run run"),
        pytest.param(
            *("tensorflow", "tensorflow", "evaluate --run run"), marks=pytest.mark.slow
        ),
    ],
)
def test_a_package_that_is_missing_is_named(
    folder: Path, name: str, pip: str, line: str
) -> None:
    script = MISSING.format(name=name)
    done = run([sys.executable, "-P", "-c", script], line, folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: The Python package {name} is not installed, and cifarcnn needs it. "
        f"Install it: python -m pip install {pip}\n"
    )


TALKATIVE = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in ("numpy", "PIL.Image", "ai_edge_litert"):
            print("Welcome to", name)
sys.meta_path.insert(0, Finder())
from cifarcnn.__main__ import main
main()
"""


def test_what_a_package_prints_is_no_part_of_the_result(folder: Path) -> None:
    line = "predict a.png --run run --format json"
    expected = run(COMMAND, line, folder)
    done = run([sys.executable, "-P", "-c", TALKATIVE], line, folder)
    assert (done.returncode, done.stdout) == (0, expected.stdout)
    assert json.loads(done.stdout)[0]["image"] == "a.png"


def test_a_python_without_one_of_its_modules_is_told(folder: Path) -> None:
    script = MISSING.format(name="tempfile")
    done = run([sys.executable, "-P", "-c", script], "check small.yaml", folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: Python's own module tempfile cannot be loaded: ModuleNotFoundError: No "
        "module named 'tempfile'. This Python was built without it, or is damaged. "
        "Install Python anew.\n"
    )


# --- limits ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="others do not limit it")
def test_too_little_address_space_for_a_library(folder: Path) -> None:
    size = 500 * 2**20
    done = run(
        COMMAND,
        "predict a.png --run run --keras",
        folder,
        lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(
        r"error: There is not enough memory to load the package \w+: ImportError: "
        r"libtensorflow\S+: failed to map segment from shared object\. The address "
        r"space is limited to 500 MiB \(ulimit -v\)\. Free memory, or raise a limit, "
        r"and try again\.\n",
        done.stderr,
    )


def test_too_few_files_that_may_be_open(folder: Path) -> None:
    # Set when Python has started: what is installed beside it may need some for itself.
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4)); "
        "from cifarcnn.__main__ import main; main()"
    )
    done = run([sys.executable, "-P", "-c", limited], "predict a.png --run run", folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Too many open files" in done.stderr
    assert "fault" not in done.stderr and "Traceback" not in done.stderr


# --- the working folder ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("train -c small.yaml", 2),
        ("train --resume run", 1),
        ("evaluate", 1),
        ("predict a.png", 1),
        ("explain a.png", 1),
        ("check small.yaml", 2),
        ("init article", 2),
        ("data show", 1),
        ("data import mine", 1),
        ("data fetch --offline --to here", 1),
    ],
)
def test_a_working_folder_that_was_removed_is_told(
    tmp_path: Path, line: str, code: int
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = run(COMMAND, line, gone, lambda: os.rmdir(gone))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[-1] == (
        "The working folder is not there any more: it was removed or renamed, so that "
        "no relative path leads anywhere. Go into another folder with cd, and try "
        "again."
    )
    assert "fault" not in done.stderr


def test_what_needs_no_working_folder_works_without(folder: Path) -> None:
    gone = folder / "gone"
    for line in (
        f"check {folder / 'small.yaml'}",
        f"predict {folder / 'a.png'} --run {folder / 'run'}",
        "schema",
        "--help",
    ):
        gone.mkdir()
        done = run(COMMAND, line, gone, lambda: os.rmdir(gone))
        assert done.returncode == 0
        assert "working folder" not in done.stderr


# --- variables ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONWARNINGS": "error"},
        {"PYTHONWARNINGS": "error::DeprecationWarning"},
        {"PYTHONDEVMODE": "1"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONSAFEPATH": "1"},
        {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "7"},
        {"TMPDIR": "/nowhere/at/all"},
        {"TERM": "dumb", "COLUMNS": "1"},
        {"TF_CPP_MIN_LOG_LEVEL": "many", "OMP_NUM_THREADS": "x"},
    ],
    ids=lambda variables: " ".join(variables),
)
def test_variables_change_no_answer(folder: Path, variables: dict[str, str]) -> None:
    for line in ("predict a.png --run run --format csv", "check small.yaml"):
        expected, done = (
            run(COMMAND, line, folder),
            run(COMMAND, line, folder, **variables),
        )
        assert expected.returncode == 0
        assert (done.returncode, done.stdout) == (0, expected.stdout)
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_training_ends_as_usual_where_warnings_are_errors(folder: Path) -> None:
    line = "train -c small.yaml --smoke --device cpu --run new"
    done = run(MODULE, line, folder, PYTHONWARNINGS="error", PYTHONDEVMODE="1")
    assert (done.returncode, done.stdout) == (0, "new\n")
    files = {path.name for path in (folder / "new").iterdir()}
    assert {"model.keras", "model.tflite", "metrics.json"} <= files


@pytest.mark.slow
def test_nor_do_they_cost_a_file_in_python(folder: Path) -> None:
    script = (
        "import warnings, cifarcnn\n"
        "import keras, tensorflow\n"
        "config = cifarcnn.load_config('small.yaml')\n"
        "warnings.simplefilter('error')\n"
        "cifarcnn.train(config, 'new', smoke=True, device='cpu')\n"
    )
    done = run([sys.executable, "-P", "-c", script], "", folder)
    files = {path.name for path in (folder / "new").iterdir()}
    assert {"model.keras", "model.tflite", "metrics.json"} <= files, done.stderr


# --- native code that ends the process -----------------------------------------------


@pytest.mark.slow
def test_a_library_that_ends_the_process_is_heard(folder: Path) -> None:
    line = "evaluate --run run --device cpu"
    done = run(COMMAND, line, folder, TF_XLA_FLAGS="--no_such_flag=7")
    assert done.returncode != 0
    first, *others = done.stderr.splitlines()
    assert first == "error: The process was ended in the middle of its work."
    assert any("Unknown flag in TF_XLA_FLAGS: --no_such_flag=7" in it for it in others)


NATIVE = """
import os, signal, sys
from cifarcnn.cli.console import native_output, standard_streams
with standard_streams(), native_output() as native:
    os.write(2, b"I0000 00:00:1 1 x.cc:1] nothing of note\\n")
    os.write(2, b"E0000 00:00:1 1 x.cc:1] no GPU is here\\n")
    os.write(2, {words!r})
    {end}
"""


@pytest.mark.parametrize(
    "end", ["os.abort()", "os.kill(os.getpid(), 9)", "os._exit(3)"]
)
def test_only_errors_are_shown_and_only_when_the_process_ended(
    tmp_path: Path, end: str
) -> None:
    words = b"F0000 00:00:2 1 y.cc:2] out of luck\n"
    command = [sys.executable, "-c", NATIVE.format(words=words, end=end)]
    done = run(command, "", tmp_path)
    assert done.stderr.splitlines() == [
        "error: The process was ended in the middle of its work.",
        "F0000 00:00:2 1 y.cc:2] out of luck",
    ]
    for quiet in ("pass", "native.move_to(__import__('pathlib').Path('log'))"):
        command = [sys.executable, "-c", NATIVE.format(words=words, end=quiet)]
        assert run(command, "", tmp_path).stderr == ""
    command = [sys.executable, "-c", NATIVE.format(words=b"", end=end)]
    assert run(command, "", tmp_path).stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the log is opened anew there")
def test_a_training_is_watched_in_its_log_from_where_it_began(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("F0000 00:00:1 1 y.cc:2] of another day\n")
    moved = "native.move_to(__import__('pathlib').Path('log'))"
    words = b"F0000 00:00:2 1 y.cc:2] before\n"
    later = "os.write(2, b'F0000 00:00:3 1 y.cc:2] after\\n')"
    end = f"{moved}; {later}; os.abort()"
    command = [sys.executable, "-c", NATIVE.format(words=words, end=end)]
    assert run(command, "", tmp_path).stderr.splitlines() == [
        "error: The process was ended in the middle of its work.",
        "F0000 00:00:2 1 y.cc:2] before",
        "F0000 00:00:3 1 y.cc:2] after",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="others do not limit it")
def test_a_process_that_ends_for_want_of_memory_is_told_its_limit(
    tmp_path: Path,
) -> None:
    size = 2**31
    command = [sys.executable, "-c", NATIVE.format(words=b"", end="os.abort()")]
    done = run(
        command, "", tmp_path,
        lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
    )  # fmt: skip
    assert done.stderr.splitlines() == [
        "error: The process was ended in the middle of its work.",
        "The address space is limited to 2,048 MiB (ulimit -v).",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="others do not limit it")
def test_native_code_that_fails_without_a_word_is_not_taken_for_a_fault(
    tmp_path: Path,
) -> None:
    size = 2**31
    script = (
        "from cifarcnn.cli.unexpected_errors import describe_unexpected\n"
        "said = 'error return without exception set'\n"
        "print(describe_unexpected(SystemError(said)))\n"
    )
    done = run(
        [sys.executable, "-c", script], "", tmp_path,
        lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
    )  # fmt: skip
    assert done.stdout == (
        "There is not enough memory to go on: SystemError: error return without "
        "exception set. The address space is limited to 2,048 MiB (ulimit -v). Free "
        "memory, or raise a limit, and try again.\n"
    )
