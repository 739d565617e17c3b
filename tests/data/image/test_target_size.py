"""What is kept of images of all proportions."""

from __future__ import annotations

import pytest

from cifarcnn.data.image.target_size import TargetSize


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("side", [28, 48, 64, 96, 224])
def test_nothing_outside_an_image_is_asked_for(resize, side):
    target = TargetSize(side, side, resize)
    for height in range(1, 300):
        for width in range(1, 300, 7):
            top, left, bottom, right = target.used_part(height, width)
            assert 0 <= top < bottom <= height
            assert 0 <= left < right <= width
