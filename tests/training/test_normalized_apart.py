"""Batch normalization that is not synchronised, on two parts of a CPU."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cifarcnn.engine.distribution import distributed_over, in_each_replica
from cifarcnn.engine.mirrored_strategy import (
    among_whole_batch,
    own_rows,
    sum_over_replicas,
)
from cifarcnn.network.batch_normalization import FusedBatchNormalization
from cifarcnn.network.training_layers import BatchMask
from cifarcnn.network.weights import to_numpy
from tests.training.divided_cpu import on_parts

pytestmark = pytest.mark.slow


@on_parts
@pytest.mark.parametrize("images", [8, 5, 3])
def test_two_devices_normalize_each_its_own_half(device, keras, images):
    random = np.random.default_rng(0)
    maps = random.normal(2, 3, (8, 3, 3, 2)).astype("float32")
    maps[4:] *= 2
    with distributed_over(dataclasses.replace(device, count=2)):
        mask = BatchMask()
        layer = FusedBatchNormalization(batch_mask=mask, apart=2, momentum=0.6)
        layer.build(maps.shape)
        outputs = keras.Variable(np.zeros_like(maps))
        if images < 8:
            mask.whole = keras.ops.cast(np.arange(8) < images, "float32")

        def normalize():
            own = own_rows(keras.ops.convert_to_tensor(maps))
            found = among_whole_batch(layer(own, training=True))
            outputs.assign(sum_over_replicas([found])[0])

        in_each_replica(normalize)
        found = to_numpy(outputs)[:images]
        moving = to_numpy(layer.moving_mean), to_numpy(layer.moving_variance)
    halves = [half for half in (maps[: min(images, 4)], maps[4:images]) if len(half)]
    means = np.array([half.mean((0, 1, 2)) for half in halves])
    variances = np.array([half.var((0, 1, 2)) for half in halves])
    expected = [
        (half - mean) / np.sqrt(variance + 1e-3)
        for half, mean, variance in zip(halves, means, variances, strict=True)
    ]
    assert np.abs(found - np.concatenate(expected)).max() < 1e-5
    assert np.abs(moving[0] - 0.4 * means.mean(0)).max() < 1e-5
    assert np.abs(moving[1] - 0.6 - 0.4 * variances.mean(0)).max() < 1e-5
