"""How fast many pictures reach a network: from a table, streamed, and by Keras.

    python benchmarks/input_pipeline.py [--rounds 5] [--seconds 1]

100,000 pictures of 64x64 and 20,000 of 160x160, drawn at random, lie in a file that is
mapped (1.2 and 1.5 GB). A network that does next to nothing, where the input is all
there is to wait for, and one as large as `article` learn from them, in four ways:

table     as cifarcnn trains where the pictures fit on the device
streamed  as it trains where they do not
cached    Keras's `fit` on batches as `image_dataset_from_directory` makes them, cached
          in memory and shuffled as whole batches (as uint8; its own float32 would take
          four times the memory)
shuffled  Keras's `fit` on a `tf.data` pipeline that shuffles the single pictures

Each is a process of its own. All are alive at once and go on in turn for some seconds,
the others waiting. Memory is what a process holds at most besides the pages of files.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import report

CASES = {64: 100_000, 160: 20_000}
WAYS = ("table", "streamed", "cached", "shuffled")
LAST = ["GlobalAveragePooling2D", {"Dense": {"units": 10, "activation": "softmax"}}]
CONVOLUTION = {"kernel_size": 3, "activation": "relu"}
# The strides of the first layer leave as much to the others whatever the size.
NETWORKS = {
    "next to nothing": lambda size: [
        {"Conv2D": {"filters": 4, "kernel_size": 1, "strides": size // 4}},
        *LAST,
    ],
    "convolutions": lambda size: [
        {"Conv2D": {"filters": 32, "strides": size // 32, **CONVOLUTION}},
        {"MaxPooling2D": 2},
        {"Conv2D": {"filters": 64, **CONVOLUTION}},
        {"MaxPooling2D": 2},
        {"Conv2D": {"filters": 64, **CONVOLUTION}},
        *LAST,
    ],
}
BATCH = 128


class Turns:
    """Lets a training go on for some seconds whenever the parent says so."""

    def __init__(self):
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()
        self.steps = self.seen = 0
        self.end = None

    def done(self, steps):
        """Some steps are done; wait where the turn is over."""
        self.steps += steps
        if self.end is None:
            self._wait()
        elif time.perf_counter() >= self.end:
            seconds = time.perf_counter() - self.start
            figures = {"steps": self.steps, "seconds": seconds, "peak": self.peak}
            print(json.dumps(figures), flush=True)
            self._wait()

    def _wait(self):
        seconds = float(sys.stdin.readline() or "nan")
        if seconds != seconds:
            os._exit(0)
        self.steps = 0
        self.start = time.perf_counter()
        self.end = self.start + seconds

    def _watch(self):
        while True:
            text = Path("/proc/self/status").read_text()
            lines = dict(line.split(":", 1) for line in text.splitlines())
            self.peak = max(self.peak, int(lines["RssAnon"].split()[0]) / 1000)
            time.sleep(0.02)


def train_ours(turns, images, config, streamed):
    """The real training, which never ends by itself."""
    import dataclasses

    import keras
    import numpy as np

    from cifarcnn import engine
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.splits import Split
    from cifarcnn.runs import Run
    from cifarcnn.training.trainer import train
    from cifarcnn.training.training_data import load_training_data

    class Store:
        def training(self):
            return Split(images, (np.arange(len(images)) % 10).astype(np.uint8))

    class Watch(keras.callbacks.Callback):
        done = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.done = 0

        def on_train_batch_end(self, batch, logs=None):
            turns.done(batch + 1 - self.done)
            self.done = batch + 1

    dataset = Dataset(
        name="folder",
        class_names=tuple("abcdefghij"),
        origin="random pictures",
        checksum="0" * 64,
        official=False,
        notice=None,
        store=Store(),
        image_shape=images.shape[1:],
    )
    data = load_training_data(config, dataset)
    data = dataclasses.replace(data, streamed=streamed)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder), "run")
        train(config, data, run, engine.start("cpu"), callbacks=[Watch()])


def train_keras(turns, images, config, cached):
    from cifarcnn import engine

    engine.start("cpu")
    import keras
    import numpy as np
    import tensorflow as tf

    from cifarcnn.network.builder import build_model

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            turns.done(1)

    labels = (np.arange(len(images)) % 10).astype(np.int32)
    if cached:

        def batches():
            for start in range(0, len(images), BATCH):
                place = slice(start, start + BATCH)
                # Else the cache would hold pages of the file.
                yield np.array(images[place]), labels[place]

        shapes = (
            tf.TensorSpec((None, *images.shape[1:]), tf.uint8),
            tf.TensorSpec((None,), tf.int32),
        )
        dataset = tf.data.Dataset.from_generator(batches, output_signature=shapes)
        dataset = dataset.cache().shuffle(100)
        # Decoding is not what is measured.
        for _ in dataset:
            pass
    else:
        dataset = tf.data.Dataset.from_tensor_slices((images, labels))
        dataset = dataset.shuffle(10_000).batch(BATCH)
    model = build_model(config, 10)
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"])
    dataset = dataset.prefetch(tf.data.AUTOTUNE)
    model.fit(dataset, epochs=10_000, shuffle=False, verbose=0, callbacks=[Watch()])


def contestant(file, network, way):
    import numpy as np

    from cifarcnn.config import Config

    images = np.load(file, mmap_mode="r")
    config = Config.model_validate(
        {
            "name": "input",
            "data": {
                "dataset": "folder",
                "path": "unused",
                "image_size": images.shape[1],
                "validation_fraction": 0,
            },
            "model": {"layers": NETWORKS[network](images.shape[1])},
            "training": {"epochs": 10_000, "batch_size": BATCH},
        }
    )
    turns = Turns()
    if way in ("table", "streamed"):
        train_ours(turns, images, config, way == "streamed")
    else:
        train_keras(turns, images, config, way == "cached")


def draw(file, size, count):
    import numpy as np

    shape = (count, size, size, 3)
    images = np.lib.format.open_memmap(file, "w+", np.uint8, shape)
    random = np.random.default_rng(0)
    for start in range(0, count, 1000):
        part = images[start : start + 1000]
        part[:] = random.integers(0, 256, part.shape, np.uint8)


def measure(file, network, options):
    """Pictures a second and the memory of each, all in turn in each round."""
    base = [sys.executable, __file__, "--file", str(file), "--network", network]
    processes = {
        way: subprocess.Popen(
            [*base, "--way", way],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for way in WAYS
    }

    def turn(way, seconds):
        process = processes[way]
        process.stdin.write(f"{seconds}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{way} ended with {process.wait()}")
        return json.loads(line)

    found = {way: [] for way in WAYS}
    peaks = {}
    try:
        for way in WAYS:
            turn(way, options.seconds / 2)
        for number in range(options.rounds):
            for way in WAYS if number % 2 else WAYS[::-1]:
                figures = turn(way, options.seconds)
                found[way].append(BATCH * figures["steps"] / figures["seconds"])
                peaks[way] = round(figures["peak"])
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return {
        way: {
            "pictures_per_second": report.spread(speeds),
            "of_the_table": report.spread(
                own / base for own, base in zip(speeds, found["table"], strict=True)
            ),
            "memory_mb": peaks[way],
        }
        for way, speeds in found.items()
    }


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn")
    parser.add_argument("--sizes", type=int, nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    parser.add_argument("--count", type=int, help="pictures, in place of those above")
    # Of the processes that this one starts.
    parser.add_argument("--file", type=Path)
    parser.add_argument("--network")
    parser.add_argument("--way")
    options = parser.parse_args()
    if options.way:
        contestant(options.file, options.network, options.way)
        return
    place, results = report.machine(), {}
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            count = options.count or CASES[size]
            file = Path(folder) / f"{size}.npy"
            draw(file, size, count)
            for network in options.networks:
                case = f"{count:,} of {size}x{size}, {network}"
                print(case, flush=True)
                rows = results[case] = measure(file, network, options)
                for way, row in rows.items():
                    speed, ratio, memory = row.values()
                    print(
                        f"  {way:<9} {report.show(speed, ',.0f')} pictures/s, of the "
                        f"table {report.show(ratio, '.2f')}, {memory:,} MB",
                        flush=True,
                    )
    report.finish(options, place, results)


if __name__ == "__main__":
    main()
