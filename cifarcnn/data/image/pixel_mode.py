"""Pixels of any kind as 8 bits, with their transparency."""

from __future__ import annotations

from typing import IO

import numpy as np
from PIL import Image, PngImagePlugin

from cifarcnn.errors import ImageError

# Pillow spreads greys of few bits over 0..255, but not the one that is to be clear.
_GREY_STEPS = {"L;2": 85, "L;4": 17, "L": 1}
_PALETTES = frozenset({"P", "PA"})
_AS_THEY_ARE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})


def load_pixels(image: Image.Image) -> Image.Image:
    """Load an image and give it 8 bits: L, LA, RGB, RGBA or CMYK.

    Args:
        image: As opened; not yet loaded.

    Raises:
        ImageError: As ``prepare_mode``; and Pillow raises what it will.
    """
    clear = image.info.get("transparency")
    stored, file = "", None
    if isinstance(image, PngImagePlugin.PngImageFile) and image.tile:
        stored, file = str(image.tile[0].args), image.fp
    if isinstance(clear, int) and stored in _GREY_STEPS:
        step = _GREY_STEPS[stored]
        image.info["transparency"] = clear % (255 // step + 1) * step
    image.load()
    if isinstance(clear, tuple) and file is not None and stored == "RGB;16B":
        return _clear_16_bits(image, file, clear)
    if isinstance(clear, tuple):
        image.info["transparency"] = tuple(value % 256 for value in clear)
    return prepare_mode(image)


def prepare_mode(image: Image.Image) -> Image.Image:
    """Give a loaded image one of the modes L, LA, RGB, RGBA and CMYK.

    Raises:
        ImageError: The mode is none of 1, L, LA, P, PA, RGB, RGBA, CMYK, I;16.
    """
    if image.mode.startswith("I;16"):
        return _scale_16_bits(image)
    if image.mode in _PALETTES:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "1" and "transparency" not in image.info:
        return image.convert("L")
    if image.mode in ("1", "L", "RGB") and "transparency" in image.info:
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    if image.mode in _AS_THEY_ARE:
        return image
    raise ImageError(
        f"its pixels have the mode {image.mode}; expected grey or colour with 8 or "
        "16 bits."
    )


def _scale_16_bits(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips: everything above 255 would become white.
    wide = np.asarray(image)
    grey = Image.fromarray(((wide.astype(np.uint32) + 128) // 257).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray((wide != clear) * np.uint8(255)))
    return grey


def _clear_16_bits(
    image: Image.Image, file: IO[bytes], clear: tuple[int, ...]
) -> Image.Image:
    """Make one 16-bit colour clear; Pillow keeps only the upper 8 bits."""
    file.seek(0)
    lower = PngImagePlugin.PngImageFile(file)
    # The unpacker for the other byte order takes the other half of each number.
    lower.tile = [lower.tile[0]._replace(args="RGB;16L")]
    lower.load()
    opaque = np.zeros((image.height, image.width), bool)
    for channel, value in enumerate(clear):
        opaque |= np.asarray(image.getchannel(channel)) != value // 256
        opaque |= np.asarray(lower.getchannel(channel)) != value % 256
    del image.info["transparency"]
    image.putalpha(Image.fromarray(opaque * np.uint8(255)))
    return image
