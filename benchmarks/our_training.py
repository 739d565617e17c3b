"""``article`` through ``cifarcnn.train``, counting its pictures in a file.

Called by ``training_speed.py``; trains until it is killed.
"""

import argparse
import os
from pathlib import Path

import cifarcnn
from cifarcnn.training.observer import Observer


class Counter(Observer):
    """Writes how many pictures were learnt from, after each batch."""

    def __init__(self, path: Path, batch_size: int) -> None:
        self.file = os.open(path, os.O_WRONLY)
        self.batch_size = batch_size
        self.steps_per_epoch = 0

    def training_started(self, plan) -> None:
        self.steps_per_epoch = plan.steps_per_epoch

    def batch_ended(self, epoch: int, step: int, logs) -> None:
        steps = (epoch - 1) * self.steps_per_epoch + step
        # One write of eight bytes: never half a number, whenever it is stopped.
        os.pwrite(self.file, (steps * self.batch_size).to_bytes(8, "little"), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--counter", type=Path, required=True)
    options = parser.parse_args()
    config = cifarcnn.load_config(
        "article",
        {
            "data.path": str(options.data),
            "training.batch_size": options.batch_size,
            "training.epochs": 10_000,
        },
    )
    counter = Counter(options.counter, options.batch_size)
    cifarcnn.train(config, "run", device="cpu", observer=counter)


if __name__ == "__main__":
    main()
