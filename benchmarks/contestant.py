"""What the scripts share that ``training_speed.py`` has train beside one another."""

import argparse
import os
from pathlib import Path


def parse(description):
    """The command line of a contestant."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--counter", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="CIFAR-10; else drawn pictures")
    parser.add_argument("--network", choices=["article", "speedrun"], default="article")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--recipe", action="store_true")
    parser.add_argument("--framework", choices=["tensorflow", "torch"])
    return parser.parse_args()


class Counter:
    """Tells by way of a file how much was done since the start.

    What is only on its way to a GPU is not done: wait for it before.
    """

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY)

    def write(self, count):
        # One write of eight bytes: never half a number, whenever it is stopped.
        os.pwrite(self.file, int(count).to_bytes(8, "little"), 0)


def read_images(options):
    """Training images uint8 ``(n, 32, 32, 3)`` and labels uint8 ``(n,)``."""
    from cifarcnn.data.dataset import open_dataset

    name = "cifar10" if options.data else "synthetic"
    split, _ = open_dataset(name, options.data).training(0, 0)
    return split.images, split.labels


def normalized(images, network):
    """Images as float32, as the config of the network has them.

    ``article`` sees 0 to 1; ``speedrun`` values of mean 0 and deviation 1.
    """
    import numpy as np

    from cifarcnn.data.statistics import measure_statistics

    values = images.astype(np.float32)
    # In place: all contestants lie in memory at once.
    values /= 255
    if network == "speedrun":
        mean, deviation = measure_statistics(images)
        values -= np.float32(mean)
        values /= np.float32(deviation)
    return values


def check_parameters(found, network):
    """Refuse a network that is not the one of the config.

    Raises:
        SystemExit: It has another number of parameters.
    """
    from cifarcnn.config import load_config, summarize

    expected = summarize(load_config(network)).parameters
    if found != expected:
        raise SystemExit(f"{network} has {expected} parameters, the peer has {found}")
