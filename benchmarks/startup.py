"""Whole-process times of commands beside ``python -c "import tensorflow"``.

    python benchmarks/startup.py RUN PICTURE [--rounds 7]

RUN is the folder of a finished run. All commands run in turn in each round; printed are
the median seconds of each and its share of importing TensorFlow, round by round.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("picture")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    program = str(Path(sys.executable).with_name("cifarcnn"))
    commands = {
        "import tensorflow": [sys.executable, "-c", "import tensorflow"],
        "--help": [program, "--help"],
        "check article": [program, "check", "article"],
        "predict": [program, "predict", options.picture, "--run", options.run],
    }
    for command in commands.values():
        seconds(command)  # the first run of each reads from the disk
    rounds = [
        {name: seconds(command) for name, command in commands.items()}
        for _ in range(options.rounds)
    ]
    for name in commands:
        times = [times[name] for times in rounds]
        shares = [times[name] / times["import tensorflow"] for times in rounds]
        print(
            f"{name:<18} {statistics.median(times):6.2f} s   "
            f"{statistics.median(shares):5.2f} of importing TensorFlow "
            f"({min(shares):.2f} to {max(shares):.2f} in {len(shares)} rounds)"
        )


if __name__ == "__main__":
    main()
