"""The tutorial's model as people write it: one script, float arrays, ``model.fit``.

The peer of ``training_speed.py``. Prints one JSON document: seconds of every epoch.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

RECORD_BYTES = 3073


def read_training(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures as float32 (50000, 32, 32, 3) from 0 to 1, and labels."""
    parts = [
        np.fromfile(folder / f"data_batch_{number}.bin", np.uint8)
        for number in range(1, 6)
    ]
    records = np.concatenate(parts).reshape(-1, RECORD_BYTES)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images.astype("float32") / 255.0, records[:, 0].astype("int64")


class EpochTimes(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder cifar-10-batches-bin")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    images, labels = read_training(options.data)
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    times = EpochTimes()
    model.fit(
        images,
        labels,
        batch_size=options.batch_size,
        epochs=options.epochs,
        callbacks=[times],
        verbose=0,
    )
    print(json.dumps({"seconds": times.seconds, "pictures": len(images)}))


if __name__ == "__main__":
    main()
