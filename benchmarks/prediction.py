"""Prediction beside the Keras way: one image, and a folder of 10,000.

    python benchmarks/prediction.py RUN DATA [--rounds 9] [--folder-rounds 5]

RUN is the folder of a finished run, DATA the folder with CIFAR-10, whose test images
are written as PNG first; without DATA images are drawn. All ways run in turn in each
round, each in a process of its own, so that a machine that slows down slows all of
them; ratios are taken within a round. Keras answers in two ways: `cifarcnn predict
--keras`, and a plain script that loads model.keras and calls `predict` on what Pillow
reads.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report

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
    # The first run of each reads from the disk; a single round is a trial.
    for command in commands.values() if rounds > 1 else ():
        seconds(command)
    return [
        {name: seconds(command) for name, command in commands.items()}
        for _ in range(rounds)
    ]


def write_images(data: Path | None, folder: Path, most: int) -> None:
    from PIL import Image

    from cifarcnn.data.dataset import open_dataset

    split = open_dataset("cifar10" if data else "synthetic", data).test()
    for number, image in enumerate(split.images[:most]):
        Image.fromarray(image).save(folder / f"{number:05}.png")


def compare_one_image(
    ways: dict[str, list[str]], image: Path, rounds: int
) -> dict[str, object]:
    importing = "import tensorflow"
    commands = {importing: [sys.executable, "-c", importing]}
    commands |= {name: [*way, str(image)] for name, way in ways.items()}
    print(f"one picture, whole process, {rounds} rounds")
    results = measure(commands, rounds)
    rows = {}
    for name in commands:
        rows[name] = {
            "seconds": report.spread(result[name] for result in results),
            "share_of_importing_tensorflow": report.spread(
                result[name] / result[importing] for result in results
            ),
        }
        times, shares = rows[name].values()
        print(
            f"  {name:<26} {report.show(times, '.2f')} s, "
            f"{report.show(shares, '.3f')} of importing TensorFlow"
        )
    return rows


def compare_folder(
    ways: dict[str, list[str]], folder: Path, image: Path, rounds: int
) -> dict[str, object]:
    """Images per second after the start, which is what one image takes."""
    count = len(list(folder.iterdir()))
    commands = {}
    for name, way in ways.items():
        commands[f"{name}, start"] = [*way, str(image)]
        commands[name] = [*way, str(folder)]
    print(f"a folder of {count:,} PNG files of 32x32, after the start, {rounds} rounds")
    results = measure(commands, rounds)
    speeds = {
        name: [count / (result[name] - result[f"{name}, start"]) for result in results]
        for name in ways
    }
    first = next(iter(ways))
    rows = {}
    for name in ways:
        rows[name] = {
            "pictures_per_second": report.spread(speeds[name]),
            "cifarcnn_is_times_as_fast": report.spread(
                own / other
                for own, other in zip(speeds[first], speeds[name], strict=True)
            ),
        }
        speed, ratio = rows[name].values()
        print(
            f"  {name:<26} {report.show(speed, ',.0f')} pictures per second, "
            f"{first} is {report.show(ratio, '.2f')} times as fast"
        )
    return rows


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path, nargs="?", help="CIFAR-10; else drawn ones")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder-rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=10_000, help="at most")
    options = parser.parse_args()
    place = report.machine()
    program = [sys.executable, "-m", "cifarcnn", "predict", "--run", str(options.run)]
    program += ["--format", "json"]
    model = str(options.run / "model.keras")
    ways = {
        "cifarcnn predict": program,
        "cifarcnn predict --keras": [*program, "--keras"],
        "plain Keras": [sys.executable, "-c", PLAIN_KERAS, model],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(options.data, folder, options.pictures)
        image = min(folder.iterdir())
        rows = {
            "one_picture": compare_one_image(ways, image, options.rounds),
            "folder": compare_folder(ways, folder, image, options.folder_rounds),
        }
    report.finish(options, place, rows)


if __name__ == "__main__":
    main()
