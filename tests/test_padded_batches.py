from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.padded_batches import predict_in_batches


@pytest.mark.parametrize(
    ("count", "smallest", "sizes"),
    [
        (0, 1, []),
        (1, 1, [1]),
        (3, 1, [4]),
        (3, 8, [8]),
        (8, 1, [8]),
        (9, 1, [8, 8]),
        (9, 100, [8, 8]),
    ],
)
def test_all_batches_have_one_size_and_every_image_its_row(
    count: int, smallest: int, sizes: list[int]
) -> None:
    seen = []

    def predict(batch: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        seen.append(len(batch))
        assert batch.dtype == np.uint8 and batch.shape[1:] == (2, 5, 3)
        return batch.reshape(len(batch), -1)[:, :4].astype(np.float32)

    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (count, 2, 5, 3), dtype=np.uint8)
    found = predict_in_batches(predict, images, 8, 4, smallest)
    assert seen == sizes
    assert found.dtype == np.float32
    assert np.array_equal(found, images.reshape(count, 30)[:, :4])
