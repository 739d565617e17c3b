"""What ``train`` would compute on: its own start, in a process of its own.

``python -m cifarcnn.doctor.probe_training DEVICE``
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, cast

from cifarcnn.doctor.probe import Probe
from cifarcnn.engine import DeviceChoice, choose_precision, start


def main(probe: Probe, device: DeviceChoice) -> dict[str, Any]:
    """The device that was started, and the precision that ``auto`` takes on it."""
    probe.stage("start")
    started = start(device)
    # And whatever else a training needs must be there.
    probe.stage("import")
    importlib.import_module("cifarcnn.training.trainer")
    return {
        "device": started.kind,
        "backend": started.backend,
        "description": started.description,
        "note": started.note,
        "precision_auto": choose_precision("auto", started),
    }


if __name__ == "__main__":
    probe = Probe()
    probe.run(lambda: main(probe, cast("DeviceChoice", sys.argv[1])))
