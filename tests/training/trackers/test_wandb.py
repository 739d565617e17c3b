"""When Weights & Biases sends, and when it only writes files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifarcnn.training.trackers.wandb import has_key


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


def test_without_a_key_nothing_can_be_sent(netrc: Path) -> None:
    assert not has_key()
    netrc.write_text("machine example.org login user password secret\n")
    assert not has_key()
    netrc.write_text("no netrc at all\n")
    assert not has_key()


def test_a_login_is_found(netrc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc.write_text("machine api.wandb.ai login user password secret\n")
    netrc.chmod(0o600)
    assert has_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org:8443")
    assert not has_key()
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    assert has_key()
