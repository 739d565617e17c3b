"""Weights & Biases: files in the folder of the run, which a user with a key sends."""

from __future__ import annotations

import contextlib
import netrc
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cifarcnn.runs.history import EpochRecord
from cifarcnn.runs.tracking_file import WANDB
from cifarcnn.training.trackers.tracker import Ending, TrackedRun
from cifarcnn.training.trackers.wandb_file import read_last_step, wait_for_end

# As W&B itself does: 255 stands for a user who stopped it.
_EXIT_CODES = {"finished": 0, "stopped": 255, "failed": 1}


class WandbTracker:
    """Keeps config and figures; nothing about the machine, and no pictures."""

    def __init__(self, tracked: TrackedRun) -> None:
        self._tracked = tracked
        self._run: Any = None

    def open(self, told: int, done: int) -> int:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        if self._run is not None:
            with contextlib.suppress(Exception):
                self._run.finish(exit_code=1)
        tracked = self._tracked
        last_step = read_last_step(tracked.path / WANDB, tracked.id)
        # Nobody is asked for a key. With one W&B decides, as `wandb offline` may have.
        mode: Any = os.environ.get("WANDB_MODE") or (None if has_key() else "offline")
        self._run = run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or tracked.experiment,
            id=tracked.id,
            name=tracked.name,
            group=tracked.group,
            config=dict(tracked.config),
            tags=["smoke"] if tracked.smoke else None,
            dir=str(tracked.path),
            mode=mode,
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(
                console="off",
                silent=True,
                disable_code=True,
                disable_git=True,
                finish_timeout=60,
                finish_timeout_raises=True,
                host="none",
                init_timeout=30,
                x_disable_machine_info=True,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )
        if run.offline or run.disabled:
            # Without a file they were sent, and then removed.
            return told if last_step is None else last_step
        # The server knows better. W&B counts steps from 0, and says which is next.
        return run.step - 1 if run.resumed else 0

    def log(self, records: Sequence[EpochRecord]) -> None:
        for record in records:
            figures = asdict(record)
            known = {
                name: value for name, value in figures.items() if value is not None
            }
            self._run.log(known, step=record.epoch)

    def close(self, ending: Ending) -> None:
        file = Path(self._run.dir).parent / f"run-{self._tracked.id}.wandb"
        self._run.finish(exit_code=_EXIT_CODES[ending])
        if self._run.offline:
            wait_for_end(file)


def has_key() -> bool:
    """Whether ``wandb login`` was done here."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    server = os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai"
    with contextlib.suppress(OSError, netrc.NetrcParseError):
        file = netrc.netrc(os.environ.get("NETRC"))
        return file.authenticators(urlsplit(server).hostname or "") is not None
    return False
