"""Checkpoints on the disk: whole or not at all, and known when damaged."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.errors import DivergedError, RunError
from cifarcnn.runs import EpochRecord, Run
from cifarcnn.runs.checkpoints import (
    CheckpointState,
    find_checkpoint,
    save_checkpoint,
)
from cifarcnn.runs.file_lock import lock_run
from cifarcnn.runs.weights import describe_arrays

ARRAYS = {
    "model/0000": np.arange(6, dtype=np.float32).reshape(2, 3),
    "model/0001": np.array([1, 2**32 - 1], dtype=np.uint32),
    "optimizer/0000": np.array(7, dtype=np.int64),
}
MakeState = Callable[..., CheckpointState]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.at(tmp_path / "run")


@pytest.fixture
def make_state() -> MakeState:
    def make(epoch: int = 0, step: int = 1, **changes: object) -> CheckpointState:
        values = {
            "config": {"name": "tiny"},
            "data_checksum": "0" * 64,
            "smoke": False,
            "epoch": epoch,
            "step": step,
            "records": tuple(
                EpochRecord(n, 1.5, 0.5, 0.1 + 0.2, 0.25, 1e-3, 2.0, 9.0)
                for n in range(1, epoch + 1)
            ),
            "best_epoch": 1 if epoch else None,
            "metrics": (0.1, 3.0),
            "logs": None,
            "epoch_seconds": 1.25,
            "training_seconds": 4.5,
        }
        return CheckpointState(**{**values, **changes})

    return make


def files(run: Run) -> list[str]:
    """The checkpoints of a run, oldest first, without their checksums."""
    return sorted(path.name[:22] for path in (run.path / "checkpoint").iterdir())


def newest(run: Run) -> Path:
    return max((run.path / "checkpoint").glob("*.safetensors"))


def test_what_was_saved_comes_back_bit_for_bit(run: Run, make_state: MakeState) -> None:
    state = make_state(2, 5)
    save_checkpoint(run.path, state, ARRAYS)
    found, damages = find_checkpoint(run.path)
    assert found is not None
    assert (found.state, damages) == (state, [])
    arrays = found.load(describe_arrays(ARRAYS))
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)


def test_a_run_without_checkpoints_has_none(run: Run) -> None:
    assert find_checkpoint(run.path) == (None, [])
    (run.path / "checkpoint").mkdir()
    assert find_checkpoint(run.path) == (None, [])


def test_the_two_newest_are_kept(run: Run, make_state: MakeState) -> None:
    for epoch, step in [(0, 9), (0, 10), (1, 0), (9, 100_000), (10, 2)]:
        save_checkpoint(run.path, make_state(epoch, step), ARRAYS)
    assert files(run) == ["epoch-0009-step-100000", "epoch-0010-step-000002"]
    found, _ = find_checkpoint(run.path)
    assert found is not None
    assert (found.state.epoch, found.state.step) == (10, 2)


def test_a_damaged_one_is_set_aside_and_the_one_before_is_taken(
    run: Run, make_state: MakeState
) -> None:
    save_checkpoint(run.path, make_state(0, 1), ARRAYS)
    save_checkpoint(run.path, make_state(0, 2), ARRAYS)
    path = newest(run)
    path.write_bytes(path.read_bytes()[:-1])
    found, damages = find_checkpoint(run.path)
    assert found is not None
    assert found.state.step == 1
    assert damages == [
        f"{path} is damaged: its content is not the one in its name. It is set aside "
        f"as {path.name}.damaged."
    ]
    # Those that follow do not stand back behind it.
    save_checkpoint(run.path, make_state(0, 2), ARRAYS)
    found, damages = find_checkpoint(run.path)
    assert found is not None
    assert (found.state.step, damages) == (2, [])


def test_every_flipped_bit_is_noticed(run: Run, make_state: MakeState) -> None:
    save_checkpoint(run.path, make_state(), ARRAYS)
    path = newest(run)
    whole = path.read_bytes()
    chance = np.random.default_rng(0)
    count = int(os.environ.get("CIFARCNN_FUZZ_EXAMPLES", "1000"))
    for place in chance.integers(0, 8 * len(whole), count):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        with pytest.raises(RunError) as caught:
            find_checkpoint(run.path)
        assert str(caught.value) == (
            f"{path} is damaged: its content is not the one in its name. It is set "
            f"aside as {path.name}.damaged. {run.path} has no other checkpoint to go "
            "on from. Begin anew with: cifarcnn train --config "
            f"{run.path / 'config.yaml'}"
        )
    path.write_bytes(whole)
    assert find_checkpoint(run.path)[0] is not None


def test_arrays_of_another_training_are_not_loaded(
    run: Run, make_state: MakeState
) -> None:
    save_checkpoint(run.path, make_state(), ARRAYS)
    found, _ = find_checkpoint(run.path)
    assert found is not None
    expected = describe_arrays(ARRAYS) | {"model/0000": ((3, 3), "float32")}
    with pytest.raises(RunError) as caught:
        found.load(expected)
    assert str(caught.value) == (
        f"{found.path} does not fit the training of config.yaml: the array "
        "'model/0000' is float32 (2, 3), but float32 (3, 3) is needed."
    )


def test_values_that_are_not_finite_are_not_saved(
    run: Run, make_state: MakeState
) -> None:
    save_checkpoint(run.path, make_state(0, 1), ARRAYS)
    broken = {**ARRAYS, "model/0000": np.full((2, 3), np.nan, np.float32)}
    with pytest.raises(DivergedError) as caught:
        save_checkpoint(run.path, make_state(0, 2), broken)
    assert str(caught.value) == (
        f"{run.path / 'checkpoint'} is not written: the array 'model/0000' holds "
        "values that are not finite. The training has diverged; try a smaller learning "
        "rate."
    )
    assert files(run) == ["epoch-0000-step-000001"]


def test_values_that_are_not_finite_are_not_loaded(
    run: Run, make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"model/0000": np.array([np.inf], np.float32)}
    with monkeypatch.context() as patch:
        # As somebody would who made the file without this program.
        patch.setattr("cifarcnn.runs.weights.first_non_finite", lambda arrays: None)
        save_checkpoint(run.path, make_state(), broken)
    found, _ = find_checkpoint(run.path)
    assert found is not None
    with pytest.raises(RunError) as caught:
        found.load(describe_arrays(broken))
    assert str(caught.value) == (
        f"{found.path} holds values that are not finite, first in the array "
        "'model/0000'. Such weights are not loaded. Restore it from a copy of the run, "
        "or train again."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 1, "records": ()},
        {"best_epoch": 5},
        {"epoch": -1},
        {"metrics": (float("nan"),)},
        {"unknown": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_state_that_cannot_be_is_refused(
    run: Run, make_state: MakeState, changes: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="1 validation error for CheckpointState"):
        make_state(**changes)


def test_a_file_that_is_no_checkpoint_is_told(run: Run, make_state: MakeState) -> None:
    import hashlib

    from safetensors.numpy import save

    save_checkpoint(run.path, make_state(0, 1), ARRAYS)
    for content in (b"", b"x" * 100, save(ARRAYS), save(ARRAYS, {"cifarcnn": "{}"})):
        digest = hashlib.sha256(content).hexdigest()
        path = newest(run).with_name(f"epoch-0000-step-000009-{digest}.safetensors")
        path.write_bytes(content)
        with pytest.raises(RunError) as caught:
            find_checkpoint(run.path)
        assert str(caught.value) == (
            f"{path} is not a checkpoint that this version of cifarcnn wrote. Go on "
            "with the version that wrote it."
        )
        # It may be sound to another version, and is left as it is.
        assert path.read_bytes() == content
        path.unlink()


def test_a_link_in_the_place_of_the_folder_leads_nowhere(
    run: Run, make_state: MakeState, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (run.path / "checkpoint").symlink_to(outside)
    message = (
        f"{run.path / 'checkpoint'} is not a plain folder, but a link or a file. "
        "Checkpoints are neither read nor written there; put the folder itself there."
    )
    with pytest.raises(RunError) as caught:
        save_checkpoint(run.path, make_state(), ARRAYS)
    assert str(caught.value) == message
    with pytest.raises(RunError) as caught:
        find_checkpoint(run.path)
    assert str(caught.value) == message
    assert not list(outside.iterdir())


def test_a_folder_that_is_gone_is_told(run: Run, make_state: MakeState) -> None:
    run.path.rename(run.path.with_name("moved"))
    with pytest.raises(RunError) as caught:
        save_checkpoint(run.path, make_state(), ARRAYS)
    assert str(caught.value) == (
        f"{run.path} is not there any more, and what was saved in it is not either: it "
        "was removed or moved, or its disk is gone. If it was moved, go on with "
        "cifarcnn train --resume and its new place."
    )


def test_a_full_disk_leaves_the_checkpoints_of_before(
    run: Run, make_state: MakeState
) -> None:
    save_checkpoint(run.path, make_state(0, 1), ARRAYS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(RunError) as caught:
            save_checkpoint(run.path, make_state(0, 2), ARRAYS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == (
        f"No checkpoint can be written in {run.path / 'checkpoint'}: File too large. "
        "Those of before are unharmed."
    )
    # Nothing half written stays either.
    assert files(run) == ["epoch-0000-step-000001"]
    assert find_checkpoint(run.path)[0] is not None


def test_what_a_killed_process_left_half_written_is_cleared_away(
    run: Run, make_state: MakeState
) -> None:
    save_checkpoint(run.path, make_state(), ARRAYS)
    for folder in (run.path, run.path / "checkpoint"):
        (folder / ".history.csv.abcd1234.tmp").write_text("half")
    with lock_run(run.path):
        find_checkpoint(run.path)
    assert not list(run.path.rglob("*.tmp"))


HOLD = """
import sys, time
from pathlib import Path
from cifarcnn.runs import Run
from cifarcnn.runs.file_lock import lock_run
with lock_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_at_a_time_and_a_killed_one_lets_go(run: Run) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunError) as caught, lock_run(run.path):
            pytest.fail("held twice")
        assert str(caught.value) == (
            f"{run.path} is being trained by another process. Wait for its end, or "
            "stop it."
        )
    finally:
        other.kill()
        other.communicate()
    with lock_run(run.path):
        pass


def test_a_folder_that_cannot_be_written_cannot_be_held(run: Run) -> None:
    run.path.rename(run.path.with_name("moved"))
    run.path.touch()
    with pytest.raises(RunError) as caught, lock_run(run.path):
        pytest.fail("held")
    assert str(caught.value) == f"{run.path} cannot be written: File exists."
