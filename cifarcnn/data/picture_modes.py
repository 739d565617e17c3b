"""From Pillow's pixel modes to plain red, green and blue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cifarcnn.errors import PictureError

if TYPE_CHECKING:
    from PIL import Image

DAMAGED = "the file is damaged: its pixels cannot be read."
_PLAIN = frozenset({"1", "L", "P", "RGB", "CMYK"})


def prepare_mode(picture: Image.Image) -> Image.Image:
    """Give a picture a mode that can be shrunk: RGB, or RGBA where parts are clear.

    Transparency stays for now: Pillow weights colours with it while shrinking.

    Args:
        picture: A loaded picture of any mode.

    Raises:
        PictureError: The mode is none of 1, L, LA, P, PA, RGB, RGBA, CMYK, I;16, or the
            palette or the transparency of the picture is damaged.
    """
    try:
        return _convert(picture)
    except PictureError:
        raise
    except Exception:
        # Pillow looks at what stands beside the pixels only now: a palette with more
        # transparencies than colours, say.
        raise PictureError(DAMAGED) from None


def _convert(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        return _scale_16_bits(picture)
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode in _PLAIN:
        # Pillow would copy one that is RGB already.
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    raise PictureError(
        f"its pixels have the mode {picture.mode}; expected grey or colour with 8 or "
        "16 bits."
    )


def flatten_colours(picture: Image.Image) -> Image.Image:
    """Lay an RGBA picture on white; an RGB one stays as it is."""
    from PIL import Image

    if picture.mode == "RGB":
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _scale_16_bits(picture: Image.Image) -> Image.Image:
    import numpy as np
    from PIL import Image

    # Pillow's own conversion clips: everything above 255 would become white.
    wide = np.asarray(picture)
    grey = ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        grey = np.where(wide == clear, 255, grey).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
