"""Who is told of a compilation."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifarcnn.engine import compilation_cache
from cifarcnn.training.compilation import compilation_told
from cifarcnn.training.observer import Observer


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
