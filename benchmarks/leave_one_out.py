"""What each piece of the ``speedrun`` recipe is worth: each is left out in turn.

    python benchmarks/leave_one_out.py DATA [--epochs 3] [--pictures 20000]
        [--seeds 3] [--minutes 40] [--set training.batch_size=512]

A shortened training of the shipped config for every piece and seed, each in a process
of its own; all pieces of one seed come before the next seed, and when the time is over
no further training starts. Judged are 5,000 validation images that were cut from the
training split and never learnt from; the test images are not looked at. Printed are
points of accuracy lost without the piece, beside the whole recipe with the same seed.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import report

VALIDATION_FRACTION = 0.1
WHOLE = "the whole recipe"
_PLAIN_START = {
    "VarianceScaling": {
        "scale": 0.3333333,
        "mode": "fan_in",
        "distribution": "uniform",
    }
}
_SHIFT = {"RandomTranslation": {"pixels": 2, "fill": "reflect"}}
_FLIP = {"RandomFlip": {"alternate": True}}
PIECES = {
    WHOLE: {},
    "whitening start": {"model.layers[0].Conv2D.kernel_initializer": _PLAIN_START},
    "identity start": {"blocks.conv.layers[0].Conv2D.kernel_initializer": _PLAIN_START},
    "longer steps of beta": {
        "training.learning_rate_multipliers": {"*/beta": 1},
        # Its penalty was divided by the same number.
        "blocks.norm.layers[0].BatchNormalization.beta_regularizer": {"L2": 6.65e-4},
    },
    "lookahead": {"training.averaging": None},
    "alternating flip (random instead)": {
        "data.augmentation": [{"RandomFlip": {"alternate": False}}, _SHIFT]
    },
    "flip": {"data.augmentation": [_SHIFT]},
    "translation": {"data.augmentation": [_FLIP]},
    "label smoothing": {"training.label_smoothing": 0},
}
VIEWS = ("mirror_and_shift", "mirror", "none")


@dataclass(frozen=True)
class Cut:
    """The source of a data set that has only some of the training images."""

    split: object

    def training(self):
        return self.split


def train_once(options):
    """Train without one piece and judge it; the answer is the last line printed."""
    from cifarcnn import engine, load_config, load_run
    from cifarcnn.config import ChannelStatistics
    from cifarcnn.data.dataset import open_dataset
    from cifarcnn.data.splits import Split
    from cifarcnn.data.statistics import measure_statistics
    from cifarcnn.network.predict import predict_probabilities
    from cifarcnn.network.test_time_augmentation import average_views
    from cifarcnn.runs import Run
    from cifarcnn.training.trainer import train
    from cifarcnn.training.training_data import load_training_data

    whole = open_dataset("cifar10" if options.data else "synthetic", options.data)
    # The same images for every seed.
    split, validation = whole.training(VALIDATION_FRACTION, 0)
    count = options.pictures or len(split)
    few = options.validation_pictures
    validation = Split(validation.images[:few], validation.labels[:few])
    split = Split(split.images[:count], split.labels[:count])
    dataset = replace(whole, store=Cut(split))
    settings = dict(setting.split("=", 1) for setting in options.settings)
    overrides = {
        **{key: json.loads(value) for key, value in settings.items()},
        "data.dataset": whole.name,
        "data.path": str(options.data) if options.data else None,
        "data.validation_fraction": 0,
        "training.epochs": options.epochs,
        "training.seed": options.seed,
        **PIECES[options.without],
    }
    device = engine.start("cpu")
    mean, deviation = measure_statistics(split.images)
    statistics_of = ChannelStatistics(mean=list(mean), deviation=list(deviation))
    config = load_config(options.config, overrides).with_normalization(statistics_of)
    with tempfile.TemporaryDirectory() as name:
        run = Run.at(Path(name) / "run")
        outcome = train(config, load_training_data(config, dataset), run, device)
        loaded = load_run(run.path, device="cpu")
    known = {}

    def predict(images):
        """Each view is asked once, however many averages it is part of."""
        key = images.tobytes()
        if key not in known:
            known[key] = predict_probabilities(loaded.model, images)
        return known[key]

    accuracies = {}
    for views in VIEWS:
        answers = average_views(predict, validation.images, views).argmax(axis=1)
        accuracies[views] = float((answers == validation.labels).mean())
    answer = {
        "without": options.without,
        "seed": options.seed,
        "training_pictures": len(split),
        "validation_pictures": len(validation),
        "seconds": round(outcome.duration_seconds, 1),
        "accuracy": accuracies,
    }
    print(json.dumps(answer), flush=True)


def run_child(options, without, seed):
    command = [sys.executable, __file__, "--without", without, "--seed", str(seed)]
    command += ["--epochs", str(options.epochs), "--pictures", str(options.pictures)]
    command += ["--config", options.config]
    command += ["--validation-pictures", str(options.validation_pictures)]
    for setting in options.settings:
        command += ["--set", setting]
    if options.data:
        command.append(str(options.data))
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"without {without}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def summarize(answers):
    """One row for each piece: points lost, over the seeds that have the whole."""
    whole = {
        answer["seed"]: answer["accuracy"]
        for answer in answers
        if answer["without"] == WHOLE
    }
    best = VIEWS[0]
    rows = {}

    def add(name, pairs):
        if pairs:
            rows[name] = {
                "accuracy": statistics.mean(own for own, _ in pairs),
                "points_lost": statistics.mean(
                    100 * (all_ - own) for own, all_ in pairs
                ),
                "deviation_of_points": statistics.stdev(
                    100 * (all_ - own) for own, all_ in pairs
                )
                if len(pairs) > 1
                else None,
                "seeds": len(pairs),
            }

    for name in PIECES:
        add(
            name,
            [
                (answer["accuracy"][best], whole[answer["seed"]][best])
                for answer in answers
                if answer["without"] == name and answer["seed"] in whole
            ],
        )
    for views, name in (
        ("mirror", "shifts of test-time augmentation"),
        ("none", "test-time augmentation"),
    ):
        add(name, [(found[views], found[best]) for found in whole.values()])
    return rows


def main():
    parser = report.parser(__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="CIFAR-10; else drawn ones")
    parser.add_argument("--config", default="speedrun", help="with these pieces")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=20_000, help="0: 45,000, all")
    parser.add_argument("--validation-pictures", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--pieces", nargs="+", choices=PIECES, default=[*PIECES])
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=JSON",
        help="of the config, for every training",
    )
    parser.add_argument("--without", choices=PIECES, help="one training")
    parser.add_argument("--seed", type=int, default=0, help="of that one")
    options = parser.parse_args()
    if options.without:
        train_once(options)
        return
    place = report.machine()
    options.pieces = list(dict.fromkeys([WHOLE, *options.pieces]))
    end = time.monotonic() + 60 * options.minutes
    answers = []
    for seed in range(options.seeds):
        for piece in options.pieces:
            if answers and time.monotonic() > end:
                continue
            answers.append(run_child(options, piece, seed))
            accuracy = answers[-1]["accuracy"]["mirror_and_shift"]
            seconds = answers[-1]["seconds"]
            print(f"seed {seed}, {piece}: {accuracy:.2%}, {seconds} s", flush=True)
    rows = summarize(answers)
    print(f"{options.config}, {options.epochs} epochs, validation accuracy")
    for name, row in rows.items():
        spread = row["deviation_of_points"]
        spread = "" if spread is None else f", deviation {spread:.2f}"
        print(
            f"  {name:<36} {row['accuracy']:.2%}, {row['points_lost']:+.2f} points lost"
            f"{spread}, {row['seeds']} seeds"
        )
    report.finish(options, place, {"rows": rows, "trainings": answers})


if __name__ == "__main__":
    main()
