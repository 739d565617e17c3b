"""Only the user who wrote ``model.tflite`` on this machine has it run here."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.prediction import open_predictor
from cifarcnn.runs.signature import is_signed, key_path, sign

PARTS = ("a" * 64, "none")


@pytest.fixture
def key(home: Path) -> Path:
    """Where the secret of that user lies."""
    return home / "cifarcnn" / "seal.key"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another user's folder for data, still empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path / "share"


def test_a_seal_holds_for_what_it_was_set_upon(home: Path) -> None:
    seal = sign(*PARTS)
    assert seal is not None and len(seal) == 64
    assert sign(*PARTS) == seal
    assert is_signed(seal, *PARTS)
    assert not is_signed(seal, "b" * 64, "none")
    assert not is_signed(seal, "a" * 64, "mirror")
    assert not is_signed("0" * 64, *PARTS)
    assert not is_signed(None, *PARTS)


def test_another_secret_knows_nothing_of_it(key: Path) -> None:
    seal = sign(*PARTS)
    key.unlink()
    assert not is_signed(seal, *PARTS)
    assert sign(*PARTS) != seal
    assert not is_signed(seal, *PARTS)


@pytest.mark.skipif(os.name == "nt", reason="needs the permissions of Unix")
def test_nobody_else_may_read_the_secret(key: Path) -> None:
    seal = sign(*PARTS)
    assert key_path() == key
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert [path.name for path in key.parent.iterdir()] == ["seal.key"]
    # Once others could read it, it proves nothing any more.
    key.chmod(0o640)
    assert not is_signed(seal, *PARTS)
    assert sign(*PARTS) is None
    key.chmod(0o600)
    assert is_signed(seal, *PARTS)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_secret_seals_nothing(key: Path, content: bytes) -> None:
    sign(*PARTS)
    key.write_bytes(content)
    assert sign(*PARTS) is None


def test_a_link_or_a_pipe_is_no_secret(key: Path, tmp_path: Path) -> None:
    sign(*PARTS)
    key.rename(tmp_path / "key")
    key.symlink_to(tmp_path / "key")
    assert sign(*PARTS) is None
    key.unlink()
    os.mkfifo(key, 0o600)
    assert sign(*PARTS) is None


def test_without_a_place_for_it_nothing_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", Path("/proc/nowhere")):
        monkeypatch.setenv("XDG_DATA_HOME", str(place))
        assert sign(*PARTS) is None


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs to become another user"
)
def test_a_user_without_a_home_gets_nothing_in_the_working_folder(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "work"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    home = ("HOME", "XDG_DATA_HOME")
    ended = subprocess.run(
        # Imported before: another user may have no way to the package.
        [
            sys.executable,
            "-c",
            "import os, platformdirs.unix, cifarcnn.runs.signature as s;"
            f"os.chdir({str(folder)!r}); os.setuid(54321); print(s.sign())",
        ],
        env={name: text for name, text in os.environ.items() if name not in home},
        capture_output=True,
        text=True,
    )
    assert (ended.stdout, ended.stderr) == ("None\n", "")
    assert not list(folder.iterdir())


def test_processes_that_make_it_at_once_agree(home: Path) -> None:
    code = "from cifarcnn.runs.signature import sign; print(sign('a'))"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    seals = {process.communicate()[0] for process in started}
    assert seals == {f"{sign('a')}\n".encode()}


def test_a_run_from_elsewhere_is_answered_by_keras(
    trained_run: Path, home: Path, tmp_path: Path, call: Callable[..., Any]
) -> None:
    from PIL import Image

    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    run = shutil.copytree(trained_run, tmp_path / "run")
    ended = call("predict", tmp_path / "a.png", "--run", run)
    assert ended.code == 0
    assert (
        f"note: {run}/model.tflite was not written on this machine by you, and is not "
        "run, because such a file can do harm. Keras answers from the checked weights "
        "instead, which takes longer to start.\n"
    ) in ended.err


@pytest.mark.parametrize("place", ["views", "weights_sha256", "sha256", "seal"])
def test_no_part_of_the_entry_can_be_another(
    trained_run: Path, tmp_path: Path, place: str
) -> None:
    run = shutil.copytree(trained_run, tmp_path / "run")
    document = json.loads((run / "manifest.json").read_text())
    other = {"views": "mirror", "seal": None}.get(place, "0" * 64)
    document["litert"][place] = other
    for states in document["weights"].values():
        states.append({**states[0], "sha256": "0" * 64})
    # As a run has it that was written before there was one.
    del document["sha256"]
    document["format"] = 1
    (run / "manifest.json").write_text(json.dumps(document))
    assert open_predictor(run).note == (
        f"{run}/model.tflite was not written on this machine by you, and is not run, "
        "because such a file can do harm."
    )
