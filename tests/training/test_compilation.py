"""Who is told of a compilation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.engine import compilation_cache
from cifarcnn.training.compilation import compilation_told
from cifarcnn.training.observer import Observer

CONFIG = """
name: small
data: {dataset: synthetic}
model: {layers: [Flatten, {Dense: {units: 10, activation: softmax}}]}
"""
# JAX is there before it is told where to keep programs, as in a notebook.
SCRIPT = """
import collections, json, sys
import cifarcnn, jax
from cifarcnn.errors import RunError
from cifarcnn.training.observer import Observer

def no_litert(*arguments):
    raise RunError("another process would make it, with TensorFlow.")

class Listener(Observer):
    heard = []
    def training_started(self, plan):
        from cifarcnn.training import run_files
        run_files.convert_run = no_litert
        self.heard.append("training started")
    def compilation_started(self): self.heard.append("compilation started")
    def compilation_ended(self, seconds): self.heard.append("compilation ended")
    def batch_ended(self, epoch, step, logs): self.heard.append("batch ended")

events = collections.Counter()
jax.monitoring.register_event_listener(
    lambda event, **_: events.update([event.rpartition("/")[2]])
)
config = cifarcnn.load_config(sys.argv[1])
run = cifarcnn.train(config, sys.argv[2], smoke=True, observer=Listener()).run
print(json.dumps({
    "found": events["cache_hits"], "kept": events["cache_misses"],
    "heard": Listener.heard[:4], "tensorflow": "tensorflow" in sys.modules,
}))
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_a_training_on_jax_is_compiled_once_and_does_without_tensorflow(
    tmp_path: Path,
) -> None:
    (tmp_path / "small.yaml").write_text(CONFIG)
    told: list[dict[str, Any]] = []
    for name in ("first", "second"):
        arguments = [str(tmp_path / "small.yaml"), str(tmp_path / name)]
        cache = str(tmp_path / "cache")
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *arguments],
            env={**os.environ, "KERAS_BACKEND": "jax", "CIFARCNN_CACHE": cache},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout))
    first, second = told
    assert first["kept"] > 0
    assert second["kept"] == 0 and second["found"] == first["found"] + first["kept"]
    for each in told:
        assert each["heard"] == [
            "training started",
            "compilation started",
            "compilation ended",
            "batch ended",
        ]
        assert not each["tensorflow"]
    weights = [
        (tmp_path / name / "weights.safetensors") for name in ("first", "second")
    ]
    assert weights[0].read_bytes() == weights[1].read_bytes()


class Listener(Observer):
    def __init__(self) -> None:
        self.heard: list[object] = []

    def compilation_started(self) -> None:
        self.heard.append("started")

    def compilation_ended(self, seconds: float) -> None:
        self.heard.append(seconds)


def test_what_xla_compiles_is_told_and_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilation_cache, "_used", {tmp_path})
    listener = Listener()
    with compilation_told(listener, by_xla=True):
        assert listener.heard == ["started"]
        (tmp_path / "program").write_bytes(b"code")
    _, seconds = listener.heard
    assert isinstance(seconds, float) and seconds >= 0
    assert (tmp_path / "program.sha256").exists()


def test_nothing_is_told_without_xla() -> None:
    listener = Listener()
    with compilation_told(listener, by_xla=False):
        pass
    assert listener.heard == []


def test_a_compilation_that_fails_has_no_end() -> None:
    listener = Listener()
    with pytest.raises(MemoryError), compilation_told(listener, by_xla=True):
        raise MemoryError
    assert listener.heard == ["started"]
