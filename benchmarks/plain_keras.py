"""The tutorial's model as people write it: one script, float arrays, ``model.fit``.

The peer in ``training_speed.py``, which calls it; trains until it is killed.
"""

import argparse
import os
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


class Counter(keras.callbacks.Callback):
    """Writes how many pictures were learnt from, after each batch."""

    def __init__(self, path: Path, batch_size: int) -> None:
        super().__init__()
        self.file = os.open(path, os.O_WRONLY)
        self.batch_size = batch_size
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.steps += 1
        # One write of eight bytes: never half a number, whenever it is stopped.
        os.pwrite(self.file, (self.steps * self.batch_size).to_bytes(8, "little"), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="holds cifar-10-batches-bin")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--counter", type=Path, required=True)
    options = parser.parse_args()
    images, labels = read_training(options.data / "cifar-10-batches-bin")
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
    model.fit(
        images,
        labels,
        batch_size=options.batch_size,
        epochs=10_000,
        callbacks=[Counter(options.counter, options.batch_size)],
        verbose=0,
    )


if __name__ == "__main__":
    main()
