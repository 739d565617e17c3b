"""One image of any size and mode, as the network sees it."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, BinaryIO

from cifarcnn.data.pixel_modes import DAMAGED, flatten_colours, prepare_mode
from cifarcnn.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

SIDE = 32
MAX_BYTES = 100_000_000
MAX_PIXELS = 50_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_ACCEPTED = "a PNG, JPEG, WebP, BMP or GIF picture"
# What a JPEG may be shrunk to while it is being decoded: enough for the filter below
# to see four pixels for each one it makes.
_DRAFT_SIDE = 4 * SIDE
_ORIENTATION = 0x0112  # the EXIF tag


def read_image(
    source: Path | BinaryIO, name: str, size: tuple[int, int] = (SIDE, SIDE)
) -> np.ndarray:
    """Read an image and make it 32x32.

    The largest centred square is cut out and shrunk (or enlarged) with Lanczos's
    filter, antialiased; an image that is 32x32 already keeps every pixel. EXIF
    rotation is applied, transparency shows white, 16 bits are scaled to 8, of an
    animation the first frame counts.

    Args:
        source: A file, or a stream of its bytes.
        name: What the user calls it; its ending helps to explain a refusal.

    Returns:
        uint8 ``(32, 32, 3)``, red, green, blue.

    Raises:
        ImageError: It is not a regular file, cannot be read, is empty, larger than
            100 MB or 50 megapixels, cut short, damaged, or not a PNG, JPEG, WebP, BMP
            or GIF image. The sentence does not repeat ``name``.
    """
    with silent_pillow():
        return read_image_unfiltered(source, name, size)


@contextlib.contextmanager
def silent_pillow() -> Iterator[None]:
    """Without Pillow's warnings: of what is checked here, or matters for no pixel.

    Python's filters hold for all threads: open it in one thread, before others read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_image_unfiltered(
    source: Path | BinaryIO, name: str, size: tuple[int, int]
) -> np.ndarray:
    """As ``read_image``, but Pillow may warn; several threads can read at once.

    Raises:
        ImageError: As ``read_image``.
    """
    import numpy as np

    image = decode(read_bytes(source), name)
    orientation = orientation_of(image)
    # After shrinking: a centred square keeps its place under every rotation.
    small = turn(flatten_colours(_shrink(prepare_mode(image), size)), orientation)
    return np.array(small, dtype=np.uint8)


def read_bytes(source: Path | BinaryIO) -> bytes:
    """All bytes of a file or stream.

    Raises:
        ImageError: As ``read_image``.
    """
    if not isinstance(source, PurePath):
        data = source.read(MAX_BYTES + 1)
    else:
        try:
            status = os.stat(source)
            mode = status.st_mode
            if stat.S_ISDIR(mode):
                raise ImageError("this is a folder; expected a picture.")
            if not stat.S_ISREG(mode):
                raise ImageError("this is not a regular file; expected a picture.")
            with open(source, "rb") as file:
                # Asked for more than there is, Python makes room for it all first.
                data = file.read(min(status.st_size, MAX_BYTES) + 1)
        except FileNotFoundError:
            raise ImageError("there is no such file.") from None
        except OSError as error:
            raise ImageError(f"it cannot be read: {error.strerror}.") from None
        except ValueError:
            raise ImageError("this is not the name of a file.") from None
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"it is larger than {MAX_BYTES // 1_000_000} MB, the most that is read."
        )
    if not data:
        raise ImageError(f"the file is empty; expected {_ACCEPTED}.")
    return data


def decode(data: bytes, name: str, draft_side: int = _DRAFT_SIDE) -> Image.Image:
    """An image with its pixels, as they lie in the file.

    Args:
        data: The bytes of the file.
        name: What the user calls it.
        draft_side: A JPEG may come out smaller, but no side below this.

    Raises:
        ImageError: As ``read_image``.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        ending = PurePath(name).suffix
        hint = f" (its name ends in {ending})" if ending else ""
        raise ImageError(
            f"this is not {_ACCEPTED}{hint}; save it as one of these."
        ) from None
    except Image.DecompressionBombError:
        raise ImageError(
            f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels; at most "
            f"{MAX_PIXELS:,} are accepted. Make it smaller first."
        ) from None
    except Exception:
        raise ImageError(DAMAGED) from None
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"it has {width:,} x {height:,} = {width * height:,} pixels; at most "
            f"{MAX_PIXELS:,} are accepted. Make it smaller first."
        )
    try:
        image.draft(None, (draft_side, draft_side))
        image.load()
    except Exception as error:
        # On damaged bytes Pillow's readers raise whatever they stumble over.
        if "truncated" in str(error):
            raise ImageError("the file is cut short.") from None
        raise ImageError(DAMAGED) from None
    return image


def orientation_of(image: Image.Image) -> int:
    """How it must be turned, as EXIF numbers it; 1 for not at all."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # A broken EXIF block is not worth the image: it is taken as it lies.
        return 1


def _shrink(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    if image.size == size[::-1]:
        return image
    width, height = image.size
    square = min(width, height)
    left, top = (width - square) / 2, (height - square) / 2
    return image.resize(
        size[::-1],
        Image.Resampling.LANCZOS,
        box=(left, top, left + square, top + square),
    )


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Turn or mirror an image as EXIF's number says."""
    if orientation == 1:
        return image
    from PIL.Image import Transpose

    # How to undo each value: table of EXIF 2.3, section 4.6.4.
    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation)
    return image if turn is None else image.transpose(turn)
