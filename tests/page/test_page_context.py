from __future__ import annotations

from typing import Any

import numpy as np

from cifarcnn.page.color_scales import paint
from cifarcnn.page.page_context import describe_grad_cam, paint_heat


def test_all_classes_share_one_scale_from_zero(explanation: Any) -> None:
    cam = explanation.grad_cam
    painted = describe_grad_cam(cam, explanation)["classes"]
    high = max(entry.heat.max() for entry in cam.maps)
    assert len(painted) == len(cam.maps)
    for (_, heat_map), entry in zip(painted, cam.maps, strict=True):
        assert (heat_map["low"], heat_map["high"]) == (0, high)
        assert (heat_map["heat"] == paint(cam.on_input(entry.heat), 0, high)).all()


def test_the_difference_is_painted_around_zero(explanation: Any) -> None:
    cam = explanation.grad_cam
    heat_map = describe_grad_cam(cam, explanation)["difference"]
    reach = np.abs(cam.difference).max()
    assert (heat_map["low"], heat_map["high"]) == (-reach, reach)
    assert (
        heat_map["heat"] == paint(cam.on_input(cam.difference), -reach, reach)
    ).all()


def test_over_the_image_its_light_still_shows(explanation: Any) -> None:
    values = explanation.grad_cam.on_input(explanation.grad_cam.difference)
    dark = paint_heat(values, np.zeros((32, 32, 3), np.uint8), -1.0, 1.0)
    light = paint_heat(values, np.full((32, 32, 3), 255, np.uint8), -1.0, 1.0)
    assert np.abs(dark["over"] - 0.55 * dark["heat"]).max() <= 0.5001
    assert (light["over"].astype(int) - dark["over"] >= 114).all()
