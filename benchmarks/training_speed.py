"""Training speed of ``article``: ``cifarcnn train`` beside a plain Keras script.

    python benchmarks/training_speed.py DATA [--slices 40] [--batch-sizes 32 128]

DATA holds ``cifar-10-batches-bin``. Both train in processes of their own, all the time;
in turn one of them is stopped (SIGSTOP) while the other goes on for a few seconds, so
that a machine whose speed drifts slows both alike. Counted are the pictures that each
learns from in its slices, everything between the steps included: reading ahead,
callbacks, the ends of epochs. Printed are the pictures per second and the ratio of each
pair of slices.
"""

import argparse
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
# Until here the graph is built and the caches are filled.
WARM_PICTURES = 20_000


class Learner:
    """One training process, and how many pictures it has learnt from."""

    def __init__(self, script: str, data: Path, batch_size: int, folder: Path) -> None:
        self.counter = folder / f"{script}.count"
        self.counter.write_bytes(bytes(8))
        command = [sys.executable, str(HERE / script), str(data)]
        command += ["--batch-size", str(batch_size), "--counter", str(self.counter)]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def pictures(self) -> int:
        if self.process.poll() is not None:
            raise SystemExit(f"{self.counter.stem} ended with {self.process.poll()}")
        return int.from_bytes(self.counter.read_bytes(), "little")

    def warm_up(self) -> None:
        while self.pictures() < WARM_PICTURES:
            time.sleep(0.2)
        self.process.send_signal(signal.SIGSTOP)

    def run_slice(self, seconds: float) -> float:
        """Pictures per second while it alone runs."""
        before, start = self.pictures(), time.perf_counter()
        self.process.send_signal(signal.SIGCONT)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGSTOP)
        return (self.pictures() - before) / (time.perf_counter() - start)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def compare(data: Path, batch_size: int, slices: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        learners: list[Learner] = []
        try:
            for script in ("our_training.py", "plain_keras.py"):
                learners.append(Learner(script, data, batch_size, Path(name)))
                learners[-1].warm_up()
            ours, plain = learners
            pairs = []
            for number in range(slices):
                # Who goes first changes, so that a drift favours neither.
                order = [ours, plain] if number % 2 == 0 else [plain, ours]
                speeds = {learner: learner.run_slice(seconds) for learner in order}
                pairs.append((speeds[ours], speeds[plain]))
        finally:
            for learner in learners:
                learner.end()
    # A machine that stands still for a whole slice must not end the comparison.
    ratios = sorted(ours / plain if plain else math.inf for ours, plain in pairs)
    quarter = len(ratios) // 4
    print(
        f"batch {batch_size}: "
        f"cifarcnn {statistics.median(speed for speed, _ in pairs):,.0f}, "
        f"plain Keras {statistics.median(speed for _, speed in pairs):,.0f} pictures/s"
        f"\n  ratio: median {statistics.median(ratios):.3f}, middle half "
        f"{ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}, all {ratios[0]:.3f} to "
        f"{ratios[-1]:.3f}, {len(ratios)} pairs of {seconds:g} s, "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--slices", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=2.5)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
    options = parser.parse_args()
    for batch_size in options.batch_sizes:
        compare(options.data.resolve(), batch_size, options.slices, options.seconds)


if __name__ == "__main__":
    main()
