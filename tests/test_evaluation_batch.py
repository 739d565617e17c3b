from __future__ import annotations

import pytest

from cifarcnn.evaluation_batch import choose_batch_size


@pytest.mark.parametrize(
    ("shapes", "size"),
    [
        ([(32, 32, 3), (30, 30, 64), (10,)], 256),
        ([(90, 90, 3)], 256),
        ([(96, 96, 3)], 128),
        ([(224, 224, 3), (112, 112, 64)], 32),
        # Made larger within the network.
        ([(32, 32, 3), (96, 160, 3), (48, 80, 16)], 128),
        ([(512, 512, 3)], 8),
        ([(2000, 2000, 8)], 1),
        ([(10,)], 256),
        ([], 256),
    ],
)
def test_large_maps_leave_room_for_fewer_images(
    shapes: list[tuple[int, ...]], size: int
) -> None:
    assert choose_batch_size(shapes) == size
