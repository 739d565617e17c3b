"""Weights come back as they were written, or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from cifarcnn.config import load_config
from cifarcnn.errors import RunError
from cifarcnn.runs import DataRecord, Origin, Run, weights
from cifarcnn.runs.manifest import read_manifest
from cifarcnn.runs.weights import ArraySpec, describe_arrays, load_weights, save_weights

Arrays = dict[str, np.ndarray[Any, Any]]

RESTORE = "Restore it from a copy of the run, or train again."
ORIGIN = Origin(
    class_names=("cat", "dog"),
    data=DataRecord(
        name="synthetic", checksum="c0ffee", official=False, notice="drawn"
    ),
    versions={"keras": "3.15.1"},
)


def make_arrays(seed: int = 0) -> Arrays:
    generator = np.random.default_rng(seed)
    return {
        "conv/kernel": generator.normal(size=(3, 3, 3, 4)).astype(np.float32),
        "conv/bias": generator.normal(size=4).astype(np.float32),
        "counter/steps": np.array(7, np.int64),
    }


@pytest.fixture
def arrays() -> Arrays:
    return make_arrays()


@pytest.fixture
def expected(arrays: Arrays) -> dict[str, ArraySpec]:
    return describe_arrays(arrays)


@pytest.fixture
def run(tmp_path: Path, arrays: Arrays) -> Run:
    config = tmp_path / "given.yaml"
    config.write_text(
        "data: {dataset: synthetic}\n"
        "model: {layers: [Flatten, Dense: {units: 10, activation: softmax}]}\n"
    )
    run = Run.at(tmp_path / "run")
    run.write_config(load_config(config))
    save_weights(run.path, "selected", arrays, epoch=3, origin=ORIGIN)
    return run


def replace_weights(run: Run, arrays: Arrays) -> None:
    """Weights and manifest of a stranger, who got every checksum right."""
    data = save_safetensors(arrays)
    (run.path / "weights.safetensors").write_bytes(data)
    edit_manifest(
        run,
        lambda entry: entry.update(
            sha256=hashlib.sha256(data).hexdigest(), bytes=len(data)
        ),
    )


def edit_manifest(run: Run, change: Callable[[dict[str, Any]], object]) -> None:
    path = run.path / "manifest.json"
    content = json.loads(path.read_text())
    change(content["weights"]["weights.safetensors"][0])
    # As a run has it that was written before there was one.
    del content["sha256"]
    content["format"] = 1
    path.write_text(json.dumps(content))


def refusal(run: Run, expected: dict[str, ArraySpec]) -> str:
    with pytest.raises(RunError) as caught:
        load_weights(run.path, "selected", expected)
    return str(caught.value)


def test_arrays_come_back_bit_for_bit_in_order(
    run: Run, arrays: Arrays, expected: dict[str, ArraySpec]
) -> None:
    stored = load_weights(run.path, "selected", expected)
    assert list(stored.arrays) == list(arrays)
    for name, array in arrays.items():
        assert stored.arrays[name].tobytes() == array.tobytes()
        assert stored.arrays[name].dtype == array.dtype
        assert stored.arrays[name].shape == array.shape
    data = (run.path / "weights.safetensors").read_bytes()
    assert stored.epoch == 3
    assert stored.sha256 == hashlib.sha256(data).hexdigest()


def test_the_file_opens_with_safetensors_alone(run: Run, arrays: Arrays) -> None:
    found = load_safetensors((run.path / "weights.safetensors").read_bytes())
    assert set(found) == set(arrays)


def test_arrays_that_do_not_lie_in_c_order_keep_their_values(run: Run) -> None:
    square = np.arange(6, dtype=np.float32).reshape(2, 3)
    save_weights(run.path, "last", {"a": square.T}, epoch=1, origin=ORIGIN)
    found = load_weights(run.path, "last", {"a": ((3, 2), "float32")}).arrays["a"]
    assert found.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_the_manifest_tells_what_was_trained_on_what(run: Run, arrays: Arrays) -> None:
    save_weights(run.path, "last", arrays, epoch=5, origin=ORIGIN)
    manifest = json.loads((run.path / "manifest.json").read_text())
    config = hashlib.sha256(run.config_path.read_bytes()).hexdigest()
    assert manifest["format"] == 2
    assert manifest["config_sha256"] == config
    assert manifest["origin"] == {
        "class_names": ["cat", "dog"],
        "data": {
            "name": "synthetic",
            "checksum": "c0ffee",
            "official": False,
            "notice": "drawn",
        },
        "versions": {"keras": "3.15.1"},
    }
    assert set(manifest["weights"]) == {"weights.safetensors", "last.safetensors"}
    (best,) = manifest["weights"]["weights.safetensors"]
    data = (run.path / "weights.safetensors").read_bytes()
    assert best["sha256"] == hashlib.sha256(data).hexdigest()
    assert best["bytes"] == len(data)
    assert best["epoch"] == 3
    assert list(best["arrays"]) == ["conv/kernel", "conv/bias", "counter/steps"]
    assert best["arrays"]["conv/kernel"] == {"shape": [3, 3, 3, 4], "dtype": "float32"}
    assert read_manifest(run.path).origin == ORIGIN


def test_best_and_last_are_kept_apart(
    run: Run, arrays: Arrays, expected: dict[str, ArraySpec]
) -> None:
    save_weights(run.path, "last", make_arrays(1), epoch=4, origin=ORIGIN)
    best = load_weights(run.path, "selected", expected)
    last = load_weights(run.path, "last", expected)
    assert (best.epoch, last.epoch) == (3, 4)
    assert not np.array_equal(best.arrays["conv/bias"], last.arrays["conv/bias"])


@pytest.mark.parametrize("writes_before_the_kill", [0, 1, 2, 3])
def test_a_kill_between_two_writes_leaves_old_or_new_weights(
    run: Run,
    expected: dict[str, ArraySpec],
    writes_before_the_kill: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = weights.write_file
    written: list[Path] = []

    def write(path: Path, data: bytes) -> None:
        if len(written) == writes_before_the_kill:
            raise KeyboardInterrupt
        written.append(path)
        whole(path, data)

    monkeypatch.setattr(weights, "write_file", write)
    try:
        save_weights(run.path, "selected", make_arrays(1), epoch=4, origin=ORIGIN)
    except KeyboardInterrupt:
        assert writes_before_the_kill < 3
    stored = load_weights(run.path, "selected", expected)
    new = writes_before_the_kill >= 2
    assert stored.epoch == (4 if new else 3)
    assert np.array_equal(
        stored.arrays["conv/bias"], make_arrays(1 if new else 0)["conv/bias"]
    )
    monkeypatch.undo()
    save_weights(run.path, "selected", make_arrays(2), epoch=5, origin=ORIGIN)
    assert load_weights(run.path, "selected", expected).epoch == 5
    assert len(read_manifest(run.path).weights["weights.safetensors"]) == 1


def test_a_kill_before_the_first_weights_is_said(
    run: Run, expected: dict[str, ArraySpec]
) -> None:
    (run.path / "weights.safetensors").unlink()
    assert refusal(run, expected) == (
        f"{run.path} has no trained weights to load: weights.safetensors is missing. "
        "Either the training stopped before it saved any, or the file was removed. "
        "Train again, or name another run with --run DIR."
    )


def test_a_run_without_a_manifest_has_no_weights(
    run: Run, expected: dict[str, ArraySpec]
) -> None:
    (run.path / "manifest.json").unlink()
    assert refusal(run, expected) == (
        f"{run.path} has no trained weights to load: manifest.json is missing. Either "
        "the training stopped before it saved any, or the file was removed. Train "
        "again, or name another run with --run DIR."
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_not_written(
    run: Run, arrays: Arrays, expected: dict[str, ArraySpec], bad: float
) -> None:
    broken = {**arrays, "conv/bias": np.array([0, 1, bad, 2], np.float32)}
    with pytest.raises(RunError) as caught:
        save_weights(run.path, "selected", broken, epoch=4, origin=ORIGIN)
    assert str(caught.value) == (
        f"{run.path / 'weights.safetensors'} is not written: the array 'conv/bias' "
        "holds values that are not finite. The training has diverged; try a smaller "
        "learning rate."
    )
    assert load_weights(run.path, "selected", expected).epoch == 3


def test_weights_that_are_not_finite_are_not_loaded(
    run: Run, arrays: Arrays, expected: dict[str, ArraySpec]
) -> None:
    replace_weights(run, {**arrays, "conv/bias": np.full(4, np.nan, np.float32)})
    assert refusal(run, expected) == (
        f"{run.path / 'weights.safetensors'} holds values that are not finite, first "
        f"in the array 'conv/bias'. Such weights are not loaded. {RESTORE}"
    )


def test_no_flipped_byte_goes_unnoticed(
    run: Run, expected: dict[str, ArraySpec]
) -> None:
    path = run.path / "weights.safetensors"
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        digest = hashlib.sha256(damaged).hexdigest()
        assert refusal(run, expected) == (
            f"{path} is not the file that was written: its SHA-256 begins with "
            f"{digest[:12]}, which manifest.json does not list for it. It was damaged "
            f"or replaced, and is not loaded. {RESTORE}"
        )


@pytest.mark.parametrize("length", [0, 1, 8, 100, -1])
def test_a_file_cut_short_is_not_loaded(
    run: Run, expected: dict[str, ArraySpec], length: int
) -> None:
    path = run.path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert "is not the file that was written" in refusal(run, expected)


def test_a_file_of_another_size_class_is_not_even_read(
    run: Run, expected: dict[str, ArraySpec]
) -> None:
    path = run.path / "weights.safetensors"
    with path.open("r+b") as file:
        file.truncate(8 * 1024**3)  # a hole: takes no space on the disk
    limit = (3 * 3 * 3 * 4 + 4) * 4 + 8 + 1024 + 3 * 200 + 20 * 5 + 12 * (11 + 9 + 13)
    assert refusal(run, expected) == (
        f"{path} has 8,589,934,592 bytes, but at most {limit:,} are expected there. "
        "It is not loaded."
    )


def test_weights_that_are_a_link_are_not_followed(
    run: Run, expected: dict[str, ArraySpec], tmp_path: Path
) -> None:
    path = run.path / "weights.safetensors"
    os.replace(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert refusal(run, expected) == (
        f"{path} is not a plain file. The files of a run are never links, folders or "
        "devices; put the file itself there."
    )


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"conv/bias": None}, "the array 'conv/bias' is missing"),
        ({"extra": np.zeros(2, np.float32)}, "the array 'extra' is not part of it"),
        (
            {"conv/bias": np.zeros(5, np.float32)},
            "the array 'conv/bias' is float32 (5,), but float32 (4,) is needed",
        ),
        (
            {"conv/bias": np.zeros(4, np.float64)},
            "the array 'conv/bias' is float64 (4,), but float32 (4,) is needed",
        ),
    ],
    ids=["missing", "extra", "shape", "dtype"],
)
def test_other_arrays_are_named_in_the_manifest_and_in_the_file(
    run: Run,
    arrays: Arrays,
    expected: dict[str, ArraySpec],
    change: dict[str, Any],
    difference: str,
) -> None:
    changed = {**arrays, **change}
    changed = {name: array for name, array in changed.items() if array is not None}
    replace_weights(run, changed)
    assert refusal(run, expected) == (
        f"{run.path / 'weights.safetensors'} does not fit the network of config.yaml: "
        f"{difference}."
    )
    save_weights(run.path, "selected", changed, epoch=1, origin=ORIGIN)
    assert refusal(run, expected) == (
        f"{run.path / 'manifest.json'} does not fit the network of config.yaml: "
        f"{difference}. {RESTORE}"
    )


def hdf5_that_leads_out() -> bytes:
    """What Keras would read as weights: here they lie in another file."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["conv/kernel"] = h5py.ExternalLink("/etc/passwd", "/")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        hdf5_that_leads_out(),
        pickle.dumps({"conv/bias": print}),
        b"not safetensors at all",
        (2**60).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
    ],
)
def test_a_file_of_another_kind_is_refused_though_its_checksum_is_right(
    run: Run, expected: dict[str, ArraySpec], data: bytes
) -> None:
    path = run.path / "weights.safetensors"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    edit_manifest(run, lambda entry: entry.update(sha256=digest))
    assert refusal(run, expected) == (
        f"{path} is damaged: it is not a safetensors file of arrays that NumPy knows. "
        f"{RESTORE}"
    )


def test_element_types_that_numpy_lacks_are_refused(
    run: Run, expected: dict[str, ArraySpec]
) -> None:
    header = b'{"conv/bias":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}'
    data = len(header).to_bytes(8, "little") + header + bytes(8)
    (run.path / "weights.safetensors").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    edit_manifest(run, lambda entry: entry.update(sha256=digest))
    assert "arrays that NumPy knows" in refusal(run, expected)


def test_a_changed_config_does_not_get_the_weights(
    run: Run, expected: dict[str, ArraySpec]
) -> None:
    text = run.config_path.read_text().replace("use_bias: true", "use_bias: false")
    run.config_path.write_text(f"{text}# changed\n")
    assert refusal(run, expected) == (
        f"{run.config_path} is not the config that the weights were trained with: its "
        "SHA-256 differs from the one in manifest.json. Undo the change, or train "
        "again with the new config."
    )


def test_a_manifest_of_a_later_format_asks_for_a_later_program(run: Run) -> None:
    path = run.path / "manifest.json"
    content = json.loads(path.read_text())
    content["format"] = 3
    del content["sha256"]
    path.write_text(json.dumps(content))
    with pytest.raises(RunError) as caught:
        read_manifest(run.path)
    assert str(caught.value) == (
        f"{path} has the format 3, but this version of cifarcnn reads format 2. Load "
        "the run with the version that wrote it."
    )


@pytest.mark.parametrize(
    ("found", "replacement", "place"),
    [
        ('"checksum": "c0ffee"', '"checksum": 7', "origin.data.checksum"),
        ('"official": false', '"official": 0', "origin.data.official"),
        ('"notice": "drawn"', '"notes": "drawn"', "origin.data.notice"),
        ('"epoch": 3', '"epoch": -3', "weights.weights.safetensors.0.epoch"),
        ('"sha256": "', '"sha256": "x', "weights.weights.safetensors.0.sha256"),
        (
            '"dtype": "int64"',
            '"dtype": "os.system"',
            "weights.weights.safetensors.0.arrays.counter/steps.dtype",
        ),
    ],
)
def test_a_damaged_manifest_is_named_with_the_place(
    run: Run, found: str, replacement: str, place: str
) -> None:
    path = run.path / "manifest.json"
    content = json.loads(path.read_text())
    # As a run has it that was written before there was one.
    del content["sha256"]
    content["format"] = 1
    text = json.dumps(content)
    assert found in text
    path.write_text(text.replace(found, replacement))
    with pytest.raises(RunError) as caught:
        read_manifest(run.path)
    assert str(caught.value) == (
        f"{path} is damaged: `{place}` is missing, unknown or not what belongs there. "
        f"{RESTORE}"
    )


def test_no_damage_to_the_manifest_gives_other_weights_or_a_traceback(
    run: Run, arrays: Arrays, expected: dict[str, ArraySpec]
) -> None:
    path = run.path / "manifest.json"
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    loaded = 0
    for place in generator.integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(generator.integers(0, 8))
        path.write_bytes(damaged)
        try:
            stored = load_weights(run.path, "selected", expected)
        except RunError:
            continue
        loaded += 1
        for name, array in arrays.items():
            assert np.array_equal(stored.arrays[name], array)
    assert loaded < 150


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
def test_a_full_disk_leaves_the_weights_that_were_there(
    run: Run, expected: dict[str, ArraySpec]
) -> None:
    # RLIMIT_FSIZE fails a write in its middle, as a full disk does.
    code = (
        "import resource, sys\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from cifarcnn.errors import RunError\n"
        "from cifarcnn.runs import Run\n"
        "from cifarcnn.runs.manifest import read_manifest\n"
        "from cifarcnn.runs.weights import save_weights\n"
        "run = Run(Path(sys.argv[1]))\n"
        "arrays = {'a': np.zeros(10_000, np.float32)}\n"
        "origin = read_manifest(run.path).origin\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))\n"
        "try: save_weights(run.path, 'selected', arrays, epoch=4, origin=origin)\n"
        "except RunError as error: print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(run.path)], capture_output=True, text=True
    )
    assert result.stdout == (
        f"{run.path / 'weights.safetensors'} cannot be written: File too large. What "
        "stood there before is unharmed.\n"
    )
    assert result.stderr == ""
    assert load_weights(run.path, "selected", expected).epoch == 3
    assert sorted(path.name for path in run.path.iterdir()) == [
        "config.yaml",
        "manifest.json",
        "weights.safetensors",
    ]


def test_what_is_stored_as_float16_is_widened(
    run: Run, arrays: Arrays, expected: dict[str, ArraySpec]
) -> None:
    small = {
        name: array.astype(np.float16) if array.dtype == np.float32 else array
        for name, array in arrays.items()
    }
    save_weights(run.path, "selected", small, epoch=1, origin=ORIGIN)
    loaded = load_weights(run.path, "selected", expected).arrays
    assert describe_arrays(loaded) == expected
    for name, array in small.items():
        np.testing.assert_array_equal(loaded[name], array)
