"""``cifarcnn doctor`` as a process, on installations that are whole and broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.engine.backend_choice import is_installed

COMMAND = [sys.executable, "-P", "-m", "cifarcnn", "doctor"]
KEYS = [
    *("format", "versions", "system", "nvidia", "tensorflow", "jax", "cuda_libraries"),
    *("cpu", "environment", "data_sets", "caches", "browser", "convolutions"),
    *("training", "problems", "can_train"),
]
TITLES = [
    *("Versions", "System", "NVIDIA", "TensorFlow", "JAX", "CUDA libraries", "CPU"),
    *("Environment variables", "Data sets", "Caches", "Browser"),
    *("A small convolution", "Training"),
]
# Either library is there, and fails at once.
BROKEN = {
    "tensorflow": "raise ImportError('libm.so.6: version `GLIBC_2.99` not found')",
    "jax": "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
}

Doctor = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """The environment of an installation in which no library works."""
    for name, code in BROKEN.items():
        (tmp_path / "stubs" / name).mkdir(parents=True)
        (tmp_path / "stubs" / name / "__init__.py").write_text(code)
    home = tmp_path / "home"
    home.mkdir()
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("XDG_")},
        "PYTHONPATH": str(tmp_path / "stubs"),
        "HOME": str(home),
        "CIFARCNN_CACHE": str(home / "cache"),
        "COLUMNS": "80",
    }


@pytest.fixture(scope="session")
def environment_without(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Path]:
    """Makes a virtual environment of all that is installed here but one package."""

    def make(missing: str) -> Path:
        root = tmp_path_factory.mktemp(f"without-{missing}")
        venv.EnvBuilder(symlinks=True).create(root)
        (target,) = root.glob("lib/python*/site-packages")
        folders = [Path(each) for each in sys.path if each.endswith("-packages")]
        for entry in (entry for each in folders for entry in each.iterdir()):
            name = entry.name.partition("-")[0]
            taken = os.path.lexists(target / entry.name)
            # Files of paths may lead to other folders of packages.
            leads_away = entry.suffix == ".pth" and "-packages" in entry.read_text()
            if name != missing and not taken and not leads_away:
                (target / entry.name).symlink_to(entry)
        return root / "bin" / "python"

    return make


def doctor(
    environment: dict[str, str], *arguments: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        **options,
    )


def keys(facts: object) -> set[str]:
    """Every key of the document that is not a name of a variable or a package."""
    if isinstance(facts, list):
        return set().union(*map(keys, facts))
    if not isinstance(facts, dict):
        return set()
    named = ("environment", "packages")
    inside = (keys(value) for key, value in facts.items() if key not in named)
    return set(facts).union(*inside)


def titles(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(" ")]


@pytest.mark.slow
def test_in_a_whole_installation_all_is_in_order(tmp_path: Path) -> None:
    environment = {**os.environ, "CIFARCNN_CACHE": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    done = doctor(environment, "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(facts) == KEYS
    assert (facts["format"], facts["can_train"]) == (1, True)
    assert facts["problems"] == []
    assert facts["training"]["problem"] is None
    assert facts["training"]["device"] in ("cpu", "gpu")
    since = {"tensorflow": "JAX uses no GPU here", "jax": "it sees a GPU"}
    if not is_installed("jax"):
        since["tensorflow"] = "JAX is not installed"
    training = facts["training"]
    assert training["backend_reason"] == since[training["backend"]]
    assert training["precision_auto"] in ("float32", "mixed_bfloat16", "mixed_float16")
    assert facts["convolutions"][0]["backend"] == "tensorflow"
    assert facts["convolutions"][0]["median_milliseconds"] > 0


def test_a_broken_one_is_told_with_the_commands_that_mend_it(
    broken: dict[str, str],
) -> None:
    done = doctor(broken)
    assert (done.returncode, done.stderr) == (1, "")
    *sections, end = done.stdout.split("\nTo mend\n")
    assert titles(sections[0]) == TITLES
    assert end == (
        "  1. TensorFlow failed when it was imported: ImportError: libm.so.6: version\n"
        "     `GLIBC_2.99` not found.\n"
        "      python -m pip install --force-reinstall tensorflow\n"
        "  2. JAX crashed when it was imported: Illegal instruction.\n"
        "      python -m pip install --force-reinstall jax\n"
        "\n"
        "No training would work here, not even on the CPU.\n"
    )
    assert "  free memory        " in done.stdout
    assert "~/cache/decoded" in done.stdout
    assert broken["HOME"] not in done.stdout
    # Paths are left whole.
    lines = [line for line in done.stdout.splitlines() if "/" not in line]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    "columns",
    ["40", *(pytest.param(each, marks=pytest.mark.slow) for each in ("1", "-3", "x"))],
)
def test_it_is_readable_at_any_width(broken: dict[str, str], columns: str) -> None:
    done = doctor({**broken, "COLUMNS": columns})
    assert done.returncode == 1
    text, _, commands = done.stdout.partition("\nTo mend\n")
    assert titles(text) == TITLES
    assert "      python -m pip install --force-reinstall tensorflow\n" in commands
    limit = {"40": 40, "1": 30, "-3": 80, "x": 80}[columns]
    # What has no gap is left whole, to be copied.
    long = [line for line in text.splitlines() if len(line) > limit]
    assert all(" " not in line.strip() for line in long), long


def test_the_document_has_its_keys_in_a_broken_installation(
    broken: dict[str, str],
) -> None:
    variables = {"PYTHONWARNINGS": "error", "KERAS_BACKEND": "garbage"}
    done = doctor({**broken, **variables}, "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert list(facts) == KEYS
    assert facts["can_train"] is False
    page = Path(__file__).parents[2] / "docs/doctor.md"
    text = page.read_text(encoding="utf-8")
    assert [key for key in keys(facts) if f"`{key}`" not in text] == []
    assert facts["environment"]["KERAS_BACKEND"] == "garbage"
    assert "unset KERAS_BACKEND" in [each["command"] for each in facts["problems"]]
    assert broken["HOME"] not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["keras", "numpy", "packaging"])
def test_a_missing_package_is_one_thing_to_mend(
    broken: dict[str, str], environment_without: Callable[[str], Path], missing: str
) -> None:
    command = [str(environment_without(missing)), *COMMAND[1:], "--json"]
    done = subprocess.run(command, env=broken, capture_output=True, text=True)
    facts = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    about = [each for each in facts["problems"] if missing in each["message"]]
    if missing == "packaging":
        # Without it nothing is compared, and what needs it is another one's to say.
        assert facts["versions"]["numpy"] is not None
        return
    assert facts["versions"][missing] is None
    (problem,) = about
    assert problem["message"].startswith(f"{missing} is not installed, but cifarcnn ")
    assert problem["command"].startswith(f"python -m pip install '{missing}")


def test_without_a_home_or_room_to_write_it_answers(
    broken: dict[str, str], tmp_path: Path
) -> None:
    variables = {**broken, "HOME": "/nowhere", "TMPDIR": "/nowhere"}
    del variables["CIFARCNN_CACHE"]
    (tmp_path / "home").chmod(0o555)
    done = doctor(variables, "--json", cwd=tmp_path / "home")
    assert list(json.loads(done.stdout)) == KEYS
    assert done.stderr == ""


def test_a_reader_that_goes_away_ends_it(broken: dict[str, str]) -> None:
    process = subprocess.Popen(
        COMMAND, env=broken, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == b"Versions\n"
    process.stdout.close()
    assert process.wait(120) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_an_interruption_ends_it_and_what_it_tries(
    broken: dict[str, str], tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    (tmp_path / "stubs/tensorflow/__init__.py").write_text(
        "import os, time\n"
        f"open({str(pid_file)!r} + '.part', 'w').write(str(os.getpid()))\n"
        f"os.rename({str(pid_file)!r} + '.part', {str(pid_file)!r})\n"
        "time.sleep(300)\n"
    )
    process = subprocess.Popen(
        COMMAND, env=broken, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end = time.monotonic() + 120
    while not pid_file.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, b"interrupted\n")
    assert out.startswith(b"Versions\n")
    status = Path(f"/proc/{pid_file.read_text()}/status")
    while status.exists() and "\nState:\tZ" not in status.read_text():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_caches_are_emptied_after_it_was_said_what_they_hold(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path))
    array = tmp_path / "decoded/synthetic/training-images.npy"
    array.parent.mkdir(parents=True)
    array.write_bytes(bytes(2_500_000))
    archive = tmp_path / "cifar-10-binary.tar.gz"
    archive.write_bytes(b"x")
    called = call("doctor", "--clear-caches")
    assert (called.code, called.err) == (0, "")
    assert called.out.split() == [
        *("Removing", "decoded", "images", "2.5", "MB", "in", f"{tmp_path}/decoded"),
        *("compiled", "programs", "0", "bytes", "in", f"{tmp_path}/compiled"),
        *("computed", "features", "0", "bytes", "in", f"{tmp_path}/features"),
    ]
    assert not array.exists() and archive.exists()
    assert "0 bytes in" in call("doctor", "--clear-caches").out
    # TensorFlow would end if it could not give it its name.
    half = tmp_path / "compiled/tensorflow-2.21.0-0123456789ab/step.pb.tmp"
    half.parent.mkdir(parents=True)
    half.write_bytes(bytes(3000))
    kept = call("doctor", "--clear-caches")
    assert kept.code == 1 and half.exists()
    assert kept.out.partition("Left")[2].split() == [
        *("decoded", "images", "0", "bytes", "in", f"{tmp_path}/decoded"),
        *("compiled", "programs", "3", "kB", "in", f"{tmp_path}/compiled"),
        *("computed", "features", "0", "bytes", "in", f"{tmp_path}/features"),
        *"This user may not remove it, or another process is just writing it.".split(),
    ]
    os.utime(half, (1000, 1000))
    assert call("doctor", "--clear-caches").code == 0 and not half.exists()
    refused = call("doctor", "--clear-caches", "--json")
    assert refused.code == 2
    assert "--clear-caches does nothing else; leave --json out." in refused.err
