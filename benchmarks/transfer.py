"""Learning from few pictures: with a network that was trained before, and without.

    python benchmarks/efficientnet_lite0.py
    python benchmarks/transfer.py runs/efficientnet-lite0-1 DATA [--work transfer]
        [--each 10 50 250 1000 5000] [--seeds 3] [--size 96] [--judge test]

Of the real CIFAR-10 some pictures of each class are learnt from, chosen anew for every
seed, and enlarged by ``Resizing``, in three ways:

frozen      EfficientNet-Lite0 as it is, its features computed once, a Dense behind it
fine-tuned  the same, whose network then learns on at a small rate
scratch     the shipped config ``fast`` at 32x32, for as many epochs as take the time
            that the fine-tuning with the same pictures took, at most 1,000

Every training and evaluation is the command that anybody would call. Time is the
processor time of the whole training command, of all its threads, which the load of
other programs hardly changes; each computes its own features. ``--judge validation``
judges on 500 pictures of each class of the training split that are not learnt from,
never on test pictures; the rate and the layers of the fine-tuning were chosen by it.
Each result is kept in ``--work`` as soon as it is there, and a benchmark that was cut
short goes on from these.
"""

import csv
import json
import math
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import report
import tables

WAYS = ("frozen", "fine-tuned", "scratch")
JUDGED = 500  # of each class, with --judge validation
MODEL = """
name: transfer
data:
  dataset: folder
  path: {pictures}
  duplicates: allow
  validation_fraction: 0
model:
  layers:
    - Resizing: {{height: {size}, width: {size}}}
    - Pretrained: {{run: {run}, up_to: {up_to}, pooling: avg, trainable: false}}
    - Dropout: {{rate: 0.2}}
    - Dense: {{units: 10, activation: softmax}}
training:
  epochs: {epochs}
  batch_size: {batch_size}
  optimizer: {{Adam: {{learning_rate: 0.002}}}}
  learning_rate_schedule: CosineDecay
  fine_tune: {fine_tune}
  weights: last
  seed: {seed}
"""


def plan(each, classes=10):
    """Batch size, and epochs of the Dense and of the fine-tuning.

    Few pictures are seen more often: at least so many steps are taken, as far as
    that does not mean hundreds of epochs.
    """
    count = each * classes
    batch_size = min(128, max(16, count // 16))
    epochs = min(100, max(10, math.ceil(200_000 / count)))
    return batch_size, epochs, min(20, max(1, math.ceil(10_000 / count)))


def write_pictures(data, work):
    """Every picture of CIFAR-10 as a PNG; their paths by split and class."""
    from PIL import Image

    from cifarcnn.data.dataset import open_dataset

    dataset = open_dataset("cifar10", data)
    training, _ = dataset.training(0, 0)
    paths = {}
    for name, split in {"training": training, "test": dataset.test()}.items():
        folder = work / "pictures" / name
        paths[name] = [[] for _ in dataset.class_names]
        for number, label in enumerate(split.labels):
            path = folder / dataset.class_names[label] / f"{number:05}.png"
            paths[name][label].append(path)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                written = path.with_suffix(".part")
                Image.fromarray(split.images[number]).save(written, "PNG")
                written.rename(path)
    return paths


def write_list(options, paths, each, seed):
    """The list of the pictures that are learnt from and judged on."""
    import numpy as np

    file = options.work / f"{options.judge}-{each}-{seed}.csv"
    rows = []
    for label, own in enumerate(paths["training"]):
        order = np.random.default_rng((seed, label)).permutation(len(own))
        rows += [(own[place], "training") for place in order[:each]]
        if options.judge == "validation":
            if each + JUDGED > len(own):
                raise SystemExit(f"{each} a class leave too few to judge on")
            rows += [(own[place], "test") for place in order[-JUDGED:]]
    if options.judge == "test":
        rows += [(path, "test") for own in paths["test"] for path in own]
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(("image", "label", "split"))
        for path, split in rows:
            place = path.relative_to(options.work)
            writer.writerow((place.as_posix(), path.parent.name, split))
    return file


def command(options, *arguments):
    """What a command of the program prints, and its seconds of processor time."""
    environment = {**os.environ, "CIFARCNN_CACHE": str(options.work / "cache")}
    call = [sys.executable, "-m", "cifarcnn", *map(str, arguments)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(call, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(call)}\n{done.stderr[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, used


def write_config(options, pictures, way, each, seed):
    batch_size, epochs, more = plan(each)
    fine_tune = "null"
    if way == "fine-tuned":
        fine_tune = f"{{from_epoch: {epochs + 1}, layers: {options.layers or 'null'}, "
        fine_tune += f"learning_rate: {options.rate}}}"
        epochs += more
    file = options.work / f"{way}.yaml"
    file.write_text(
        MODEL.format(
            pictures=json.dumps(str(pictures)),
            run=json.dumps(str(options.run.resolve())),
            size=options.size,
            up_to=options.up_to,
            epochs=epochs,
            batch_size=batch_size,
            fine_tune=fine_tune,
            seed=seed,
        ),
        encoding="utf-8",
    )
    return ["--config", file]


def scratch(options, pictures, each, seed, budget):
    """The shipped config ``fast`` with other data, its epochs chosen by the budget."""
    batch_size, *_ = plan(each)
    settings = {
        "data.dataset": "folder",
        "data.path": str(pictures),
        "data.duplicates": "allow",
        "training.batch_size": batch_size,
        "training.seed": seed,
    }
    base = ["--config", "fast"]
    for key, value in settings.items():
        base += ["--set", f"{key}={value}"]
    # A long and a short trial: what one epoch takes, and all that is not epochs.
    more = max(2, math.ceil(20_000 / (each * 10)))
    _, short = train(options, [*base, "--set", "training.epochs=1"])
    _, long = train(options, [*base, "--set", f"training.epochs={1 + more}"])
    epoch = max(long - short, 0.01) / more
    count = 1 + round((budget - short) / epoch)
    return [*base, "--set", f"training.epochs={min(max(count, 1), 1000)}"]


def train(options, arguments):
    run = options.work / "run"
    # Nobody profits from the features of another training.
    for left in (run, options.work / "cache" / "features"):
        shutil.rmtree(left, ignore_errors=True)
    _, seconds = command(options, "train", *arguments, "--run", run, "--device", "cpu")
    return run, seconds


def measure(options, paths, way, each, seed, results):
    pictures = write_list(options, paths, each, seed)
    if way == "scratch":
        budget = results["fine-tuned", each, seed]["processor_seconds"]
        arguments = scratch(options, pictures, each, seed, budget)
    else:
        arguments = write_config(options, pictures, way, each, seed)
    run, seconds = train(options, arguments)
    judged, _ = command(options, "evaluate", "--run", run, "--json")
    metrics = json.loads((run / "metrics.json").read_text())
    return {
        "way": way,
        "each": each,
        "seed": seed,
        "judge": options.judge,
        "accuracy": json.loads(judged)["accuracy"],
        "processor_seconds": round(seconds, 1),
        "epochs": metrics["epochs"],
    }


def main():
    parser = report.parser(__doc__)
    parser.add_argument("run", type=Path, help="of efficientnet_lite0.py")
    parser.add_argument("data", type=Path, help="a folder with CIFAR-10")
    parser.add_argument("--work", type=Path, default=Path("transfer"))
    parser.add_argument(
        "--each", type=int, nargs="+", default=[10, 50, 250, 1000, 5000], metavar="N"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--up-to", default="top_activation", help="a layer of the run")
    parser.add_argument("--rate", type=float, default=1e-5, help="of the fine-tuning")
    parser.add_argument("--layers", type=int, help="to fine-tune; default: all")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=[*WAYS])
    parser.add_argument("--judge", choices=["test", "validation"], default="test")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    place = report.machine()
    settings = f"{options.judge}-{options.size}-{options.rate:g}-{options.layers or 0}"
    kept = options.work / f"results-{settings}"
    kept.mkdir(exist_ok=True)
    results = {}
    paths = write_pictures(options.data, options.work)
    for seed in range(options.seeds):
        for each in options.each:
            # In this order: the last takes as long as the one before it.
            for way in sorted(options.ways, key=WAYS.index):
                file = kept / f"{way}-{each}-{seed}.json"
                if file.exists():
                    found = json.loads(file.read_text())
                else:
                    found = measure(options, paths, way, each, seed, results)
                    file.write_text(json.dumps(found) + "\n")
                results[way, each, seed] = found
                print(json.dumps(found), flush=True)
    rows = sorted(
        results.values(), key=lambda row: (row["each"], WAYS.index(row["way"]))
    )
    print(tables.transfer(rows))
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
