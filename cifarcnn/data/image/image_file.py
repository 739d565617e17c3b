"""One image file of any size and mode, as the network sees it."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, JpegImagePlugin

from cifarcnn.data.daemon_thread import start_daemon
from cifarcnn.data.image.bounded_file import open_bounded
from cifarcnn.data.image.color_space import convert_to_srgb, find_profile
from cifarcnn.data.image.decoded_image import DecodedImage
from cifarcnn.data.image.exif_orientation import SIDEWAYS, read_orientation
from cifarcnn.data.image.jpeg_segments import check_scans, is_decoded_by_rows
from cifarcnn.data.image.pixel_mode import load_pixels
from cifarcnn.data.image.png_chunks import drop_chunks
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.data.image.unsupported_format import (
    ACCEPTED,
    describe_unsupported,
    describe_variant,
)
from cifarcnn.errors import ImageError

MAX_BYTES = 100_000_000
# Of those that are decoded, four bytes each.
MAX_PIXELS = 50_000_000
# Of a JPEG that is shrunk while it is decoded, row by row. They cost time alone.
MAX_JPEG_PIXELS = 250_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_TOO_LARGE = (
    f"at most {MAX_PIXELS:,} are accepted, or {MAX_JPEG_PIXELS:,} of a JPEG that is "
    "not progressive. Make it smaller first."
)
_DAMAGED = "the file is damaged: its pixels cannot be read."
# A JPEG may be shrunk while it is being decoded, to so many times the size that is
# wanted: enough for the filter to see four pixels for each one it makes.
_DRAFT_FACTOR = 4
# From this size on a native decoder may work longer than a signal should wait.
_LARGE_PIXELS = 4_000_000

# Is told what the user should know of an image that can be used all the same: the rest
# of a sentence, without a full stop.
Noted = Callable[[str], object]
Result = TypeVar("Result")


def ignore(note: str) -> None:
    """Tell nobody."""


def read_image(
    source: Path | BinaryIO, name: str, target: TargetSize, noted: Noted = ignore
) -> np.ndarray:
    """Read an image and give it the size that a network takes.

    The part of it that ``target`` uses is shrunk (or enlarged) with Lanczos's filter,
    antialiased; an image that has the size already keeps every pixel. Colours of
    another space become sRGB's, EXIF rotation is applied, transparency shows white, 16
    bits are scaled to 8, of an animation the first frame counts.

    Args:
        source: A file, or a stream of its bytes.
        name: What the user calls it; its ending helps to explain a refusal.
        target: Height and width, and what happens to other proportions.
        noted: Told when a colour profile was left out.

    Returns:
        uint8 ``(height, width, 3)``, red, green, blue.

    Raises:
        ImageError: It is not a regular file, cannot be read, is empty, larger than
            100 MB or 50 megapixels (250 of a JPEG that is decoded smaller), made of too
            many pieces or scans, cut short, damaged, or not a PNG, JPEG, WebP, BMP or
            GIF image. The sentence does not repeat ``name``.
    """
    with silent_pillow():
        return decode_image(read_bytes(source), name, target, noted)[0]


def decode_image(
    data: bytes, name: str, target: TargetSize, noted: Noted = ignore
) -> tuple[np.ndarray, float]:
    """As ``read_image``, of the bytes of a file; Pillow may warn.

    Unlike there, several threads can do so at once.

    Returns:
        The pixels, and how far the proportions of the file are from those of
        ``target`` (``TargetSize.mismatch``).

    Raises:
        ImageError: As ``read_image``.
    """
    # Whatever is done: neither side is given more pixels than the longer of these.
    smallest_side = _DRAFT_FACTOR * max(target.height, target.width)
    return _decode(
        data,
        name,
        smallest_side,
        noted,
        lambda file: (file.fit(target), target.mismatch(*file.full_size)),
    )


@contextlib.contextmanager
def silent_pillow() -> Iterator[None]:
    """Without Pillow's warnings: of what is checked here, or matters for no pixel.

    Python's filters hold for all threads: open it in one thread, before others read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


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
        raise ImageError(f"the file is empty; expected {ACCEPTED}.")
    return data


def decode_shrunk(data: bytes, name: str, longest_side: int) -> np.ndarray:
    """The whole image, uint8 ``(height, width, 3)``, no side longer than that.

    Raises:
        ImageError: As ``read_image``.
    """
    return _decode(
        data, name, longest_side, ignore, lambda file: file.shrink(longest_side)
    )


def decode(data: bytes, name: str, noted: Noted = ignore) -> DecodedImage:
    """The image as it lies in the file, of the size that it has there.

    Raises:
        ImageError: As ``read_image``.
    """
    return _decode(data, name, MAX_PIXELS, noted, lambda file: file)


def _decode(
    data: bytes,
    name: str,
    smallest_side: int,
    noted: Noted,
    finish: Callable[[DecodedImage], Result],
) -> Result:
    """Decode and finish; a JPEG may come out smaller, but no side below that."""
    check_scans(data)
    image = open_header(data, name)

    def work() -> Result:
        return finish(_load(image, data, smallest_side, noted))

    large = image.width * image.height > _LARGE_PIXELS
    if large and threading.current_thread() is threading.main_thread():
        return start_daemon(work).result()
    return work()


def _load(
    image: Image.Image, data: bytes, smallest_side: int, noted: Noted
) -> DecodedImage:
    width, height = image.size
    try:
        image.draft(None, (smallest_side, smallest_side))
        _require_memory(image, (width, height))
        pixels = load_pixels(image)
    except ImageError:
        raise
    except Exception as error:
        # On damaged bytes Pillow's readers raise whatever they stumble over.
        if "truncated" in str(error):
            raise ImageError("the file is cut short.") from None
        raise ImageError(describe_variant(data) or _DAMAGED) from None
    rgb, note = convert_to_srgb(pixels, find_profile(image))
    if note is not None:
        noted(note)
    orientation = read_orientation(image)
    if orientation in SIDEWAYS:
        width, height = height, width
    return DecodedImage(rgb, orientation, (height, width))


def open_header(data: bytes, name: str) -> Image.Image:
    """What a file says of its image; the pixels are not decoded.

    Raises:
        ImageError: As ``read_image``.
    """
    image = _open(data) or _open(drop_chunks(data, colours=False))
    if image is None:
        image = _open(drop_chunks(data, colours=True))
        if image is None:
            raise ImageError(describe_unsupported(data, name))
        image.info["icc_profile"] = b""
    width, height = image.size
    most = MAX_JPEG_PIXELS if is_decoded_by_rows(data) else MAX_PIXELS
    if width * height > most:
        raise ImageError(
            f"it has {width:,} x {height:,} = {width * height:,} pixels; {_TOO_LARGE}"
        )
    return image


def _require_memory(image: Image.Image, full_size: tuple[int, int]) -> None:
    """See that what is about to be decoded is not too much.

    Raises:
        ImageError: It is.
    """
    if image.width * image.height > MAX_PIXELS:
        width, height = full_size
        raise ImageError(
            f"it has {width:,} x {height:,} = {width * height:,} pixels, and a network "
            f"that takes so large pictures needs {image.width:,} x {image.height:,} of "
            f"them; at most {MAX_PIXELS:,} are decoded. Make it smaller first."
        )


def _open(data: bytes | None) -> Image.Image | None:
    if data is None:
        return None
    try:
        return Image.open(open_bounded(data), formats=FORMATS)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        if is_decoded_by_rows(data):
            # Pillow has one bound for all; its size is looked at by whoever called.
            return JpegImagePlugin.JpegImageFile(open_bounded(data))
        raise ImageError(
            f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels; "
            f"{_TOO_LARGE}"
        ) from None
    except Exception:
        # On damaged bytes Pillow's readers raise whatever they stumble over.
        return None
