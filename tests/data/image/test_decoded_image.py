"""Images of other proportions than the network's: cropped, padded, stretched."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.photo import read_photo
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.literals import Resize
from tests.data.image.orientations import STORED


def encode(pixels: np.ndarray, form: str, orientation: int = 1) -> io.BytesIO:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](pixels))
    data = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if form == "JPEG" else {}
    Image.fromarray(stored).save(data, form, exif=exif, **options)
    data.seek(0)
    return data


def smooth(height: int, width: int) -> np.ndarray:
    """Red grows downwards, green to the right."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.zeros((height, width, 3))
    pixels[..., 0] = 40 + 200 * rows / height
    pixels[..., 1] = 40 + 200 * columns / width
    return pixels.astype(np.uint8)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_padded_all_of_the_image_lies_between_black(
    form: str, orientation: int
) -> None:
    data = encode(smooth(100, 50), form, orientation)
    found = read_image(data, "a", TargetSize(20, 33, "pad"))
    # 20 high and 10 wide, 23 columns of black: the odd one on the right.
    assert found.shape == (20, 33, 3)
    assert not found[:, :11].any() and not found[:, 21:].any()
    expected = np.asarray(Image.fromarray(smooth(100, 50)).resize((10, 20), 1))
    assert np.abs(found[:, 11:21].astype(int) - expected).max() <= 4
    wide = read_image(
        encode(smooth(50, 100), form, orientation), "a", TargetSize(20, 20, "pad")
    )
    assert not wide[:5].any() and not wide[15:].any()
    assert (wide[5:15, :, :2] > 30).all()


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_stretched_all_of_the_image_fills_the_input(
    form: str, orientation: int
) -> None:
    data = encode(smooth(100, 50), form, orientation)
    found = read_image(data, "a", TargetSize(24, 40, "stretch"))
    expected = np.asarray(Image.fromarray(smooth(100, 50)).resize((40, 24), 1))
    assert np.abs(found.astype(int) - expected).max() <= 4


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_an_image_of_the_size_keeps_every_pixel(resize: Resize) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    found = read_image(encode(pixels, "PNG"), "a", TargetSize(24, 40, resize))
    assert np.array_equal(found, pixels)


def test_an_image_that_needs_borders_alone_keeps_every_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 31, 3), np.uint8)
    found = read_image(encode(pixels, "PNG"), "a", TargetSize(24, 40, "pad"))
    assert np.array_equal(found[:, 4:35], pixels)
    assert not found[:, :4].any() and not found[:, 35:].any()


def test_borders_are_black_where_transparency_is_white() -> None:
    pixels = np.zeros((40, 20, 4), np.uint8)
    found = read_image(encode(pixels, "PNG"), "a", TargetSize(16, 16, "pad"))
    assert (found[:, 4:12] == 255).all()
    assert not found[:, :4].any() and not found[:, 12:].any()


def test_a_line_of_pixels_leaves_one_at_least() -> None:
    pixels = np.full((1, 500, 3), 255, np.uint8)
    found = read_image(encode(pixels, "PNG"), "a", TargetSize(16, 16, "pad"))
    assert (found[7] == 255).all() and not found[:7].any() and not found[8:].any()


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(3000, 300), (900, 2400), (1000, 1000)])
@pytest.mark.parametrize("target", [(24, 40), (96, 16), (64, 64)])
def test_a_jpeg_that_is_shrunk_while_it_is_decoded_looks_the_same(
    resize: Resize, size: tuple[int, int], target: tuple[int, int]
) -> None:
    # Fine stripes: what is shrunk too far before the filter sees it is off by much.
    pixels = smooth(*size)
    pixels[::7, :, 2] = 200
    data = encode(pixels, "JPEG")
    found = read_image(data, "a", TargetSize(*target, resize))
    data.seek(0)
    with Image.open(data) as image:
        whole = np.asarray(image)
    expected = read_image(encode(whole, "PNG"), "a", TargetSize(*target, resize))
    assert np.abs(found.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize(
    ("resize", "crop"),
    [
        ("crop", (0, 15, 40, 75)),
        ("pad", (0, 0, 40, 90)),
        ("stretch", (0, 0, 40, 90)),
    ],
)
def test_the_photo_knows_what_of_it_is_seen(
    resize: Resize, crop: tuple[int, ...]
) -> None:
    target = TargetSize(20, 30, resize)
    photo = read_photo(encode(smooth(40, 90), "PNG"), "a", target)
    assert photo.crop == crop
    data = encode(smooth(40, 90), "PNG")
    assert np.array_equal(photo.seen, read_image(data, "a", target))


@pytest.mark.parametrize(
    ("height", "width", "size", "share"),
    [(32, 32, (64, 64), 0), (32, 64, (8, 8), 0.5), (10, 30, (20, 30), 0.5)],
)
def test_the_mismatch_is_the_same_for_all_ways(
    height: int, width: int, size: tuple[int, int], share: float
) -> None:
    for resize in ("crop", "pad", "stretch"):
        target = TargetSize(*size, resize)
        assert target.mismatch(height, width) == pytest.approx(share)
    # It is the share that is cut off, and that of the borders.
    top, left, bottom, right = TargetSize(*size, "crop").used_part(height, width)
    assert (bottom - top) * (right - left) == pytest.approx(
        (1 - share) * height * width
    )
    down, across = TargetSize(*size, "pad").size_within_borders(height, width)
    assert down * across == pytest.approx((1 - share) * size[0] * size[1], rel=0.1)


def test_each_way_has_its_sentence() -> None:
    sentences = [TargetSize(8, 8, resize).describe(0.456) for resize in (
        "crop", "pad", "stretch"
    )]  # fmt: skip
    assert sentences == [
        "the middle is used, 46% cropped at most",
        "they get black borders, 46% of the input at most",
        "they are stretched, one side by 46% at most",
    ]
    assert "1% cropped" in TargetSize(8, 8, "crop").describe(0.0001)
