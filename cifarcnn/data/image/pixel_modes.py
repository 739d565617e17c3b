"""From Pillow's pixel modes to plain red, green and blue."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cifarcnn.errors import ImageError

DAMAGED = "the file is damaged: its pixels cannot be read."
_PLAIN = frozenset({"1", "L", "P", "RGB", "CMYK"})


def prepare_mode(image: Image.Image) -> Image.Image:
    """Give an image a mode that can be shrunk: RGB, or RGBA where parts are clear.

    Args:
        image: A loaded image of any mode.

    Raises:
        ImageError: The mode is none of 1, L, LA, P, PA, RGB, RGBA, CMYK, I;16, or the
            palette or the transparency of the image is damaged.
    """
    try:
        if image.mode.startswith("I;16"):
            return _scale_16_bits(image)
        if image.has_transparency_data:
            return image.convert("RGBA")
        if image.mode in _PLAIN:
            # Pillow would copy one that is RGB already.
            return image if image.mode == "RGB" else image.convert("RGB")
    except Exception:
        # Pillow looks at what stands beside the pixels only now: a palette with more
        # transparencies than colours, say.
        raise ImageError(DAMAGED) from None
    raise ImageError(
        f"its pixels have the mode {image.mode}; expected grey or colour with 8 or "
        "16 bits."
    )


def flatten_colours(image: Image.Image) -> Image.Image:
    """Lay an RGBA image on white; an RGB one stays as it is."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _scale_16_bits(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips: everything above 255 would become white.
    wide = np.asarray(image)
    grey = ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey = np.where(wide == clear, 255, grey).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
