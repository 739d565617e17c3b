"""Backgrounds: sky, sea, grass and road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Colour = tuple[int, int, int]
_SIDE = 32
_BLOBS = 2  # clouds, bushes, rocks in each image


@dataclass(frozen=True)
class Scene:
    """What lies behind a subject.

    Attributes:
        above: Colours that the part above the horizon may have.
        below: Colours that the part below it may have.
        blobs: Colours of the soft blobs strewn over it.
        horizon: Range of its height, 0 the upper edge and 1 the lower.
        grain: Strength of the patches below the horizon.
        waves: Strength of level stripes below the horizon.
    """

    above: tuple[Colour, ...]
    below: tuple[Colour, ...]
    blobs: tuple[Colour, ...]
    horizon: tuple[float, float]
    grain: float
    waves: float


_SKIES: tuple[Colour, ...] = (
    (120, 175, 235),
    (170, 205, 240),
    (205, 215, 225),
    (90, 130, 190),
    (235, 190, 150),
    (150, 155, 165),
)

SCENES = {
    "sky": Scene(
        above=_SKIES,
        below=((90, 120, 80), (120, 110, 90)),
        blobs=((250, 250, 250), (225, 230, 235), (180, 185, 195)),
        horizon=(0.92, 1.6),
        grain=0.05,
        waves=0.0,
    ),
    "sea": Scene(
        above=_SKIES,
        below=((40, 95, 140), (60, 125, 150), (80, 110, 125), (35, 70, 100)),
        blobs=((200, 215, 220), (90, 130, 150)),
        horizon=(0.15, 0.6),
        grain=0.04,
        waves=0.08,
    ),
    "grass": Scene(
        above=(*_SKIES, (60, 85, 50), (85, 100, 60)),
        below=((95, 140, 60), (130, 150, 75), (75, 110, 50), (165, 155, 95)),
        blobs=((60, 90, 45), (110, 130, 60), (140, 120, 80)),
        horizon=(0.0, 0.6),
        grain=0.07,
        waves=0.0,
    ),
    "road": Scene(
        above=(*_SKIES, (150, 130, 115), (110, 115, 110), (175, 165, 150)),
        below=((115, 115, 118), (90, 92, 98), (150, 147, 142), (135, 125, 115)),
        blobs=((95, 105, 80), (130, 120, 115), (180, 175, 170)),
        horizon=(0.1, 0.6),
        grain=0.05,
        waves=0.0,
    ),
}


def draw_scenes(draws: np.random.Generator, kinds: np.ndarray) -> np.ndarray:
    """Draw one background for each entry of ``kinds``.

    Args:
        draws: Where the chances come from.
        kinds: int ``(n,)``, positions in ``SCENES``.

    Returns:
        float32 ``(3, n, 1024)``: the colour planes, each image row by row, 0 to 1.
    """
    import numpy as np

    count = len(kinds)
    scenes = list(SCENES.values())
    above = pick_colours(draws, [scene.above for scene in scenes], kinds)
    below = pick_colours(draws, [scene.below for scene in scenes], kinds)
    low, high = np.array([scene.horizon for scene in scenes], np.float32)[kinds].T
    horizon = low + (high - low) * draws.random(count, np.float32)
    grain = np.array([scene.grain for scene in scenes], np.float32)[kinds]
    waves = np.array([scene.waves for scene in scenes], np.float32)[kinds]

    ticks = (np.arange(_SIDE, dtype=np.float32) + 0.5) / _SIDE
    # (n, 32): everything but patches and blobs is the same along a row.
    depth = ticks[None, :] - horizon[:, None]
    ground = np.clip(depth * _SIDE + 0.5, 0, 1)
    # The sky pales towards the horizon; the ground darkens towards the viewer.
    shade = np.where(depth < 0, 1 + 0.25 * depth, 1 - 0.2 * depth)
    pitch = draws.uniform(25, 60, (count, 1)).astype(np.float32)
    phase = draws.uniform(0, 6.28, (count, 1)).astype(np.float32)
    shade += waves[:, None] * np.sin(pitch * np.sqrt(np.abs(depth)) + phase) * ground

    patches = _patches(draws, count)
    patches *= (grain[:, None] * ground + 0.02)[:, :, None]
    patches += shade[:, :, None]
    mixed = above[:, :, None] + (below - above)[:, :, None] * ground
    canvas: np.ndarray = (mixed[:, :, :, None] * patches).reshape(
        3, count, _SIDE * _SIDE
    )
    for _ in range(_BLOBS):
        colour = pick_colours(draws, [scene.blobs for scene in scenes], kinds)
        _add_blob(draws, canvas, colour)
    return canvas


def pick_colours(
    draws: np.random.Generator, choices: list[tuple[Colour, ...]], kinds: np.ndarray
) -> np.ndarray:
    """One colour for each image, a little changed: float32 ``(3, n)``, 0 to 1."""
    import numpy as np

    longest = max(len(colours) for colours in choices)
    table = np.array(
        [[colours[i % len(colours)] for i in range(longest)] for colours in choices],
        np.float32,
    )
    sizes = np.array([len(colours) for colours in choices])[kinds]
    chosen = table[kinds, (draws.random(len(kinds)) * sizes).astype(np.intp)]
    changed = chosen / 255 + draws.normal(0, 0.04, chosen.shape)
    colours: np.ndarray = np.clip(changed, 0, 1).astype(np.float32).T
    return colours


def _patches(draws: np.random.Generator, count: int) -> np.ndarray:
    """Soft random patches: float32 ``(n, 32, 32)``, about -1 to 1."""
    import numpy as np

    coarse = draws.standard_normal((count, 8, 8), np.float32) * np.float32(0.6)
    fine = draws.standard_normal((count, 16, 16), np.float32) * np.float32(0.6)
    fine += coarse.repeat(2, axis=1).repeat(2, axis=2)
    patches: np.ndarray = fine.repeat(2, axis=1).repeat(2, axis=2)
    return patches


def _add_blob(
    draws: np.random.Generator, canvas: np.ndarray, colour: np.ndarray
) -> None:
    import numpy as np

    count = canvas.shape[1]
    x, y = draws.uniform(0, _SIDE, (2, count, 1)).astype(np.float32)
    width = draws.uniform(3, 9, (count, 1)).astype(np.float32)
    height = draws.uniform(1.5, 4, (count, 1)).astype(np.float32)
    strength = draws.uniform(0, 0.6, (count, 1)).astype(np.float32)
    ticks = np.arange(_SIDE, dtype=np.float32) + np.float32(0.5)
    across = ((ticks - x) / width) ** 2
    down = ((ticks - y) / height) ** 2
    cover = np.clip(1 - (across[:, None, :] + down[:, :, None]), 0, 1)
    cover = (cover * strength[:, :, None]).reshape(count, -1)
    for plane, tone in zip(canvas, colour, strict=True):
        plane += cover * (tone[:, None] - plane)
