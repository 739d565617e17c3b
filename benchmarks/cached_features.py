"""Epochs of a head on a frozen network, with its features computed once and without.

    python benchmarks/cached_features.py [--application MobileNetV2] [--side 96]
        [--pictures 1000] [--epochs 3] [--rounds 2]

Drawn pictures are enlarged to --side and go through a network of ``keras.applications``
with random weights, which take as long as trained ones; a dense layer learns. Each
training is whole, both in turn in one process, and an epoch's time is the one in
``history.csv``: training and validation. The first epoch is left out, since it has
what is done once. The losses of both must be the same to rounding.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import dataclasses
import json
import tempfile
import time
from pathlib import Path
from unittest import mock

import report

WAYS = {"features once": None, "in every epoch": 0}


def write_config(folder, options):
    """The config of a head on a frozen network."""
    config = {
        "data": {
            "dataset": "synthetic",
            "augmentation": [{"RandomFlip": {"mode": "horizontal"}}],
        },
        "model": {
            "layers": [
                {"Resizing": {"height": options.side, "width": options.side}},
                {
                    "Pretrained": {
                        "application": options.application,
                        "weights": "none",
                        "pooling": "avg",
                    }
                },
                {"Dropout": 0.2},
                {"Dense": {"units": 10, "activation": "softmax"}},
            ]
        },
        "training": {"epochs": options.epochs, "batch_size": 64},
    }
    path = folder / "head.yaml"
    path.write_text(json.dumps(config))
    return path


def few(split, count):
    """The first of the images of a split."""
    return type(split)(split.images[:count], split.labels[:count])


class Trainings:
    """Whole trainings of one config, each in a run of its own."""

    def __init__(self, folder, options):
        from cifarcnn import engine

        self.device = engine.start("cpu")
        from cifarcnn.config import load_config
        from cifarcnn.data.dataset import open_config_dataset
        from cifarcnn.training.training_data import load_training_data

        self.root = folder / "runs"
        self.config = load_config(write_config(folder, options))
        data = load_training_data(self.config, open_config_dataset(self.config))
        self.data = dataclasses.replace(
            data,
            split=few(data.split, options.pictures),
            validation=few(data.validation, options.pictures // 10),
        )

    def train(self, way):
        """Seconds in all, the records of the epochs, and seconds for features."""
        from cifarcnn.errors import RunError
        from cifarcnn.runs import Run
        from cifarcnn.training import run_files, training_models
        from cifarcnn.training.observer import Observer
        from cifarcnn.training.trainer import train

        class Clock(Observer):
            first = last = 0.0

            def features_computed(self, done, count, pictures_per_second):
                self.last = done / pictures_per_second

        counted = training_models.count_fixed_layers
        wanted = WAYS[way]
        clock, start = Clock(), time.perf_counter()
        with (
            mock.patch.object(
                training_models,
                "count_fixed_layers",
                counted if wanted is None else lambda layers: wanted,
            ),
            # The file for predictions takes longer than the epochs.
            mock.patch.object(run_files, "convert_run", side_effect=RunError("none")),
        ):
            run = Run.create(self.root, "head")
            outcome = train(self.config, self.data, run, self.device, observer=clock)
        return time.perf_counter() - start, outcome.records, clock.last


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--application", default="MobileNetV2")
    parser.add_argument("--side", type=int, default=96, help="pixels")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    place = report.machine()
    found = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CIFARCNN_CACHE"] = str(Path(folder) / "cache")
        trainings = Trainings(Path(folder), options)
        for _ in range(options.rounds):
            for way in WAYS:
                found[way].append(trainings.train(way))
    once, every = found.values()
    pairs = [
        (a, b)
        for (_, short, _), (_, long, _) in zip(once, every, strict=True)
        for a, b in zip(short, long, strict=True)
    ]
    later = [pair for pair in pairs if pair[0].epoch > 1]
    rows = {
        "features_seconds": report.spread([once[0][2]]),
        "epoch_seconds_once": report.spread(a.duration_seconds for a, _ in later),
        "epoch_seconds_every": report.spread(b.duration_seconds for _, b in later),
        "ratio": report.spread(
            b.duration_seconds / a.duration_seconds for a, b in later
        ),
        "largest_difference_of_a_loss": report.spread(
            [max(abs(a.loss - b.loss) for a, b in pairs)]
        ),
    }
    for name, row in rows.items():
        print(f"  {name:<30} {report.show(row, ',.4f')}", flush=True)
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
