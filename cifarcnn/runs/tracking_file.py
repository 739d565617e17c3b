"""``tracking.json``: where other programs have got to with the figures of a run."""

from __future__ import annotations

import json
import re
import threading
import uuid
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.runs.safe_io import RESTORE_HINT, read_json, write_file

TRACKING = "tracking.json"
# Folders that TensorBoard's and W&B's own files lie in.
TENSORBOARD = "tensorboard"
WANDB = "wandb"
_LIMIT = 64 * 1024


class TrackingFile:
    """The file of one run, made when it is first tracked; several threads may use it.

    Attributes:
        id: What the run is known by, wherever it is tracked.
    """

    def __init__(self, run: Path) -> None:
        """Read the file, or make it.

        Raises:
            RunError: It is damaged, or cannot be written.
        """
        self._path = run / TRACKING
        self._lock = threading.Lock()
        if self._path.exists():
            self.id, self._epochs = _read(self._path)
        else:
            self.id, self._epochs = uuid.uuid4().hex[:16], {}
            self._write()

    def epochs(self, tracker: str) -> int:
        """How many epochs a tracker was told of."""
        return self._epochs.get(tracker, 0)

    def keep_epochs(self, tracker: str, epochs: int) -> None:
        """Note how many epochs a tracker was told of.

        Raises:
            RunError: The file cannot be written.
        """
        with self._lock:
            if self._epochs.get(tracker, 0) != epochs:
                self._epochs[tracker] = epochs
                self._write()

    def _write(self) -> None:
        content = {"id": self.id, "epochs": self._epochs}
        write_file(self._path, (json.dumps(content, indent=2) + "\n").encode())


def _read(path: Path) -> tuple[str, dict[str, int]]:
    content = read_json(path, _LIMIT)
    name, epochs = content.get("id"), content.get("epochs")
    if (
        not isinstance(name, str)
        or not re.fullmatch("[0-9a-f]{16}", name)
        or not isinstance(epochs, dict)
        or not all(type(count) is int and count >= 0 for count in epochs.values())
    ):
        raise RunError(
            f"{path} is damaged: `id` is no id, or `epochs` has no numbers. "
            f"{RESTORE_HINT}"
        )
    return name, epochs
