"""From the colour space that an image is stored in to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cifarcnn.data.image.matrix_profile import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    SRGB,
    make_matrix_profile,
)

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

MAX_PROFILE_BYTES = 8_000_000
_DAMAGED = "its colour profile is damaged and was left out"
# The modes of the spaces that profiles can be of.
_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_WITH_ALPHA = frozenset({"LA", "RGBA"})
_NAMES = {"RGB": "RGB", "L": "grey", "CMYK": "CMYK"}
# PNG's gAMA of nearly everything; with sRGB's curve, of which it is an approximation.
_USUAL_GAMMA = 1 / 0.45455
_GAMMA_TOLERANCE = 0.05  # libpng's PNG_GAMMA_THRESHOLD
# The interoperability IFD of EXIF, and its mark of Adobe RGB: DCF 2.0, 4.4.
_INTEROPERABILITY, _INDEX, _ADOBE_MARK = 0xA005, 1, "R03"
# Its own IFD; the number is in no standard, but many cameras and programs write it.
_PHOTO, _COLOR_SPACE, _ADOBE_NUMBER = 0x8769, 0xA001, 2
_STRIP_PIXELS = 4_000_000  # converted at a time: a signal does not wait for the rest


class _ProfileError(Exception):
    """A profile cannot be used; says why."""


def convert_to_srgb(
    image: Image.Image, profile: bytes | None
) -> tuple[Image.Image, str | None]:
    """Give an image the colours of sRGB, relative to white, with black kept black.

    Args:
        image: L, LA, RGB, RGBA or CMYK.
        profile: An ICC profile, empty if it is damaged; ``None``: it is in sRGB.

    Returns:
        RGB, or RGBA where ``image`` has an alpha; and a note where the profile was
        left out.
    """
    note = None
    if profile is not None:
        try:
            return _convert(image, profile), None
        except _ProfileError as error:
            note = str(error)
    return _to_rgb(image), note


def find_profile(image: Image.Image) -> bytes | None:
    """The ICC profile of an image's colours.

    Pillow finds it in PNG, JPEG and WebP; one is made from PNG's gAMA and cHRM, and
    for cameras that note Adobe RGB in EXIF alone.

    Returns:
        Empty where it is damaged; ``None`` where the colours are sRGB's.
    """
    info = image.info
    if "icc_profile" in info:
        return info["icc_profile"] or b""
    try:
        if image.format == "PNG" and "srgb" not in info:
            return _find_png_profile(info.get("gamma"), info.get("chromaticity"))
        if image.format in ("JPEG", "MPO") and _is_adobe_rgb(image):
            return make_matrix_profile(ADOBE_RGB, ADOBE_GAMMA)
    except (ValueError, ZeroDivisionError):
        return b""
    return None


def _find_png_profile(
    exponent: float | None, chromaticities: tuple[float, ...] | None
) -> bytes | None:
    # gAMA is the power of the way to the file.
    gamma = None if exponent is None else 1 / exponent
    near = gamma is None or abs(gamma / _USUAL_GAMMA - 1) < _GAMMA_TOLERANCE
    if chromaticities is None or np.allclose(chromaticities, SRGB, atol=0.002):
        return None if near else make_matrix_profile(SRGB, gamma)
    return make_matrix_profile(chromaticities, gamma)


def _is_adobe_rgb(image: Image.Image) -> bool:
    if "exif" not in image.info:
        return False
    try:
        exif = image.getexif()
        if exif.get_ifd(_PHOTO).get(_COLOR_SPACE) == _ADOBE_NUMBER:
            return True
        ifd = exif.get_ifd(_INTEROPERABILITY)
    except Exception:
        # A broken EXIF block is not worth the image.
        return False
    return str(ifd.get(_INDEX, "")).startswith(_ADOBE_MARK)


def _to_rgb(image: Image.Image) -> Image.Image:
    mode = "RGBA" if image.mode in _WITH_ALPHA else "RGB"
    # Pillow would copy one that has the mode already.
    return image if image.mode == mode else image.convert(mode)


def _convert(image: Image.Image, profile: bytes) -> Image.Image:
    mode, transform = _build_transform(profile)
    stored = image.mode.removesuffix("A")
    if stored != mode and (stored, mode) != ("L", "RGB"):
        raise _ProfileError(
            f"its colour profile is one for {_NAMES[mode]} and does not fit its "
            f"{_NAMES[stored]} pixels; it was left out"
        )
    if transform is None:
        return _to_rgb(image)
    converted = Image.new("RGB", image.size)
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        colours = strip if strip.mode == mode else strip.convert(mode)
        converted.paste(transform.apply(colours), (0, top))
    if image.mode in _WITH_ALPHA:
        converted.putalpha(image.getchannel("A"))
    return converted


# A folder of photos has few profiles.
@lru_cache(maxsize=8)
def _build_transform(profile: bytes) -> tuple[str, ImageCmsTransform | None]:
    """The mode that a profile is for, and the way to sRGB: ``None`` where it is that.

    Raises:
        _ProfileError: It is damaged, too large, or of another kind of colours.
    """
    # Takes milliseconds, and most images have no profile.
    from PIL import ImageCms

    if len(profile) > MAX_PROFILE_BYTES:
        raise _ProfileError(
            f"its colour profile is larger than {MAX_PROFILE_BYTES // 1_000_000} MB "
            "and was left out"
        )
    # Programs in profiles can be long ones; no image is known to need them.
    if not profile or b"mpet" in profile:
        raise _ProfileError(_DAMAGED)
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space
        if space not in _MODES:
            raise _ProfileError(
                f"its colour profile is for {space.strip()} colours and was left out"
            )
        mode = _MODES[space]
        transform = ImageCms.buildTransform(
            opened,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        raise _ProfileError(_DAMAGED) from None
    return mode, None if _changes_nothing(mode, transform) else transform


def _changes_nothing(mode: str, transform: ImageCmsTransform) -> bool:
    """Whether all greys, and colours of every kind, stay as they are but for one."""
    if mode == "CMYK":
        return False
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    cube = np.indices((16, 16, 16)).reshape(3, -1).T.astype(np.uint8) * 17
    before = Image.fromarray(np.concatenate([greys, cube])[None])
    if mode == "L":
        before = before.convert("L")
    after = np.asarray(transform.apply(before), np.int16)
    return bool(np.abs(after - np.asarray(before.convert("RGB"))).max() <= 1)
