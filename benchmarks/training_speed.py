"""Training speed of ``article``: ``cifarcnn train`` beside a plain Keras script.

    python benchmarks/training_speed.py DATA [--rounds 5] [--batch-sizes 32 128]

DATA holds ``cifar-10-batches-bin``. The two run in turn, each in a process of its own;
counted is the last epoch of each, so that imports, tracing and reading are left out of
both. Printed are the pictures per second of each and the ratio of each pair.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
EPOCHS = 2


def run_ours(data: Path, batch_size: int) -> float:
    """Pictures per second of the last epoch of ``cifarcnn train``."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [
            str(Path(sys.executable).with_name("cifarcnn")),
            *("train", "--config", "article", "--run", str(run), "--device", "cpu"),
            *("--set", f"training.batch_size={batch_size}"),
            *("--set", f"training.epochs={EPOCHS}"),
            *("--set", f"data.path={json.dumps(str(data))}"),
        ]
        subprocess.run(command, check=True, capture_output=True)
        with (run / "history.csv").open(newline="") as file:
            last = list(csv.DictReader(file))[-1]
        return float(last["pictures_per_second"])


def run_plain(data: Path, batch_size: int) -> float:
    """Pictures per second of the last epoch of the plain script."""
    command = [
        *(sys.executable, str(HERE / "plain_keras.py"), str(data)),
        *("--batch-size", str(batch_size), "--epochs", str(EPOCHS)),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    return float(result["pictures"] / result["seconds"][-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
    options = parser.parse_args()
    data = options.data / "cifar-10-batches-bin"
    if not data.is_dir():
        data = options.data
    for batch_size in options.batch_sizes:
        ratios = []
        for number in range(options.rounds):
            # Who goes first changes each round, so that a drift favours neither.
            order = [run_ours, run_plain] if number % 2 == 0 else [run_plain, run_ours]
            speeds = {run: run(data, batch_size) for run in order}
            ratios.append(speeds[run_ours] / speeds[run_plain])
            print(
                f"batch {batch_size}: cifarcnn {speeds[run_ours]:,.0f}, plain Keras "
                f"{speeds[run_plain]:,.0f} pictures/s, ratio {ratios[-1]:.3f}",
                flush=True,
            )
        print(
            f"batch {batch_size}: ratio median {statistics.median(ratios):.3f}, "
            f"from {min(ratios):.3f} to {max(ratios):.3f} in {len(ratios)} rounds"
        )


if __name__ == "__main__":
    main()
