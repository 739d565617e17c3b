"""What a host finds out by itself is not told after minutes of waiting for others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.config import load_config
from cifarcnn.engine import backend_choice
from cifarcnn.hosts_training import _facts
from cifarcnn.runs import Run
from cifarcnn.training.observer import Observer
from cifarcnn.training.preparation import load_data
from cifarcnn.training.resume import plan_resume

HOSTS = ("--hosts", "127.0.0.1:1,b", "--host-index", 0)


def test_without_jax_nobody_is_waited_for(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_choice, "find_module", lambda name: None)
    # Other tests of this process may have imported it, with another backend.
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    refused = call("train", "-c", "quickstart", "--backend", "jax", *HOSTS)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (
        "error: Several hosts (--hosts) train on JAX, but the Python package jax is "
        "not installed. Install it.\n"
    )


def test_hosts_compare_what_their_checkpoints_hold(trained_run: Path) -> None:
    run = Run(trained_run)
    config = load_config(run.config_path, {"training.epochs": 99})
    plan = plan_resume(run, config)
    assert plan is not None
    data = load_data(config, plan.smoke, False, None, Observer())
    # The checksum of its content is part of its name.
    newest = max(path.name for path in (trained_run / "checkpoint").iterdir())
    assert _facts(config, data, plan)["checkpoint"] == newest
    assert _facts(config, data, None)["checkpoint"] == "none"
