"""``manifest.json`` is used as it was written, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.errors import RunError
from cifarcnn.runs.manifest import hash_config, read_manifest

DAMAGED = (
    "is not the file that was written: its content does not have the SHA-256 that "
    "stands in it. It was damaged or edited, and is not used. Restore it from a copy "
    "of the run, or train again."
)


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_run, tmp_path / "run"))


def swap_names(run: Path) -> dict[str, Any]:
    """What the manifest says with the names of two classes swapped."""
    content: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    names = content["origin"]["class_names"]
    names[3], names[5] = names[5], names[3]
    return content


@pytest.mark.parametrize(
    "command",
    ["predict {image} --run {run}", "evaluate --run {run}", "explain --run {run}",
     "explain {image} --run {run}", "train --resume {run}",
     "train --resume {run} --set training.epochs=3"],
)  # fmt: skip
def test_every_command_refuses_swapped_names(
    run: Path, command: str, call: Callable[..., Any], tmp_path: Path
) -> None:
    image = tmp_path / "a.png"
    Image.new("RGB", (32, 32), "red").save(image)
    (run / "manifest.json").write_text(json.dumps(swap_names(run)))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    ended = call(*command.format(run=run, image=image).split())
    assert ended.code == 1 and ended.out == ""
    assert ended.err == f"error: {run / 'manifest.json'} {DAMAGED}\n"
    after = {path: path.read_bytes() for path in before}
    assert after == before


def test_python_refuses_swapped_names(run: Path) -> None:
    (run / "manifest.json").write_text(json.dumps(swap_names(run)))
    for load in (cifarcnn.load_run, cifarcnn.resume):
        with pytest.raises(RunError) as caught:
            load(run, device="cpu")
        assert str(caught.value) == f"{run / 'manifest.json'} {DAMAGED}"


def test_no_flipped_bit_says_anything_else(run: Path) -> None:
    path = run / "manifest.json"
    whole, expected = path.read_bytes(), read_manifest(run)
    draws = np.random.default_rng(1)
    last = range(len(whole) - 120, len(whole))
    places = [*draws.integers(0, len(whole), 1500), *last]
    refused = 0
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << int(draws.integers(0, 8))
        path.write_bytes(changed)
        try:
            # Another kind of white space between two entries says the same.
            assert read_manifest(run) == expected
        except RunError:
            refused += 1
    assert refused > 0.7 * len(places)


def test_another_layout_of_the_same_content_is_no_damage(run: Path) -> None:
    path, expected = run / "manifest.json", read_manifest(run)
    path.write_text(json.dumps(json.loads(path.read_text()), separators=(",", ":")))
    assert read_manifest(run) == expected


def test_a_run_of_before_there_were_checksums_is_still_read(
    run: Path, call: Callable[..., Any]
) -> None:
    content = swap_names(run)
    del content["sha256"]
    content["format"] = 1
    path = run / "manifest.json"
    path.write_text(json.dumps(content))
    names = cifarcnn.load_run(run, device="cpu").class_names
    assert (names[3], names[5]) == ("dog", "cat")
    # It gets one when it is next written.
    ended = call("train", "--resume", run, "--set", "training.epochs=3")
    assert ended.code == 0
    written = json.loads(path.read_text())
    assert len(written["sha256"]) == 64
    assert written["format"] == 2


@pytest.mark.parametrize("key", ["", "sha512", "Sha256"])
def test_a_checksum_that_is_gone_does_not_make_a_run_one_of_before(
    run: Path, key: str
) -> None:
    content = swap_names(run)
    checksum = content.pop("sha256")
    if key:
        content[key] = checksum
    (run / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match="is not the file that was written"):
        read_manifest(run)


def test_a_folder_that_is_gone_is_told_and_not_one_of_its_files(run: Path) -> None:
    (run / "config.yaml").unlink()
    with pytest.raises(RunError, match="config.yaml cannot be read: No such file"):
        hash_config(run)
    run.rename(run.with_name("moved"))
    with pytest.raises(RunError, match="is not there any more, and what was saved"):
        hash_config(run)
