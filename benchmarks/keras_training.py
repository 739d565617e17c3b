"""The same networks as people write them in Keras: float arrays and ``model.fit``.

A peer in ``training_speed.py``, which calls it; trains until it is killed. With
``KERAS_BACKEND=jax`` it is Keras on JAX.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contestant
import keras
from keras import layers


class Images(keras.callbacks.Callback):
    """Counts how many images were learnt from."""

    def __init__(self, counter, batch_size, each):
        super().__init__()
        self.counter = counter
        self.batch_size = batch_size
        self.each = each
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # is there only when a GPU has done the step
        done = min((batch + 1) * self.batch_size, self.each)
        self.counter.write(self.epoch * self.each + done)


def article():
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
            # float32 in every precision, as Keras's guide to mixed precision has it.
            layers.Dense(10, activation="softmax", dtype="float32"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def speedrun():
    penalty = keras.regularizers.L2(6.65e-4)

    def convolution(filters):
        return layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_regularizer=penalty
        )

    def norm():
        return [
            layers.BatchNormalization(
                momentum=0.6,
                epsilon=1e-12,
                scale=False,
                beta_regularizer=keras.regularizers.L2(1.04e-5),
            ),
            layers.Activation("gelu"),
        ]

    model = keras.Sequential([layers.Input((32, 32, 3))])
    model.add(layers.Conv2D(24, 2, activation="gelu", bias_regularizer=penalty))
    model.layers[0].kernel.trainable = False
    for filters in (64, 256, 256):
        for layer in (
            convolution(filters),
            layers.MaxPooling2D(2),
            *norm(),
            convolution(filters),
            *norm(),
        ):
            model.add(layer)
    model.add(layers.MaxPooling2D(3))
    model.add(layers.Flatten())
    model.add(
        layers.Dense(10, use_bias=False, kernel_regularizer=penalty, dtype="float32")
    )
    model.add(layers.Rescaling(1 / 9, dtype="float32"))
    model.compile(
        # The smallest rate of the recipe: it must only stay finite for long.
        keras.optimizers.SGD(0.3, momentum=0.85, nesterov=True),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2),
        metrics=["accuracy"],
    )
    return model


def main():
    options = contestant.parse(__doc__)
    keras.config.set_dtype_policy(options.precision)
    images, labels = contestant.read_images(options)
    images = contestant.normalized(images, options.network)
    if options.network == "article":
        model = article()
    else:
        model, labels = speedrun(), keras.utils.to_categorical(labels, 10)
        # As the config has it, a last batch with fewer images is dropped.
        whole = len(labels) // options.batch_size * options.batch_size
        images, labels = images[:whole], labels[:whole]
    contestant.check_parameters(model.count_params(), options.network)
    counter = contestant.Counter(options.counter)
    model.fit(
        images,
        labels,
        batch_size=options.batch_size,
        epochs=10_000,
        callbacks=[Images(counter, options.batch_size, len(labels))],
        verbose=0,
    )


if __name__ == "__main__":
    main()
