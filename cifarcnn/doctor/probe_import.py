"""Whether a module can be imported: ``python -m cifarcnn.doctor.probe_import NAME``."""

from __future__ import annotations

import importlib
import sys

from cifarcnn.doctor.probe import Probe

if __name__ == "__main__":
    probe = Probe()
    probe.stage("import")
    probe.run(lambda: bool(importlib.import_module(sys.argv[1])))
