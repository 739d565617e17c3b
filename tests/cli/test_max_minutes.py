"""``train --max-minutes``: a training that ends in time, and goes on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

# Far more epochs than there is time for.
CONFIG = """\
name: tiny
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - Flatten
    - Dense: {units: 10, activation: softmax}
training: {epochs: 5000, batch_size: 32}
"""


def test_it_ends_in_time_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., Any]
):
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    wrong = call("train", "--config", "tiny.yaml", "--max-minutes", "soon")
    assert wrong.code == 2 and "training.max_minutes: expected a number" in wrong.err

    begun = time.perf_counter()
    given = ("--config", "tiny.yaml", "--max-minutes", 0.02, "--device", "cpu")
    ended = call("train", *given)
    # 1.2 seconds for the steps; the start and the saving take what they take.
    assert time.perf_counter() - begun >= 1
    assert (ended.code, ended.out) == (0, "runs/tiny-1\n")
    stopped, go_on = ended.err.splitlines()[-2:]
    left = re.search(
        r"The 0\.02 minutes of training\.max_minutes are over; ([\d,]+) of 1,410,000 "
        r"steps are left\.",
        stopped,
    )
    assert left and 0 < int(left[1].replace(",", "")) < 1_410_000
    assert go_on == "Go on with: cifarcnn train --resume runs/tiny-1"
    assert call("evaluate", "--split", "validation").code == 0

    again = call("train", "--resume", "runs/tiny-1", "--max-minutes", 0.01)
    assert (again.code, again.out) == (0, "runs/tiny-1\n")
    assert "note: training.max_minutes was 0.02, is 0.01 now" in again.err
    further = re.search(r"over; ([\d,]+) of", again.err)
    assert further
    # Fewer, unless the machine is so busy that the start took all of the time.
    assert int(further[1].replace(",", "")) <= int(left[1].replace(",", ""))
    assert "resumed: " in again.err
