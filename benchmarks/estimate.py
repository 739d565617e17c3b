"""How far the estimates of `check --estimate` and of `train` are from the truth.

    python benchmarks/estimate.py quickstart:8 article:3 fast:2 [--data DATA]
        [--rounds 3] [--device cpu] [--clock processor]

For each config, with as many epochs as stand behind the colon, an estimate and a
training take turns, each a process of its own, so that a machine whose speed drifts is
as fast for both. The truth is the training's: the mean of its epochs, the time from the
first compilation until all files are written, and the most memory that its process
took (of a GPU: that its arrays took).

On a machine that others use as well an estimate is off by as much as they change. With
``--clock processor`` all times are those of the processor, of both: what is left is how
well a few steps stand for all.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report

# What is compared.
FIGURES = ("seconds_per_epoch", "seconds", "memory_bytes")


def settings(options, name, epochs):
    """The overrides of a config."""
    found = [f"training.epochs={epochs}"]
    if options.data and name != "quickstart":
        found.append(f"data.path={json.dumps(str(options.data.resolve()))}")
    return found


def call(arguments, folder):
    """What a process prints last, as JSON."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout[done.stdout.index("{") :])


def load(arguments):
    """The config that a process of its own is about, and its device."""
    name, device, clock, *pairs = arguments
    if clock == "processor":
        # Before the package is there, which asks this one alone.
        time.perf_counter = time.process_time
    from cifarcnn import load_config

    return load_config(name, settings=pairs), device


def figures(estimate):
    """What is compared, of an estimate."""
    return estimate and {
        "seconds_per_epoch": estimate.epoch.seconds,
        "seconds": estimate.whole.seconds,
        "memory_bytes": estimate.memory_bytes,
    }


def check(config, device):
    """In a process of its own: what `check --estimate` says."""
    from cifarcnn.estimation import estimate_training

    print(json.dumps(figures(estimate_training(config, device=device).estimate)))


def train(config, device):
    """In a process of its own: a training, what it says, and what was true."""
    from cifarcnn import train as train_config
    from cifarcnn.engine.memory import peak_memory
    from cifarcnn.training.observer import Observer

    class Watch(Observer):
        """Hears of the phases of the training."""

        told = None
        epochs = ()

        def training_started(self, plan):
            self.start = time.perf_counter()

        def estimated(self, estimate):
            self.told = estimate

        def epoch_ended(self, record):
            self.epochs = (*self.epochs, record.duration_seconds)

        def report_written(self, path):
            self.seconds = time.perf_counter() - self.start

    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        train_config(config, Path(folder) / "run", device=device, observer=watch)
    memory = peak_memory()
    if device == "gpu":
        from cifarcnn.engine.device_arrays import peak_device_memory

        memory = peak_device_memory()
    truth = {
        "seconds_per_epoch": statistics.mean(watch.epochs),
        "seconds": watch.seconds,
        "memory_bytes": memory,
    }
    print(json.dumps({"truth": truth, "train": figures(watch.told)}))


def measure(options, name, epochs, folder):
    """One round: the estimate before, the training with its own, and the truth."""
    about = [name, options.device, options.clock, *settings(options, name, epochs)]
    before = call([__file__, "--check", *about], folder)
    return {**call([__file__, "--train", *about], folder), "check": before}


def judge(rounds):
    """Of each figure the truth, and by how much of it both estimates are too high."""
    result = {}
    for key in FIGURES:
        true = [each["truth"][key] for each in rounds]
        row = {"truth": report.spread(true)}
        for who in ("check", "train"):
            errors = [
                each[who][key] / each["truth"][key] - 1 for each in rounds if each[who]
            ]
            row[who] = report.spread(errors) if errors else None
        result[key] = row
    return result


def describe(found):
    """One round in one line."""
    parts = []
    for key in FIGURES:
        told = (f"{who} {row[key]:,.1f}" for who, row in found.items() if row)
        parts.append(f"{key}: {', '.join(told)}")
    return "; ".join(parts)


def main():
    parts = {"--check": check, "--train": train}
    if sys.argv[1:2] and sys.argv[1] in parts:
        parts[sys.argv[1]](*load(sys.argv[2:]))
        return
    parser = report.parser(__doc__)
    report.add_device_option(parser)
    parser.add_argument("configs", nargs="+", metavar="NAME:EPOCHS")
    parser.add_argument("--data", type=Path, help="CIFAR-10")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clock", choices=["wall", "processor"], default="wall")
    options = parser.parse_args()
    place = report.machine(options.device)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        rounds = {config: [] for config in options.configs}
        for number in range(options.rounds):
            for config in options.configs:
                name, _, epochs = config.partition(":")
                if Path(name).is_file():
                    name = str(Path(name).resolve())
                found = measure(options, name, int(epochs), folder)
                rounds[config].append(found)
                results[config] = judge(rounds[config])
                print(f"{config}, round {number + 1}: {describe(found)}", flush=True)
                # What is measured is there, whatever becomes of the rest.
                report.finish(options, place, results)


if __name__ == "__main__":
    main()
