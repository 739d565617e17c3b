"""Prediction beside the Keras way: one picture, and a folder of 10,000.

    python benchmarks/prediction.py RUN DATA [--rounds 7] [--folder-rounds 5]

RUN is the folder of a finished run, DATA the folder with CIFAR-10, whose test pictures
are written as PNG first. All ways run in turn in each round, each in a process of its
own, so that a machine that slows down slows all of them; ratios are taken within a
round. Keras answers in two ways: `cifarcnn predict --keras`, and a plain script that
loads model.keras and calls `predict` on what Pillow reads.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAIN_KERAS = """
import sys
from pathlib import Path
import keras, numpy
from PIL import Image
model = keras.models.load_model(sys.argv[1])
place = Path(sys.argv[2])
paths = sorted(place.iterdir()) if place.is_dir() else [place]
images = numpy.stack([numpy.asarray(Image.open(path)) for path in paths])
for path, row in zip(paths, model.predict(images, batch_size=256, verbose=0)):
    print(path, int(row.argmax()), float(row.max()))
"""


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def measure(commands: dict[str, list[str]], rounds: int) -> list[dict[str, float]]:
    for command in commands.values():
        seconds(command)  # the first run of each reads from the disk
    return [
        {name: seconds(command) for name, command in commands.items()}
        for _ in range(rounds)
    ]


def spread(values: list[float], form: str) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def write_pictures(data: Path, folder: Path) -> None:
    from PIL import Image

    from cifarcnn.data import open_dataset

    for number, image in enumerate(open_dataset("cifar10", data).test().images):
        Image.fromarray(image).save(folder / f"{number:05}.png")


def compare_one_picture(ways: dict[str, list[str]], picture: Path, rounds: int) -> None:
    importing = "import tensorflow"
    commands = {importing: [sys.executable, "-c", importing]}
    commands |= {name: [*way, str(picture)] for name, way in ways.items()}
    print(f"one picture, whole process, {rounds} rounds")
    results = measure(commands, rounds)
    for name in commands:
        times = [result[name] for result in results]
        shares = [result[name] / result[importing] for result in results]
        print(
            f"  {name:<26} {spread(times, '.2f')} s, "
            f"{spread(shares, '.2f')} of importing TensorFlow"
        )


def compare_folder(
    ways: dict[str, list[str]], folder: Path, picture: Path, rounds: int
) -> None:
    """Pictures per second after the start, which is what one picture takes."""
    count = len(list(folder.iterdir()))
    commands = {}
    for name, way in ways.items():
        commands[f"{name}, start"] = [*way, str(picture)]
        commands[name] = [*way, str(folder)]
    print(f"a folder of {count:,} PNG files of 32x32, after the start, {rounds} rounds")
    results = measure(commands, rounds)
    speeds = {
        name: [count / (result[name] - result[f"{name}, start"]) for result in results]
        for name in ways
    }
    first = next(iter(ways))
    for name in ways:
        ratios = [a / b for a, b in zip(speeds[first], speeds[name], strict=True)]
        print(f"  {name:<26} {spread(speeds[name], ',.0f')} pictures per second")
        if name != first:
            print(f"  {'':<26} {first} is {spread(ratios, '.2f')} times as fast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder-rounds", type=int, default=5)
    options = parser.parse_args()
    program = [sys.executable, "-m", "cifarcnn", "predict", "--run", str(options.run)]
    program += ["--format", "json"]
    model = str(options.run / "model.keras")
    ways = {
        "cifarcnn predict": program,
        "cifarcnn predict --keras": [*program, "--keras"],
        "plain Keras": [sys.executable, "-c", PLAIN_KERAS, model],
    }
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} from others at the start")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(options.data, folder)
        picture = min(folder.iterdir())
        compare_one_picture(ways, picture, options.rounds)
        compare_folder(ways, folder, picture, options.folder_rounds)


if __name__ == "__main__":
    main()
