"""The outlines of what the synthetic data set shows, drawn with Pillow.

A pose is a line with its class and a remark, and three parts that are painted one over
the other: ``body``, ``trim`` (wings, windows, manes, bellies) and ``ink`` (wheels,
eyes, hooves, antlers). A part is a list of shapes in hundredths from -100 to 100, x to
the right and y downwards; every subject faces right:

    E  an ellipse: centre x, y, half its width, half its height, degrees clockwise
    P  a polygon: x, y of each corner
    S  a stroke with round ends: half its width, then x, y of each point
"""

from __future__ import annotations

import math
import re

from PIL import Image, ImageDraw, ImageFilter

POSE_SIZE = 96  # pixels along a side of a drawn pose
REACH = 106  # the coordinate of its rim, in hundredths
# Drawn so much larger and averaged: ImageDraw's own edges are hard. Coordinates are
# whole pixels of the large image, so that the same Pillow always draws the same.
_SUPERSAMPLING = 4
_ELLIPSE_CORNERS = 48

_POSES = """
airplane  # from the side
body E 2 0 88 15 P -84 2 -98 -50 -74 -50 -42 -8
trim P 30 4 -42 56 -18 56 10 4 30 4 P 28 -8 -12 -40 2 -40 42 -8 P -66 2 -98 20 -82 20
-48 4
ink S 3 -42 -5 50 -5 E 70 -3 6 6
airplane  # from above
body S 11 -80 0 82 0 P 25 0 -28 -92 -2 -92 50 0 P 25 0 -28 92 -2 92 50 0
trim P -60 0 -95 -40 -80 -40 -45 0 P -60 0 -95 40 -80 40 -45 0
ink S 6 12 -42 24 -42 S 6 12 42 24 42 E 78 0 7 7
automobile  # saloon
body P -95 34 -95 4 -60 -4 56 -4 92 8 95 34 P -62 0 -38 -38 24 -38 56 0
trim P -46 -3 -30 -29 -8 -29 -8 -3 P 0 -3 0 -29 20 -29 40 -3
ink E -52 34 19 19 E 52 34 19 19
automobile  # hatchback
body P -82 34 -84 -2 50 -6 88 8 90 34 P -84 0 -66 -46 12 -46 54 0
trim P -68 -5 -56 -36 -26 -36 -26 -5 P -16 -5 -16 -36 8 -36 36 -5
ink E -52 34 19 19 E 52 34 19 19
bird  # flying, wings raised
body E 4 14 46 17 -10 E 50 -2 15 15 P -26 12 -92 36 -86 6
trim P 22 10 -2 -50 -50 -92 -30 -30 -26 10 P 26 6 32 -44 12 -86 2 -30 6 6
ink P 60 -8 90 4 60 8 E 53 -6 4 4
bird  # perched
body E -4 6 50 30 -32 E 34 -36 22 22 P -30 16 -92 62 -72 70 -20 36
trim E -14 8 40 17 -36
ink P 50 -44 84 -32 50 -26 E 39 -41 5 5 S 3 2 34 6 78 S 3 18 28 22 78
cat  # sitting, seen from the front
body E 0 42 36 50 E 0 -34 36 30 P -36 -36 -40 -92 -4 -56 P 36 -36 40 -92 4 -56 S 8 30 78
66 66 74 30 62 2
trim E 0 40 16 34 E 0 -20 14 10
ink E -15 -38 6 6 E 15 -38 6 6 P -6 -24 6 -24 0 -16
cat  # walking, tail raised
body E -10 16 52 20 E 56 -12 24 24 P 36 -20 36 -56 56 -30 P 58 -30 76 -56 78 -18 S 7 -56
10 -76 -20 -66 -60 -82 -86 S 8 -50 20 -54 72 S 8 -32 20 -28 72 S 8 16 20 14 72 S 8 34 14
40 72
trim S 3.5 -36 0 -34 26 S 3.5 -14 0 -12 26 S 3.5 8 0 10 26
ink E 50 -14 5 5 E 68 -14 5 5
cat  # the face
body E 0 14 72 62 P -72 10 -76 -88 -10 -42 P 72 10 76 -88 10 -42
trim E 0 42 30 20 P -60 -20 -64 -64 -32 -36 P 60 -20 64 -64 32 -36
ink E -30 4 11 15 E 30 4 11 15 P -12 30 12 30 0 44
deer  # standing
body E -14 8 46 19 S 10 20 4 42 -36 E 56 -38 22 10 14 S 4.5 -50 10 -52 92 S 4.5 -36 10
-32 92 S 4.5 10 10 8 92 S 4.5 22 8 28 92 P 36 -40 20 -50 30 -34
trim E -58 2 9 9 E -10 22 30 5
ink S 3.5 42 -48 26 -74 30 -96 S 3 28 -70 8 -82 S 3.5 48 -48 60 -72 56 -96 S 3 60 -72 80
-88
deer  # leaping
body E -12 10 46 17 -10 S 10 20 0 42 -36 E 56 -38 22 10 14 S 4.5 -50 18 -80 50 -96 84 S
4.5 -40 20 -60 56 -72 90 S 4.5 16 10 56 36 50 66 S 4.5 24 4 74 20 74 50
trim E -56 10 9 9
ink S 3.5 42 -48 26 -74 30 -96 S 3 28 -70 8 -82 S 3.5 48 -48 60 -72 56 -96 S 3 60 -72 80
-88
deer  # seen from the front
body E 0 30 24 30 S 12 0 14 0 -16 E 0 -26 15 24 E -26 -36 15 6 18 E 26 -36 15 6 -18 S 5
-14 40 -16 94 S 5 14 40 16 94
trim E 0 34 10 20
ink S 3.5 -8 -46 -34 -66 -36 -96 S 3 -28 -62 -60 -78 S 3.5 8 -46 34 -66 36 -96 S 3 28
-62 60 -78 E 0 -8 6 6
dog  # standing
body E -12 2 54 23 S 16 24 -2 50 -34 E 56 -40 22 20 S 10 62 -34 86 -30 S 6 -60 -6 -90
-42 S 10 -54 10 -54 76 S 10 -34 10 -28 76 S 10 14 10 12 76 S 10 30 6 36 76
trim E 42 -32 10 26 12
ink E 94 -34 8 8 E 62 -45 5 5
dog  # the face, ears hanging
body E 0 -10 56 56 E 0 36 36 44
trim E -64 8 20 58 10 E 64 8 20 58 -10
ink E -24 -14 9 9 E 24 -14 9 9 E 0 26 19 13 S 4 -20 56 0 62 20 56
frog  # squatting, seen from the front
body E 0 20 56 42 E -34 -26 22 22 E 34 -26 22 22 E -66 42 28 30 E 66 42 28 30 S 8 -60 68
-96 70 S 8 60 68 96 70
trim E 0 40 36 22
ink E -34 -28 11 11 E 34 -28 11 11 S 3.5 -36 10 0 18 36 10
frog  # squatting, seen from the side
body E -2 12 60 32 -24 E 50 -14 30 20 8 E 40 -36 16 16 E -44 38 40 22 -20 S 8 -50 56 -10
66 -50 70 S 8 34 20 40 50 62 68
trim E 30 20 28 12 -30
ink E 43 -38 8 8 S 3 44 -4 78 -8
frog  # seen from above, legs apart
body E 0 4 36 50 E 0 -46 32 26 S 9 -24 32 -74 10 -62 66 -92 84 S 9 24 32 74 10 62 66 92
84 S 7 -28 -22 -66 -30 -80 -62 S 7 28 -22 66 -30 80 -62
trim S 6 0 -40 0 40
ink E -24 -58 9 9 E 24 -58 9 9
horse  # standing
body E -14 4 54 26 P 12 -12 40 14 74 -44 50 -66 E 74 -46 27 11 38 P 52 -56 56 -82 68 -60
S 8.5 -54 10 -58 90 S 8.5 -36 10 -34 90 S 8.5 12 10 10 90 S 8.5 30 6 32 90
trim S 8 52 -68 34 -46 14 -16 S 9 -64 -6 -84 14 -84 62
ink S 7 -58 88 -54 88 S 7 -34 88 -30 88 S 7 10 88 14 88 S 7 32 88 36 88
horse  # at a gallop
body E -12 4 54 24 -6 P 12 -12 40 14 74 -44 50 -66 E 74 -46 27 11 38 P 52 -56 56 -82 68
-60 S 8.5 -50 12 -70 42 -94 62 S 8.5 -38 16 -46 50 -70 78 S 8.5 16 14 50 40 40 70 S 8.5
26 8 66 24 86 50
trim S 8 52 -68 34 -46 14 -16 S 9 -62 0 -82 -10 -94 16
ink S 6 -94 62 -90 68 S 6 38 70 44 72
ship  # steamer
body P -92 12 98 2 72 50 -74 50
trim P -60 12 -60 -16 42 -16 42 8 P -40 -16 -40 -36 20 -36 20 -16
ink P -30 -36 -30 -74 -10 -74 -10 -36 S 2.5 62 4 62 -50
ship  # sailing boat
body P -74 36 84 32 56 62 -52 62
trim P 0 -94 0 26 68 26 P -9 -82 -9 26 -62 26
ink S 3.5 -4 -96 -4 36
ship  # freighter
body P -97 10 78 10 98 -6 80 46 -86 46
trim P -90 10 -90 -56 -58 -56 -58 10 P -40 10 -40 -14 6 -14 6 10
ink P 14 10 14 -22 56 -22 56 10 S 4 -84 -38 -64 -38
truck  # box truck
body P -97 -62 34 -62 34 30 -97 30
trim P 40 30 40 -30 72 -30 94 2 96 30 S 3 -95 30 90 30
ink E -72 38 17 17 E -34 38 17 17 E 66 38 17 17 P 54 -2 54 -22 70 -22 82 -2
truck  # tipper
body P -97 -42 30 -30 24 24 -78 24
trim P 34 30 34 -48 74 -48 86 -10 96 -4 96 30 S 5 -90 28 90 28
ink E -62 38 20 20 E -16 38 20 20 E 66 38 20 20 P 44 -14 44 -38 68 -38 76 -14
truck  # tanker
body E -34 -14 64 34 S 26 -70 -14 0 -14
trim P 38 30 38 -42 68 -42 92 -2 95 30 S 5 -92 26 90 26
ink E -76 38 16 16 E -42 38 16 16 E 62 38 16 16 P 50 -8 50 -32 66 -32 80 -8
"""


def draw_poses() -> dict[str, list[Image.Image]]:
    """Draw every pose of every class.

    Returns:
        For each class, in the order of the labels, RGB images of ``POSE_SIZE`` pixels
        a side: red says how far body covers a pixel, green trim, blue ink.
    """
    texts: dict[str, list[str]] = {}
    for line in _POSES.strip().splitlines():
        name, mark, _ = line.partition("  # ")
        if mark:
            poses = texts.setdefault(name, [])
            poses.append("")
        else:
            poses[-1] += f"{line} "
    return {name: [_draw_pose(text) for text in poses] for name, poses in texts.items()}


def _draw_pose(text: str) -> Image.Image:
    _, *parts = re.split("body|trim|ink", text)
    bands = []
    for part in parts:
        side = POSE_SIZE * _SUPERSAMPLING
        large = Image.new("L", (side, side))
        for kind, numbers in re.findall(r"([A-Z])([-\d. ]+)", part):
            _draw_shape(
                ImageDraw.Draw(large), kind, [float(n) for n in numbers.split()]
            )
        bands.append(large.reduce(_SUPERSAMPLING))
    # A subject is some 30 pixels long in the end, a third of this: blurred, it can be
    # sampled there without an average.
    return Image.merge("RGB", bands).filter(ImageFilter.BoxBlur(1.5))


def _draw_shape(draw: ImageDraw.ImageDraw, kind: str, numbers: list[float]) -> None:
    scale = POSE_SIZE * _SUPERSAMPLING / (2 * REACH)

    def pixels(points: list[float]) -> list[tuple[int, int]]:
        placed = [round((number + REACH) * scale) for number in points]
        return list(zip(placed[::2], placed[1::2], strict=True))

    if kind == "P":
        draw.polygon(pixels(numbers), fill=255)
    elif kind == "E":
        x, y, width, height, turn = (*numbers, 0.0)[:5]
        sine, cosine = math.sin(math.radians(turn)), math.cos(math.radians(turn))
        corners = []
        for number in range(_ELLIPSE_CORNERS):
            angle = 2 * math.pi * number / _ELLIPSE_CORNERS
            along, across = width * math.cos(angle), height * math.sin(angle)
            corners += [
                x + along * cosine - across * sine,
                y + along * sine + across * cosine,
            ]
        draw.polygon(pixels(corners), fill=255)
    elif kind == "S":
        points, radius = pixels(numbers[1:]), round(numbers[0] * scale)
        draw.line(points, fill=255, width=2 * radius)
        for point in points:
            draw.circle(point, radius, fill=255)
    else:
        raise ValueError(f"a pose has the unknown shape {kind}")
