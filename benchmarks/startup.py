"""Whole-process times of commands beside ``python -c "import tensorflow"``.

    python benchmarks/startup.py RUN IMAGE [--rounds 15]

RUN is the folder of a finished run. All commands run in turn in each round; printed are
the median seconds of each and its share of importing TensorFlow, round by round, with
the middle half of the rounds.
"""

import subprocess
import sys
import time

import report


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("run")
    parser.add_argument("picture")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    place = report.machine()
    program = [sys.executable, "-m", "cifarcnn"]
    importing = "import tensorflow"
    commands = {
        importing: [sys.executable, "-c", importing],
        "--help": [*program, "--help"],
        "check article": [*program, "check", "article"],
        "predict": [*program, "predict", options.picture, "--run", options.run],
    }
    # The first run of each reads from the disk; a single round is a trial.
    for command in commands.values() if options.rounds > 1 else ():
        seconds(command)
    rounds = [
        {name: seconds(command) for name, command in commands.items()}
        for _ in range(options.rounds)
    ]
    rows = {
        name: {
            "seconds": report.spread(times[name] for times in rounds),
            "share_of_importing_tensorflow": report.spread(
                times[name] / times[importing] for times in rounds
            ),
        }
        for name in commands
    }
    print(f"whole processes, {options.rounds} rounds")
    for name, row in rows.items():
        own, share = row.values()
        print(
            f"  {name:<18} {report.show(own, '.2f')} s, "
            f"{report.show(share, '.3f')} of importing TensorFlow"
        )
    options.run = options.picture = None
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
