"""The embedded data set: images of CIFAR-10's ten classes, drawn by code.

It exists so that the first command works on a machine without a network. The images
vary in colour, place, size, tilt, pose, light and noise; backgrounds are shared
between classes. They are not CIFAR-10, and an accuracy on them says nothing about it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL
from PIL import Image, ImageDraw
from pydantic import JsonValue

from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE
from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.silhouettes import POSE_SIZE, REACH, draw_poses
from cifarcnn.data.splits import Split

_T = TypeVar("_T")
_Colour = tuple[int, int, int]

TRAINING_IMAGES = 10_000
_TEST_IMAGES = 2_000
_SEED = 20_090_408  # of the data set, not of a run: everybody gets the same images
_SIDE = CIFAR_IMAGE_SHAPE[0]
_CODE = ("silhouettes.py", "synthetic.py")
_CHUNK = 500  # images whose pixels are changed at a time
_NUMBERS = 48  # random numbers for one image, as many as it can use
_MIN_GAP = 92  # in mean brightness, 0 to 255, between a body and its background


@dataclass(frozen=True)
class Scene:
    """What lies behind a subject.

    Attributes:
        above: Colours that the part above the horizon may have.
        below: Colours that the part below it may have.
        blobs: Colours of clouds, bushes or rocks strewn over it.
        horizon: Range of its height, 0 the upper edge and 1 the lower.
    """

    above: tuple[_Colour, ...]
    below: tuple[_Colour, ...]
    blobs: tuple[_Colour, ...]
    horizon: tuple[float, float]


_BLUES = ((120, 175, 235), (170, 205, 240), (205, 215, 225), (90, 130, 190))
_SKIES = (*_BLUES, (235, 190, 150), (150, 155, 165))
SCENES = {
    "sky": Scene(
        _SKIES,
        ((90, 120, 80), (120, 110, 90)),
        ((250, 250, 250), (225, 230, 235), (180, 185, 195)),
        (0.92, 1.6),
    ),
    "sea": Scene(
        _SKIES,
        ((40, 95, 140), (60, 125, 150), (80, 110, 125), (35, 70, 100)),
        ((200, 215, 220), (90, 130, 150)),
        (0.15, 0.6),
    ),
    "grass": Scene(
        (*_SKIES, (60, 85, 50), (85, 100, 60)),
        ((95, 140, 60), (130, 150, 75), (75, 110, 50), (165, 155, 95)),
        ((60, 90, 45), (110, 130, 60), (140, 120, 80)),
        (0.0, 0.6),
    ),
    "road": Scene(
        (*_SKIES, (150, 130, 115), (110, 115, 110), (175, 165, 150)),
        ((115, 115, 118), (90, 92, 98), (150, 147, 142), (135, 125, 115)),
        ((95, 105, 80), (130, 120, 115), (180, 175, 170)),
        (0.1, 0.6),
    ),
}

_CARS = ((200, 40, 40), (40, 70, 170), (235, 235, 235), (60, 60, 65), (230, 190, 50))
_PAINTS = (*_CARS, (60, 130, 80), (165, 170, 175))
_BROWNS = ((140, 95, 55), (95, 65, 40), (190, 150, 100), (60, 50, 45))
_FURS = (*_BROWNS, (225, 215, 200), (150, 145, 140))
_INKS = ((25, 25, 25),)
_SKINS = ((90, 150, 50), (60, 110, 60), (150, 140, 60), (120, 95, 60), (70, 120, 150))


@dataclass(frozen=True)
class Subject:
    """How one class is shown.

    Attributes:
        scenes: Its backgrounds; one that stands there twice comes twice as often.
        colours: What its body may be painted in; the trim takes one of them, too.
        tilt: The most that it is tilted, in degrees.
    """

    scenes: tuple[str, ...]
    colours: tuple[_Colour, ...]
    tilt: float


SUBJECTS = {
    "airplane": Subject(("sky",) * 7 + ("sea", "grass", "road"), _PAINTS, 16),
    "automobile": Subject(("road",) * 7 + ("grass",) * 3, _PAINTS, 9),
    "bird": Subject(
        ("sky",) * 4 + ("grass",) * 4 + ("sea",) * 2, (*_FURS, *_PAINTS), 14
    ),
    "cat": Subject(("grass", "road"), _FURS, 10),
    "deer": Subject(("grass",) * 5 + ("road",), _FURS, 10),
    "dog": Subject(("grass",) * 5 + ("road",) * 4, _FURS, 10),
    "frog": Subject(("grass",) * 4 + ("sea",) * 2 + ("road",), _SKINS, 14),
    "horse": Subject(("grass",) * 3 + ("road",), _FURS, 10),
    "ship": Subject(("sea",) * 5 + ("sky",), _PAINTS, 9),
    "truck": Subject(("road",) * 7 + ("grass",) * 3, _PAINTS, 9),
}


class SyntheticSource:
    """The drawings as a source of images."""

    key = "synthetic"
    origin = "drawn by code"
    image_shape = CIFAR_IMAGE_SHAPE
    notice = "synthetic pictures drawn by code, not CIFAR-10"

    def signature(self) -> dict[str, JsonValue]:
        """The drawing code itself, and what may draw otherwise in another version.

        With another NumPy or Pillow the images are drawn again; should one pixel
        differ, the checksum of the data set does too, and a run that was begun on the
        earlier images is told so.
        """
        digest = hashlib.sha256()
        for name in _CODE:
            digest.update(Path(__file__).with_name(name).read_bytes())
        return {
            "code": digest.hexdigest(),
            "numpy": np.__version__,
            "pillow": PIL.__version__,
        }

    def decode(self) -> Decoded:
        """Draw all images: 10,000 to train on and 2,000 to test, balanced."""
        seeds = np.random.SeedSequence(_SEED).spawn(2)
        training = draw_images(TRAINING_IMAGES, np.random.default_rng(seeds[0]))
        test = draw_images(_TEST_IMAGES, np.random.default_rng(seeds[1]))
        return Decoded(tuple(SUBJECTS), training, test, official=False)


def draw_images(count: int, draws: np.random.Generator) -> Split:
    """Draw ``count`` images in random order, the same number of every class.

    Args:
        count: A multiple of ten.
        draws: Where the chances come from.
    """
    poses = draw_poses()
    names = list(SUBJECTS)
    labels = draws.permutation(np.arange(count) % len(names)).astype(np.uint8)
    numbers = draws.random((count, _NUMBERS)).tolist()
    images = np.empty((count, *CIFAR_IMAGE_SHAPE), np.uint8)
    for image, label, chances in zip(images, labels.tolist(), numbers, strict=True):
        name = names[label]
        image[:] = np.asarray(_draw_image(SUBJECTS[name], poses[name], _Draws(chances)))
    for start in range(0, count, _CHUNK):
        chunk = images[start : start + _CHUNK]
        chunk[:] = _develop(chunk, draws)
    return Split(images, labels)


class _Draws:
    """Choices made by numbers from 0 to 1, one after the other."""

    def __init__(self, numbers: list[float]) -> None:
        self._numbers = iter(numbers)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._numbers)

    def pick(self, choices: Sequence[_T]) -> _T:
        return choices[int(len(choices) * next(self._numbers))]

    def colour(self, choices: Sequence[_Colour]) -> list[float]:
        return [channel + self.between(-16, 16) for channel in self.pick(choices)]


def _draw_image(
    subject: Subject, poses: Sequence[Image.Image], chance: _Draws
) -> Image.Image:
    image = _draw_scene(SCENES[chance.pick(subject.scenes)], chance)
    behind = float(np.asarray(image).mean())
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    place = _place(subject.tilt, chance)
    cover = chance.pick(poses).transform(image.size, affine, place, bilinear)
    body = _stand_out(chance.colour(subject.colours), behind)
    trim = _stand_out(chance.colour(subject.colours), behind)
    for mask, colour in zip(
        cover.split(), (body, trim, chance.colour(_INKS)), strict=True
    ):
        image.paste(_whole(colour), mask=mask)
    return image


def _draw_scene(scene: Scene, chance: _Draws) -> Image.Image:
    image = Image.new("RGB", (_SIDE, _SIDE), _whole(chance.colour(scene.above)))
    draw = ImageDraw.Draw(image, "RGBA")  # lets what is drawn shine through
    horizon = min(round(_SIDE * chance.between(*scene.horizon)), _SIDE)
    draw.rectangle((0, horizon, _SIDE, _SIDE), _whole(chance.colour(scene.below)))
    for _ in range(2):
        x, y = chance.between(0, _SIDE), chance.between(0, _SIDE)
        width, height = _SIDE * chance.between(0.05, 0.2), _SIDE * 0.06
        box = (x - width, y - height, x + width, y + height)
        colour = _whole(chance.colour(scene.blobs))
        draw.ellipse(box, (*colour, round(chance.between(0, 130))))
    return image


def _place(tilt: float, chance: _Draws) -> tuple[float, ...]:
    """Where each pixel looks into a pose: the six numbers of Pillow's ``AFFINE``."""
    angle = math.radians(chance.between(-tilt, tilt))
    sine, cosine = math.sin(angle), math.cos(angle)
    reach = _SIDE * chance.between(0.41, 0.48)  # from the middle to an end, in pixels
    room = _SIDE * 0.525 - reach  # an end may be cut off a little
    x, y = (_SIDE / 2 + chance.between(-room, room) for _ in range(2))
    stretch, slant = chance.between(0.88, 1.12), chance.between(-0.1, 0.1)
    mirror = chance.pick((-1, 1))
    scale = 100 * POSE_SIZE / (2 * REACH) / reach
    across = (
        mirror * scale * (cosine / stretch - slant * sine),
        mirror * scale * (sine / stretch + slant * cosine),
    )
    down = (-scale * sine, scale * cosine)
    half = POSE_SIZE / 2
    return (
        *across,
        half - across[0] * x - across[1] * y,
        *down,
        half - down[0] * x - down[1] * y,
    )


def _stand_out(colour: list[float], behind: float) -> list[float]:
    """Move a colour away from the brightness behind it, where it is too near."""
    gap = sum(colour) / 3 - behind
    # Towards its own side, or else the side on which there is more room.
    brighter = gap > 0 if abs(gap) > 13 else behind < 128
    missing = max(_MIN_GAP - abs(gap), 0)
    return [channel + (missing if brighter else -missing) for channel in colour]


def _whole(colour: list[float]) -> _Colour:
    red, green, blue = (min(max(round(channel), 0), 255) for channel in colour)
    return red, green, blue


def _develop(images: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Add patches, light from above, exposure, contrast and noise."""
    count, height, width, _ = images.shape

    def uniform(low: float, high: float, channels: int = 1) -> np.ndarray:
        return draws.uniform(low, high, (count, 1, 1, channels)).astype(np.float32)

    coarse = draws.standard_normal((count, height // 4, width // 4, 1), np.float32)
    patches = 1 + 0.04 * coarse.repeat(4, axis=1).repeat(4, axis=2)
    depth = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    light = patches * (1 - uniform(-0.1, 0.35) * depth)
    pixels = (images * light - 128) * uniform(0.85, 1.15) + 128
    pixels += uniform(-26, 26) + uniform(-13, 13, channels=3)
    pixels += draws.standard_normal(images.shape, np.float32) * uniform(2.5, 6.5)
    whole: np.ndarray = np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
    return whole
