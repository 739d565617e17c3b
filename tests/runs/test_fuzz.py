"""Runs changed at random: the very weights that were saved, or a sentence.

``CIFARCNN_FUZZ_EXAMPLES`` says how many of each kind.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.config import load_config
from cifarcnn.errors import ConfigError, RunError
from cifarcnn.runs import DataRecord, EpochRecord, Origin, Run
from cifarcnn.runs.weights import describe_arrays, load_weights, save_weights

EXAMPLES = int(os.environ.get("CIFARCNN_FUZZ_EXAMPLES", "1000"))
WEIGHTS = "weights.safetensors"
DRAWS = np.random.default_rng(0)
ARRAYS = {
    "conv/kernel": DRAWS.normal(size=(3, 3, 3, 8)).astype(np.float32),
    "conv/bias": DRAWS.normal(size=8).astype(np.float32),
    "normalization/mean": DRAWS.normal(size=8).astype(np.float16),
    "counter/steps": np.array(7, np.int64),
}
EXPECTED = describe_arrays(ARRAYS)
ODD: list[Any] = [
    None, True, 0, -1, 1, 2, 10**9, 2**63, 10**30, 1.5, "", "x", "F32", "F16", "I64",
    "BF16", "BOOL", "F64", "conv/bias", "float32", [], {}, [0], [8], [0, 8], [0, 0],
    [8, 0], [2**62, 4], [0, 2**63], "\x1b[2J", "é", ["cat"], {"a": 1},
]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Run:
    config = tmp_path / "given.yaml"
    config.write_text(
        "data: {dataset: synthetic}\n"
        "model: {layers: [Flatten, Dense: {units: 10, activation: softmax}]}\n"
    )
    run = Run.at(tmp_path / "run")
    run.write_config(load_config(config))
    record = DataRecord(name="synthetic", checksum="c0ffee", official=False, notice="n")
    origin = Origin(
        class_names=("cat", "dog"), data=record, versions={"keras": "3.15.1"}
    )
    save_weights(run.path, "selected", ARRAYS, epoch=3, origin=origin)
    run.write_history([EpochRecord(1, 2.25, 0.5, None, None, 0.001, 1.5, 6000.0)])
    run.write_metrics({"smoke": False, "best": {"epoch": 1}})
    return run


def flip(data: bytes, draws: random.Random) -> bytes:
    """From one bit to a few pieces that are other ones."""
    content = bytearray(data)
    kind = draws.randrange(6)
    place = draws.randrange(len(content))
    if kind < 3:
        for _ in range(draws.choice([1, 1, 2, 8])):
            content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
    elif kind == 3:
        del content[place : place + draws.choice([1, 4, 100, len(content)])]
    elif kind == 4:
        start = draws.randrange(len(content))
        content[place:place] = content[start : start + draws.randrange(1, 100)]
    else:
        content[place:place] = draws.randbytes(draws.randrange(1, 20))
    return bytes(content)


def mutate(value: Any, draws: random.Random) -> Any:
    """A JSON document with a few of its values gone, doubled, renamed or replaced."""
    value = copy.deepcopy(value)
    for _ in range(draws.choice([1, 1, 2, 4])):
        owners = [value]
        for owner in owners:
            inner = owner.values() if isinstance(owner, dict) else owner
            owners += [item for item in inner if isinstance(item, dict | list)]
        owner = draws.choice(owners)
        keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
        if not keys:
            continue
        key = draws.choice(keys)
        kind = draws.randrange(6)
        if kind == 0:
            del owner[key]
        elif kind == 1 and isinstance(owner, dict):
            owner[draws.choice(["x", "litert", "__metadata__", "a/b"])] = owner[key]
        elif kind == 2:
            other = draws.choice(owners)
            inner = list(other.values()) if isinstance(other, dict) else other
            owner[key] = copy.deepcopy(draws.choice(inner)) if inner else {}
        elif kind == 3 and isinstance(owner[key], int):
            owner[key] += draws.choice([-1, 1, 4, -8, 2**31])
        else:
            owner[key] = copy.deepcopy(draws.choice(ODD))
    return value


def is_unharmed(run: Run) -> bool:
    """Whether the weights come back, which must then be those that were saved."""
    try:
        stored = load_weights(run.path, "selected", EXPECTED)
    except RunError as error:
        # A path may hold anything, but it is the test's own here.
        assert str(error) and len(str(error)) < 5000
        return False
    assert list(stored.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert stored.arrays[name].tobytes() == array.tobytes()
        assert stored.arrays[name].dtype == array.dtype
    return True


def change_all(
    path: Path, change: Callable[[random.Random], bytes], look: Callable[[], bool]
) -> int:
    """How many changes went through; what a failing one wrote is still at ``path``."""
    draws = random.Random(path.name)
    through = 0
    for _ in range(EXAMPLES):
        path.write_bytes(change(draws))
        through += look()
    return through


@pytest.mark.parametrize("name", [WEIGHTS, "manifest.json", "config.yaml"])
def test_no_change_of_a_file_gives_other_weights(run: Run, name: str) -> None:
    path = run.path / name
    whole = path.read_bytes()
    through = change_all(
        path, lambda draws: flip(whole, draws), lambda: is_unharmed(run)
    )
    assert through < EXAMPLES / 20
    path.write_bytes(whole)
    assert is_unharmed(run)


def test_no_other_manifest_gives_other_weights(run: Run) -> None:
    path = run.path / "manifest.json"
    document = json.loads(path.read_bytes())
    # As a run has it that was written before there was one.
    del document["sha256"]
    document["format"] = 1
    through = change_all(
        path,
        lambda draws: json.dumps(mutate(document, draws)).encode(),
        lambda: is_unharmed(run),
    )
    assert 0 < through < EXAMPLES / 2


def test_a_file_with_right_checksums_and_a_wrong_header_is_seen_through(
    run: Run,
) -> None:
    """The header of safetensors changed, and the manifest made to agree."""
    path, manifest = run.path / WEIGHTS, run.path / "manifest.json"
    data, document = path.read_bytes(), json.loads(manifest.read_bytes())
    length = int.from_bytes(data[:8], "little")
    header, values = json.loads(data[8 : 8 + length]), data[8 + length :]
    # As a run has it that was written before there was one.
    del document["sha256"]
    document["format"] = 1
    (record,) = document["weights"][WEIGHTS]

    def change(draws: random.Random) -> bytes:
        text = json.dumps(mutate(header, draws)).encode()
        size = draws.choice([len(text)] * 4 + [0, 2**32, 2**63, len(text) - 1])
        changed = size.to_bytes(8, "little") + text + values
        if draws.random() < 0.2:
            changed = flip(data, draws)
        record.update(sha256=hashlib.sha256(changed).hexdigest(), bytes=len(changed))
        manifest.write_text(json.dumps(document))
        return changed

    def look() -> bool:
        try:
            stored = load_weights(run.path, "selected", EXPECTED)
        except RunError:
            return False
        # Whoever writes the checksums chooses the values, but nothing else.
        assert describe_arrays(stored.arrays) == EXPECTED
        assert all(np.isfinite(array).all() for array in stored.arrays.values())
        return True

    through = change_all(path, change, look)
    assert through < EXAMPLES / 2


@pytest.mark.parametrize("name", ["history.csv", "metrics.json", "config.yaml"])
def test_the_small_files_are_read_or_refused(run: Run, name: str) -> None:
    path = run.path / name
    whole = path.read_bytes()

    def look() -> bool:
        try:
            if name == "history.csv":
                run.read_history()
            elif name == "metrics.json":
                run.read_metrics()
            else:
                _ = Run(run.path).config
        except (RunError, ConfigError) as error:
            assert str(error)
            return False
        return True

    change_all(path, lambda draws: flip(whole, draws), look)


@pytest.fixture(autouse=True)
def _tidy(tmp_path: Path) -> Any:
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)
