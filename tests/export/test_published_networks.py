"""Which published networks a page cannot compute, and for which of their layers."""

from __future__ import annotations

from typing import Any

import pytest

from cifarcnn.config.layers import Pretrained
from cifarcnn.export.web_network import find_obstacles
from cifarcnn.network.pretrained import build_application, without_values

pytestmark = pytest.mark.slow


def obstacles(application: str, side: int) -> set[str]:
    """The reasons, once each; the smallest of its kind, without weights."""
    layer = Pretrained(name="a", application=application, weights="none", pooling="avg")
    with without_values():
        return {
            reason
            for _, reason in find_obstacles(build_application(layer, (side, side, 3)))
        }


@pytest.mark.parametrize(
    ("application", "side", "found"),
    [
        ("VGG16", 32, {"the operation Flip"}),
        ("ResNet50", 32, {"the operation Flip"}),
        ("ConvNeXtTiny", 32, {"LayerScale", "Normalization", "the operation Add"}),
        ("MobileNetV3Small", 32, {"the operation Add", "the operation Multiply"}),
        ("EfficientNetV2B0", 32, {"Normalization"}),
        ("NASNetMobile", 32, {"Cropping2D"}),
    ],
)
def test_these_are_refused(
    keras: Any, application: str, side: int, found: set[str]
) -> None:
    assert obstacles(application, side) == found


@pytest.mark.parametrize("application", ["MobileNet", "ResNet50V2"])
def test_others_are_not(keras: Any, application: str) -> None:
    assert obstacles(application, 32) == set()
