"""Whole trainings as commands: where nothing was compiled before, and once more.

    python benchmarks/first_start.py speedrun [--device gpu] [--data DATA] [--rounds 3]

Each round has a new cache folder, and the same command twice: compiled programs of the
first start are there in the second. So are the decoded images, which the first one has
to make. What a driver or the system keeps of its own is not emptied.
"""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report


def main():
    parser = report.parser(__doc__)
    parser.add_argument("config")
    report.add_device_option(parser)
    parser.add_argument("--backend", choices=["tensorflow", "jax"])
    parser.add_argument("--data", type=Path, help="CIFAR-10; else drawn pictures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="KEY=VALUE"
    )
    options = parser.parse_args()
    place = report.machine(options.device)
    command = [sys.executable, "-m", "cifarcnn", "train", "--config", options.config]
    command += ["--device", options.device]
    if options.backend:
        command += ["--backend", options.backend]
    drawn = ["data.dataset=synthetic", "data.path=null"]
    data = [f"data.path={options.data.resolve()}"] if options.data else drawn
    for setting in [*data, *options.settings]:
        command += ["--set", setting]
    times = {"first start": [], "second start": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            cache = {"CIFARCNN_CACHE": f"{folder}/cache-{number}"}
            for name, seconds in times.items():
                run = f"{folder}/{name.split()[0]}-{number}"
                start = time.perf_counter()
                done = subprocess.run(
                    [*command, "--run", run],
                    env={**os.environ, **cache},
                    capture_output=True,
                    text=True,
                )
                seconds.append(time.perf_counter() - start)
                if done.returncode:
                    raise SystemExit(f"{shlex.join(command)} ended: {done.stderr}")
    rows = {name: report.spread(seconds) for name, seconds in times.items()}
    print(shlex.join(command[1:]))
    for name, seconds in rows.items():
        print(f"  {name:<13} {report.show(seconds, '.1f')} s")
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
