from __future__ import annotations

import numpy as np

from cifarcnn.config.augmentation import RandAugment, RandomFlip, RandomTranslation
from cifarcnn.network.builder import build_model
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.augmentation import build_augmentation
from cifarcnn.training.augmentation.preview import preview
from cifarcnn.training.batch_order import Batches
from cifarcnn.training.image_table import training_model

CHOICES = [RandomFlip(alternate=True), RandomTranslation(), RandAugment()]


def test_the_first_is_the_image_itself(keras, images):
    augmentation = build_augmentation(CHOICES, 3, 5)
    shown = preview(augmentation, images, np.array([4, 1]), [0, 1, 2])
    assert shown.shape == (2, 4, 32, 32, 3)
    assert shown.dtype == np.uint8
    assert np.array_equal(shown[:, 0], images[[4, 1]])


def test_the_others_are_what_the_network_is_given_in_these_epochs(
    keras, make_config, images
):
    epochs = [6, 7]
    augmentation = build_augmentation(CHOICES, 3, 5)
    shown = preview(augmentation, images, np.array([4, 1]), epochs)
    # A network that gives the mean of each colour.
    layers = ["GlobalAveragePooling2D", {"Activation": "linear"}]
    model = build_model(make_config(layers, 0.0), 3)
    pupil = training_model(model, images, augmentation)
    batches = Batches(np.zeros(5, np.uint8), 3, 3, augmentation=augmentation)
    for place, epoch in enumerate(epochs):
        seen = np.empty((5, 3))
        for step in range(batches.steps):
            inputs, _ = batches.batch(epoch, step)
            seen[inputs["index"]] = to_numpy(pupil(inputs, training=True))
        means = shown[:, 1 + place].mean(axis=(1, 2)) / 255
        assert np.allclose(seen[[4, 1]], means, atol=1e-5)
