"""Writes what `cifarcnn check` says of every wrong config into the file beside it.

python tests/mistakes/rewrite.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "configs"
CHECK = "from cifarcnn.cli.main import main; main()"


def rewrite() -> None:
    """Run the command once for each config, in its folder."""
    for config in sorted(FOLDER.glob("*.yaml")):
        done = subprocess.run(
            [sys.executable, "-c", CHECK, "check", config.name],
            cwd=FOLDER,
            capture_output=True,
            check=False,
        )
        config.with_suffix(".txt").write_bytes(done.stderr)


if __name__ == "__main__":
    rewrite()
