"""Caches are told their size, and cleared."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifarcnn import caches


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def put(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def test_a_cache_that_is_not_there_is_empty(cache: Path) -> None:
    caches.clear("compiled")
    assert caches.size_bytes("compiled") == 0
    assert not cache.exists()


def test_one_is_cleared_and_nothing_else(cache: Path, tmp_path: Path) -> None:
    fetched = put(cache / "cifar-10-binary.tar.gz", 70)
    decoded = put(cache / "decoded" / "synthetic" / "training-images.npy", 5)
    programs = cache / "compiled" / "jax-0.9.0-0123456789ab"
    put(programs / "jit_step-cache", 300)
    put(cache / "compiled" / "tensorflow-2.21.0-0123456789ab" / "step.pb", 4)
    mine = put(tmp_path / "mine" / "thesis.tex", 9)
    (programs / "linked").symlink_to(mine.parent)
    (programs / "thesis.tex").symlink_to(mine)
    assert caches.size_bytes("decoded") == 5
    link_bytes = len(str(mine))  # what a link itself takes, not its target
    assert caches.size_bytes("compiled") == 304 + link_bytes
    caches.clear("compiled")
    assert caches.size_bytes("compiled") == 0
    assert fetched.exists() and decoded.exists() and mine.exists()
    caches.clear("decoded")
    assert fetched.exists() and not decoded.exists()


def test_the_folder_may_begin_with_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("CIFARCNN_CACHE", "~/mine")
    assert caches.cache_folder("decoded") == tmp_path / "mine" / "decoded"
