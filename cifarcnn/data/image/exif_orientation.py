"""The way in which a camera was held, as EXIF notes it.

``ImageOps.exif_transpose`` would turn the large image before it is shrunk, write its
EXIF block anew, and fail where that block is broken.
"""

from __future__ import annotations

from PIL import Image
from PIL.Image import Transpose

_TAG = 0x0112
# How to undo each value: table of EXIF 2.3, section 4.6.4.
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
# After these, width and height have changed places.
SIDEWAYS = frozenset(_TURNS[value] for value in (5, 6, 7, 8))


def read_orientation(image: Image.Image) -> Transpose | None:
    """How the image must be turned or mirrored to be seen upright."""
    try:
        return _TURNS.get(int(image.getexif().get(_TAG, 1)))
    except Exception:
        # A broken EXIF block is not worth the image: it is taken as it lies.
        return None
