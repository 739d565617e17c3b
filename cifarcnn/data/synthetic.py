"""The embedded data set: images of CIFAR-10's ten classes, drawn by code.

It exists so that the first command works on a machine without a network. The images
vary in colour, place, size, tilt, pose, light and noise; backgrounds are shared
between classes. They are not CIFAR-10, and an accuracy on them says nothing about it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cifarcnn.data import animals, atlas, scenes, vehicles
from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.scenes import Colour
from cifarcnn.data.silhouettes import Pose
from cifarcnn.data.splits import Split

if TYPE_CHECKING:
    import numpy as np

_TRAINING_IMAGES = 10_000
_TEST_IMAGES = 2_000
_SEED = 20_090_408  # of the data set, not of a run: everybody gets the same images
_CHUNK = 250  # images drawn at a time, so that the planes stay in the cache
_SIDE = 32
_CODE = (
    "animals.py",
    "atlas.py",
    "scenes.py",
    "silhouettes.py",
    "synthetic.py",
    "vehicles.py",
)
_MIN_GAP = 0.36  # in mean brightness, between a body and its background


@dataclass(frozen=True)
class Subject:
    """How one class is shown.

    Attributes:
        poses: Its silhouettes.
        scenes: How often it stands before each background.
        colours: What its body may be painted in; the trim takes one of them, too.
        tilt: Standard deviation of its tilt in degrees.
    """

    poses: tuple[Pose, ...]
    scenes: dict[str, float]
    colours: tuple[Colour, ...]
    tilt: float


_PAINTS = (
    (200, 40, 40),
    (40, 70, 170),
    (235, 235, 235),
    (60, 60, 65),
    (230, 190, 50),
    (60, 130, 80),
    (165, 170, 175),
)
_FURS = (
    (140, 95, 55),
    (95, 65, 40),
    (190, 150, 100),
    (60, 50, 45),
    (225, 215, 200),
    (150, 145, 140),
)

SUBJECTS = {
    "airplane": Subject(
        vehicles.AIRPLANE,
        {"sky": 0.7, "sea": 0.1, "grass": 0.1, "road": 0.1},
        _PAINTS,
        9,
    ),
    "automobile": Subject(vehicles.AUTOMOBILE, {"road": 0.7, "grass": 0.3}, _PAINTS, 5),
    "bird": Subject(
        animals.BIRD,
        {"sky": 0.45, "grass": 0.35, "sea": 0.2},
        (*_FURS, *_PAINTS),
        8,
    ),
    "cat": Subject(animals.CAT, {"grass": 0.5, "road": 0.5}, _FURS, 6),
    "deer": Subject(animals.DEER, {"grass": 0.85, "road": 0.15}, _FURS, 6),
    "dog": Subject(animals.DOG, {"grass": 0.55, "road": 0.45}, _FURS, 6),
    "frog": Subject(
        animals.FROG,
        {"grass": 0.6, "sea": 0.25, "road": 0.15},
        ((90, 150, 50), (60, 110, 60), (150, 140, 60), (120, 95, 60), (70, 120, 150)),
        8,
    ),
    "horse": Subject(animals.HORSE, {"grass": 0.75, "road": 0.25}, _FURS, 6),
    "ship": Subject(vehicles.SHIP, {"sea": 0.85, "sky": 0.15}, _PAINTS, 5),
    "truck": Subject(vehicles.TRUCK, {"road": 0.7, "grass": 0.3}, _PAINTS, 5),
}


class SyntheticSource:
    """The drawings as a source of images."""

    key = "synthetic"
    origin = "drawn by code"
    notice = "synthetic pictures drawn by code, not CIFAR-10"

    def signature(self) -> dict[str, JsonValue]:
        """The drawing code itself, and NumPy's version, whose draws may change."""
        import numpy as np

        digest = hashlib.sha256()
        for name in _CODE:
            digest.update(Path(__file__).with_name(name).read_bytes())
        return {"code": digest.hexdigest(), "numpy": np.__version__}

    def decode(self) -> Decoded:
        """Draw all images: 10,000 to train on and 2,000 to test, balanced."""
        import numpy as np

        seeds = np.random.SeedSequence(_SEED).spawn(2)
        training = draw_images(_TRAINING_IMAGES, np.random.default_rng(seeds[0]))
        test = draw_images(_TEST_IMAGES, np.random.default_rng(seeds[1]))
        return Decoded(tuple(SUBJECTS), training, test, official=False)


def draw_images(count: int, draws: np.random.Generator) -> Split:
    """Draw ``count`` images in random order, the same number of every class.

    Args:
        count: A multiple of ten.
        draws: Where the chances come from.
    """
    import numpy as np

    poses = [
        atlas.draw_pose(pose) for subject in SUBJECTS.values() for pose in subject.poses
    ]
    # (3, poses * size * size): one flat table for each part.
    parts = np.stack(poses, axis=1).reshape(3, -1)
    labels = draws.permutation(np.arange(count) % len(SUBJECTS)).astype(np.uint8)
    images = np.empty((count, _SIDE, _SIDE, 3), np.uint8)
    for start in range(0, count, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        images[chunk] = _draw_chunk(draws, parts, labels[chunk])
    return Split(images, labels)


def _draw_chunk(
    draws: np.random.Generator, parts: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    import numpy as np

    subjects = list(SUBJECTS.values())
    count = len(labels)
    shares = np.array(
        [[s.scenes.get(kind, 0.0) for kind in scenes.SCENES] for s in subjects]
    )
    chance = draws.random((count, 1))
    kinds = (chance > shares.cumsum(axis=1)[labels]).sum(axis=1)
    # Sums of shares may fall short of 1 by a rounding.
    canvas = scenes.draw_scenes(draws, np.minimum(kinds, len(scenes.SCENES) - 1))
    where, height = _place(draws, labels)

    body = _stand_out(_colours(draws, labels), canvas)
    trim = _stand_out(_colours(draws, labels), canvas)
    ink = np.full(count, 0.1).astype(np.float32)
    ink = ink + draws.normal(0, 0.06, (3, count)).astype(np.float32)
    light = 1 - draws.uniform(-0.1, 0.35, (count, 1)).astype(np.float32) * height
    for table, colour in zip(parts, (body, trim, ink), strict=True):
        cover = table[where]
        for plane, tone in zip(canvas, colour, strict=True):
            plane += cover * (tone[:, None] * light - plane)
    return _develop(draws, canvas)


def _place(
    draws: np.random.Generator, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel looks into the table of poses, and how far below the middle."""
    import numpy as np

    def uniform(low: float, high: float) -> np.ndarray:
        return draws.uniform(low, high, (count, 1)).astype(np.float32)

    subjects = list(SUBJECTS.values())
    count = len(labels)
    tilts = np.radians([subject.tilt for subject in subjects])[labels]
    angle = (draws.standard_normal(count) * tilts)[:, None]
    sine, cosine = np.sin(angle).astype(np.float32), np.cos(angle).astype(np.float32)
    reach = uniform(13, 15.5)  # pixels from the middle of the subject to its ends
    stretch, slant = uniform(0.88, 1.12), uniform(-0.1, 0.1)
    room = 16.5 - reach
    ticks = np.arange(_SIDE, dtype=np.float32) + np.float32(0.5)
    dx = np.tile(ticks, _SIDE) - 16 - uniform(-1, 1) * room
    dy = np.repeat(ticks, _SIDE) - 16 - uniform(-1, 1) * room
    mirror = np.where(draws.random((count, 1)) < 0.5, -1, 1).astype(np.float32)
    v = (cosine * dy - sine * dx) / reach
    u = mirror * ((cosine * dx + sine * dy) / (reach * stretch) + slant * v)

    first = np.cumsum([0, *(len(subject.poses) for subject in subjects)])
    number = np.diff(first)[labels]
    pose = first[labels] + (draws.random(count) * number).astype(np.intp)
    half = atlas.SIZE / 2
    scale = np.float32(half / atlas.REACH)
    # Everything off the table falls on its empty rim.
    column = np.clip(u * scale + half, 0, atlas.SIZE - 1).astype(np.int32)
    row = np.clip(v * scale + half, 0, atlas.SIZE - 1).astype(np.int32)
    offset = (pose * atlas.SIZE * atlas.SIZE).astype(np.int32)[:, None]
    return offset + row * atlas.SIZE + column, v


def _colours(draws: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    import numpy as np

    palettes = [subject.colours for subject in SUBJECTS.values()]
    return scenes.pick_colours(draws, palettes, np.asarray(labels, np.intp))


def _stand_out(colours: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    """Move colours away from the brightness behind them, where they are too near."""
    import numpy as np

    behind = canvas.mean(axis=(0, 2))
    gap = colours.mean(axis=0) - behind
    # Towards the side on which there is more room.
    side = np.where(behind < 0.5, 1, -1)
    side = np.where(np.abs(gap) > 0.05, np.sign(gap), side)
    missing = np.maximum(_MIN_GAP - np.abs(gap), 0)
    moved: np.ndarray = (colours + side * missing).astype(np.float32)
    return moved


def _develop(draws: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """Exposure, contrast and noise; then bytes, ``(n, 32, 32, 3)``."""
    import numpy as np

    count = canvas.shape[1]
    contrast = draws.uniform(0.85, 1.15, (count, 1)).astype(np.float32)
    bright = draws.normal(0, 0.03, (3, count, 1)).astype(np.float32)
    bright += draws.normal(0, 0.06, (count, 1)).astype(np.float32)
    noise = draws.uniform(0.01, 0.025, (count, 1)).astype(np.float32)
    canvas -= 0.5
    canvas *= contrast
    canvas += bright + 0.5
    canvas += draws.standard_normal(canvas.shape, np.float32) * noise
    pixels = np.clip(canvas * 255 + 0.5, 0, 255).astype(np.uint8)
    return pixels.transpose(1, 2, 0).reshape(count, _SIDE, _SIDE, 3)
