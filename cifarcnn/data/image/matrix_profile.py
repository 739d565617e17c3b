"""Colour spaces that are given by numbers, as ICC profiles."""

from __future__ import annotations

import struct

import numpy as np

Chromaticities = tuple[float, ...]

# x and y of white, red, green and blue: IEC 61966-2-1 and Adobe RGB (1998), 4.3.1.
SRGB: Chromaticities = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB: Chromaticities = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_GAMMA = 563 / 256

# ICC.1:2022, 7.2.16 and annex E: the white of profiles, and Bradford's cone responses.
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
# Its sRGB curve as a parametricCurveType (10.18): g, a, b, c, d of function 3.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def make_matrix_profile(chromaticities: Chromaticities, gamma: float | None) -> bytes:
    """An ICC profile of an RGB space.

    Args:
        chromaticities: x and y of white, red, green and blue, as in PNG's cHRM.
        gamma: The power that leads from a value in 0..1 to light; ``None``: sRGB's
            curve.

    Raises:
        ValueError: The numbers are those of no colour space.
    """
    x, y = np.reshape(chromaticities, (4, 2)).T
    if not (y > 0).all() or (gamma is not None and not 0.1 <= gamma <= 10):
        raise ValueError("no colour space")
    white, *primaries = np.stack([x / y, np.ones(4), (1 - x - y) / y], axis=1)
    columns = np.stack(primaries, axis=1)
    # Of primaries in one line ``solve`` raises a ValueError of its own.
    columns = columns * np.linalg.solve(columns, white)
    adapt = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    columns = np.linalg.solve(_BRADFORD, adapt @ _BRADFORD @ columns)
    if not (np.abs(columns) < 32).all():
        raise ValueError("no colour space")
    function, numbers = (0, (gamma,)) if gamma is not None else (3, _SRGB_CURVE)
    curve = b"para" + struct.pack(">4xH2x", function) + _fixed(numbers)
    tags = [(b"wtpt", b"XYZ \0\0\0\0" + _fixed(_D50))]
    tags += [
        (name + b"XYZ", b"XYZ \0\0\0\0" + _fixed(column))
        for name, column in zip((b"r", b"g", b"b"), columns.T, strict=True)
    ]
    tags += [(name + b"TRC", curve) for name in (b"r", b"g", b"b")]
    return _write_profile(tags)


def _write_profile(tags: list[tuple[bytes, bytes]]) -> bytes:
    place = 128 + 4 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", place + len(content), len(data))
        content += data
    # Table 17: size, CMM, version 4.3, class, spaces, date, signature; then the white.
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x", place + len(content), 0x04300000, b"mntr", b"RGB ",
        b"XYZ ", b"acsp",
    ) + _fixed(_D50)  # fmt: skip
    return header.ljust(128, b"\0") + table + content


def _fixed(numbers: np.ndarray | tuple[float, ...]) -> bytes:
    """As s15Fixed16Numbers."""
    scaled = [round(float(number) * 65536) for number in numbers]
    return struct.pack(f">{len(scaled)}i", *scaled)
