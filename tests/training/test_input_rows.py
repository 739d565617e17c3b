from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.data.selected_rows import select_rows
from cifarcnn.network.weights import to_numpy
from cifarcnn.training import input_rows
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.input_table import InputTable


@pytest.fixture(params=["uint8", "float32", "float16", "int32"])
def arrays(request: Any, tmp_path: Path) -> list[np.ndarray]:
    """One in memory, one in a file, and some rows of that."""
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 99, (n, 5, 7)).astype(request.param) for n in (9, 31)]
    np.save(tmp_path / "second.npy", arrays[1])
    stored = np.load(tmp_path / "second.npy", mmap_mode="r")
    return [arrays[0], stored, select_rows(stored, np.array([30, 2, 17]))]


def test_rows_are_numbered_through_and_never_joined(keras, arrays, monkeypatch):
    joined = np.concatenate([np.asarray(array) for array in arrays])
    rows = InputRows(arrays)
    assert (rows.shape, rows.dtype) == (joined.shape, joined.dtype)
    assert (rows.nbytes, rows.row_bytes) == (joined.nbytes, joined[0].nbytes)
    for index in (np.arange(43), np.array([42, 0, 8, 9, 39, 40]), np.array([3, 1])):
        assert np.array_equal(rows.take(index), joined[index])
        assert np.array_equal(rows.take(index[None]), joined[index][None])
    longer = rows.take(np.array([[42, 1]]), 3)
    assert longer.shape == (3, 2, 5, 7)
    assert np.array_equal(longer[0], joined[[42, 1]])
    monkeypatch.setattr(input_rows, "_PIECE_BYTES", 4 * rows.row_bytes)
    pieces = list(rows.pieces())
    assert [first for first, _ in pieces][:5] == [0, 4, 8, 9, 13]
    assert all(len(piece) <= 4 for _, piece in pieces)
    assert np.array_equal(np.concatenate([piece for _, piece in pieces]), joined)


def test_a_table_is_filled_in_pieces_and_holds_rows_of_any_type(
    keras, arrays, monkeypatch
):
    joined = np.concatenate([np.asarray(array) for array in arrays])
    rows = InputRows(arrays)
    monkeypatch.setattr(input_rows, "_PIECE_BYTES", 4 * rows.row_bytes)
    table = InputTable(rows)
    index = np.array([0, 42, 9, 9], np.int32)
    found = to_numpy(table(index))
    assert found.dtype == joined.dtype
    assert np.array_equal(found, joined[index])
    shape = table.compute_output_spec(keras.KerasTensor((6,), "int32"))
    assert (shape.shape, shape.dtype) == ((6, 5, 7), joined.dtype.name)


@pytest.mark.slow
def test_a_table_takes_the_memory_of_its_rows_once(keras, tmp_path):
    status = Path("/proc/self/status")
    resets = Path("/proc/self/clear_refs")
    if not resets.exists():
        pytest.skip("this system does not tell how much memory was taken at most")

    def memory(field: str) -> int:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return 1024 * int(lines[field].split()[0])

    shape = (4000, 160, 160, 3)
    stored = np.lib.format.open_memmap(tmp_path / "i.npy", "w+", np.uint8, shape)
    stored[-1] = 9
    stored.flush()
    del stored
    mapped = np.load(tmp_path / "i.npy", mmap_mode="r")
    rows = InputRows([select_rows(mapped, np.arange(4000)[::-1])])
    InputTable(InputRows([np.zeros((3, 2), np.uint8)]))(np.array([0], np.int32))
    resets.write_text("5")
    before = memory("VmRSS")
    table = InputTable(rows)
    assert to_numpy(table(np.array([0, 1], np.int32)))[:, 0, 0, 0].tolist() == [9, 0]
    # 307 MB; a second copy would take as much again. What is read of the file counts
    # for nothing, since it is not mapped.
    assert memory("VmHWM") - before < 1.4 * rows.nbytes
