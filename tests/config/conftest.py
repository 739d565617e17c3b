"""A config written to a file and checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.config import Checked, check_config

Check = Callable[..., Checked]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Check a text as the file ``c.yaml``, with settings as ``--set`` takes them."""
    monkeypatch.chdir(tmp_path)

    def run(text: str | bytes, *settings: str) -> Checked:
        data = text.encode() if isinstance(text, str) else text
        Path("c.yaml").write_bytes(data)
        return check_config("c.yaml", list(settings))

    return run
