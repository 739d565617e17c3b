from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from cifarcnn.installed import find_module, installed_version


def test_a_package_has_a_version_by_its_name_for_pip() -> None:
    assert installed_version("PyYAML")
    assert installed_version("no-such-package") is None


def test_a_module_is_found_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "harmful.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find_module("harmful")
    assert found is not None and found.origin == str(tmp_path / "harmful.py")
    assert find_module("no_such_module") is None


def test_a_stand_in_is_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = ModuleType("stand_in")
    stand_in.__spec__ = None
    monkeypatch.setitem(sys.modules, "stand_in", stand_in)
    assert find_module("stand_in") is None
    monkeypatch.setitem(sys.modules, "stand_in", None)
    assert find_module("stand_in") is None
