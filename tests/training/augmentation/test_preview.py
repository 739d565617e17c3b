from __future__ import annotations

import numpy as np

from cifarcnn.config.augmentation import RandAugment, RandomFlip, RandomTranslation
from cifarcnn.network.builder import build_model, logits_model
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.augmentation.pipeline import build_augmentation, preview
from cifarcnn.training.input_pipeline import TrainingBatches
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.training_model import connect_rows

CHOICES = [RandomFlip(alternate=True), RandomTranslation(), RandAugment()]


def test_the_first_is_the_image_itself(keras, images):
    shown = preview(CHOICES, 3, images, np.array([4, 1]), [0, 1, 2])
    assert shown.shape == (2, 4, 32, 32, 3)
    assert shown.dtype == np.uint8
    assert np.array_equal(shown[:, 0], images[[4, 1]])


def test_the_others_are_what_the_network_is_given_in_these_epochs(
    keras, make_config, images
):
    epochs = [6, 7]
    shown = preview(CHOICES, 3, images, np.array([4, 1]), epochs)
    # A network that gives the mean of each colour.
    layers = ["GlobalAveragePooling2D", {"Activation": "linear"}]
    model = build_model(make_config(layers, 0.0), 3)
    augmentation = build_augmentation(CHOICES, 3, 5, (32, 32))
    trained = connect_rows(logits_model(model), InputRows([images]), augmentation)
    batches = TrainingBatches(np.zeros(5, np.uint8), 3, 3, augmentation=augmentation)
    for place, epoch in enumerate(epochs):
        seen = np.empty((5, 3))
        for step in range(batches.steps_per_epoch):
            inputs, _ = batches.read(batches.block(epoch, 0).numbers, step)
            seen[to_numpy(inputs["index"])] = to_numpy(trained(inputs, training=True))
        means = shown[:, 1 + place].mean(axis=(1, 2)) / 255
        assert np.allclose(seen[[4, 1]], means, atol=1e-5)
