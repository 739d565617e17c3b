"""The size of a folder's pictures, and what of a config follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Check = Callable[..., Any]

CONFIG = """
data: {dataset: folder, path: pets, classes: [cat, dog]}
model: {layers: [Conv2D: {filters: 4, kernel_size: 3}, GlobalMaxPooling2D, Dense: 2]}
"""


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("null", (32, 32, 3)),
        ("8", (8, 8, 3)),
        ("64", (64, 64, 3)),
        ("[96, 160]", (96, 160, 3)),
        ("512", (512, 512, 3)),
    ],
)
def test_all_shapes_follow_it(
    check: Check, written: str, shape: tuple[int, int, int]
) -> None:
    checked = check(CONFIG, f"data.image_size={written}")
    assert checked.problems == ()
    assert checked.config.image_shape == checked.summary.input_shape == shape
    height, width, _ = shape
    first = checked.summary.rows[0]
    assert first.output_shape == (height - 2, width - 2, 4)
    assert first.macs == (height - 2) * (width - 2) * 27 * 4


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("7", "expected a number of at least 8, found 7", ""),
        ("513", "expected a number of at most 512, found 513", ""),
        ("[64, 4]", "expected a number of at least 8, found 4", ""),
        (
            "true",
            "expected a whole number, or two of them [height, width], found true",
            "",
        ),
        (
            "64x48",
            "expected a whole number, or two of them [height, width], found '64x48'",
            "write [64, 48]",
        ),
        (
            "[64, 48, 3]",
            "expected two numbers [height, width], found 3",
            "write [64, 48]: the channels are always red, green, blue",
        ),
    ],
)
def test_what_is_no_size_is_refused(
    check: Check, written: str, message: str, hint: str
) -> None:
    [problem] = check(CONFIG, f"data.image_size={written}").problems
    assert (problem.message, problem.hint) == (message, hint)


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "synthetic"])
def test_only_a_folder_has_one(check: Check, dataset: str) -> None:
    text = CONFIG.replace("folder, path: pets, classes: [cat, dog]", dataset)
    [problem, *_] = check(text, "data.image_size=[96, 64]").problems
    assert problem.path == "data.image_size"
    assert problem.message == (
        f"image_size belongs to dataset: folder; the pictures of {dataset} are 32x32"
    )
    assert problem.hint == (
        "remove it; for larger maps begin model.layers with Resizing: {height: 96, "
        "width: 64}"
    )


def test_lengths_of_augmentations_must_be_within_the_shorter_side(
    check: Check,
) -> None:
    setting = "data.augmentation=[RandomTranslation: 20]"
    assert check(CONFIG, setting, "data.image_size=[24, 40]").problems == ()
    [problem] = check(CONFIG, setting, "data.image_size=[20, 40]").problems
    assert problem.message == "expected a number of at most 19, found 20"
    assert check(CONFIG, setting, "data.image_size=21").problems == ()


@pytest.mark.parametrize(
    "key", ["img_size", "imgsz", "target_size", "input_shape", "image_shape", "size"]
)
def test_the_names_of_other_tools_lead_to_it(check: Check, key: str) -> None:
    [problem] = check(CONFIG, f"data.{key}=64").problems
    assert problem.hint == "write image_size"
    [problem] = check(CONFIG, f"data.{key}=64", "data.dataset=cifar10").problems[:1]
    assert problem.hint == (
        "leave it out: only dataset: folder has an image_size; for larger maps begin "
        "model.layers with Resizing"
    )


def test_elsewhere_they_lead_to_it_too(check: Check) -> None:
    [problem] = check(CONFIG, "training.imgsz=64").problems
    assert problem.hint == "write image_size, which belongs to data"


@pytest.mark.parametrize(
    ("written", "hint"),
    [("letterbox", "write pad"), ("squash", "write stretch"),
     ("center_crop", "write crop"), ("strech", "did you mean stretch?")],
)  # fmt: skip
def test_other_words_for_the_ways_to_resize(
    check: Check, written: str, hint: str
) -> None:
    [problem] = check(CONFIG, f"data.resize={written}").problems
    assert problem.message == (f"expected one of crop, pad, stretch; found '{written}'")
    assert problem.hint == hint


def test_a_config_without_the_key_crops(check: Check) -> None:
    assert check(CONFIG).config.data.resize == "crop"


def test_where_the_network_is_too_large_smaller_pictures_are_named(
    check: Check,
) -> None:
    text = CONFIG.replace("filters: 4", "filters: 2000")
    [problem] = check(text, "data.image_size=512").problems
    assert problem.hint == ("use fewer filters or units, or a smaller data.image_size")
