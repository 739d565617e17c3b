"""Pictures that show none of CIFAR-10's ten classes, of many kinds.

From the files that scikit-image, scikit-learn, matplotlib and arcade install, drawn
here, or made from validation pictures by taking apart what they show. What shows one of
the ten is left out: a cat, a horse, a rocket, a motorcycle, a frog.
"""

import csv
import gzip
import importlib.util
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from cifarcnn.data.image.image_file import decode_image

INSTRUMENTS = ("cell.png", "coins.png", "hubble_deep_field.jpg", "ihc.png")
INSTRUMENTS += ("microaneurysms.png", "moon.png", "page.png", "retina.jpg", "text.png")
PHOTOS = ("astronaut.png", "brick.png", "camera.png", "coffee.png", "grass.png")
PHOTOS += ("gravel.png",)
WORDS = "the quick brown fox jumps over a lazy dog and reads 0123456789".split()


def package(name):
    """The folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        pip_name = {"skimage": "scikit-image", "sklearn": "scikit-learn"}.get(
            name, name
        )
        raise SystemExit(
            f"These pictures need the files of {name}: pip install --no-deps {pip_name}"
        )
    return Path(spec.submodule_search_locations[0])


# --- kinds to choose a score on ------------------------------------------------------


def uniform_noise(rng, count=100):
    for _ in range(count):
        side = int(rng.integers(32, 200))
        yield Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))


def boards_and_stripes(rng, count=100):
    for number in range(count):
        rows, columns = np.indices((128, 128)) // int(rng.integers(4, 43))
        pattern = (rows + columns) % 2 if number % 2 else rows % 2
        yield Image.fromarray(rng.integers(0, 256, (2, 3), np.uint8)[pattern])


def gradients_and_plain(rng, count=100):
    for number in range(count):
        one, other = rng.integers(0, 256, (2, 3)).astype(float)
        across = np.linspace(0, number % 4 > 0, 128)
        if number % 4 == 3:
            across = np.abs(across - 0.5) * 2
        row = one + across[:, None] * (other - one)
        image = Image.fromarray(np.tile(row.astype(np.uint8), (128, 1, 1)))
        yield image.rotate(90 * int(rng.integers(4)))


def text(rng, count=100):
    path = package("matplotlib") / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    for number in range(count):
        back, ink = (255, 0) if number % 3 else (20, 230)
        image = Image.new("RGB", (200, 200), (back,) * 3)
        font = ImageFont.truetype(str(path), int(rng.integers(12, 60)))
        lines = [" ".join(rng.choice(WORDS, 6)) for _ in range(14)]
        draw = ImageDraw.Draw(image)
        draw.multiline_text((6, 6), "\n".join(lines), fill=(ink,) * 3, font=font)
        yield image


def playing_cards(rng):
    return drawn("cards")


def instruments(rng):
    return with_parts([package("skimage") / "data" / name for name in INSTRUMENTS], rng)


def shuffled_pixels(rng, images):
    for image in images[:200]:
        pixels = image.reshape(-1, 3)
        yield Image.fromarray(rng.permutation(pixels).reshape(image.shape))


# --- kinds to state the rates on -----------------------------------------------------


def faces(rng):
    """The first half of the file; the other shows no faces."""
    for face in np.load(package("skimage") / "data" / "lfw_subset.npy")[:100]:
        yield Image.fromarray((face * 255).astype(np.uint8))


def photos(rng):
    files = [package("skimage") / "data" / name for name in PHOTOS]
    folder = package("sklearn") / "datasets" / "images"
    files += [folder / "china.jpg", folder / "flower.jpg"]
    folder = package("matplotlib") / "mpl-data" / "sample_data"
    return with_parts([*files, folder / "grace_hopper.jpg"], rng)


def handwritten_digits(rng, count=200):
    path = package("sklearn") / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = list(csv.reader(file))
    for number in rng.permutation(len(rows))[:count]:
        pixels = np.array(rows[number][:64], float).reshape(8, 8) * (255 / 16)
        yield Image.fromarray(pixels.astype(np.uint8))


def charts(rng, count=100):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    for number in range(count):
        figure = Figure(figsize=(4, 4), dpi=50)
        canvas, axes = FigureCanvasAgg(figure), figure.subplots()
        points = rng.normal(size=(int(rng.integers(5, 40)), 2))
        if number % 5 == 0:
            axes.plot(points.cumsum(axis=0))
        elif number % 5 == 1:
            axes.bar(range(len(points)), np.abs(points[:, 0]))
        elif number % 5 == 2:
            axes.scatter(*points.T)
        elif number % 5 == 3:
            axes.pie(np.abs(points[:6, 0]))
        else:
            axes.imshow(rng.normal(size=(8, 8)))
        canvas.draw()
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def game_drawings(rng, count=200):
    everything = list(
        drawn("alien", "animated_characters", "enemies", "items", "tiles")
    )
    for number in rng.permutation(len(everything))[:count]:
        yield everything[number]


def soft_noise(rng, count=100):
    for _ in range(count):
        side = int(rng.integers(3, 10))
        small = Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))
        yield small.resize((96, 96), Image.Resampling.BICUBIC)


def shuffled_tiles(rng, images):
    """Sixteen tiles of each picture in another order."""
    for image in images[:200]:
        rows = np.split(image, 4)
        tiles = [tile for row in rows for tile in np.split(row, 4, axis=1)]
        tiles = [tiles[number] for number in rng.permutation(16)]
        lines = [np.concatenate(tiles[k : k + 4], axis=1) for k in range(0, 16, 4)]
        yield Image.fromarray(np.concatenate(lines))


def blurred(rng, images):
    """Until colours are all that is left of a picture."""
    for image in images[200:400]:
        yield Image.fromarray(image).filter(ImageFilter.GaussianBlur(6))


# --- both ----------------------------------------------------------------------------

CHOOSING = {
    "uniform noise": uniform_noise,
    "checkerboards and stripes": boards_and_stripes,
    "gradients and plain colours": gradients_and_plain,
    "text": text,
    "playing cards": playing_cards,
    "photos by instruments": instruments,
    "pixels shuffled": shuffled_pixels,
}
STATING = {
    "faces": faces,
    "photos": photos,
    "handwritten digits": handwritten_digits,
    "charts": charts,
    "drawings of a game": game_drawings,
    "soft noise": soft_noise,
    "tiles shuffled": shuffled_tiles,
    "blurred": blurred,
}
OF_IMAGES = (shuffled_pixels, shuffled_tiles, blurred)


def make(kinds, target, images, seed=0):
    """By kind: uint8 ``(n, height, width, 3)``, read as the program reads files."""
    made = {}
    for number, (name, kind) in enumerate(kinds.items()):
        rng = np.random.default_rng([seed, number])
        given = (rng, images) if kind in OF_IMAGES else (rng,)
        made[name] = np.stack([read(image, target) for image in kind(*given)])
    return made


def read(image, target):
    file = io.BytesIO()
    image.save(file, "PNG")
    return decode_image(file.getvalue(), "picture", target)[0]


def drawn(*folders):
    """Drawings that arcade brings (by Kenney, CC0), without its frogs."""
    images = package("arcade") / "resources" / "assets" / "images"
    for folder in folders:
        for path in sorted((images / folder).rglob("*.png")):
            if "frog" not in path.name:
                yield Image.open(path)


def with_parts(files, rng, parts=10):
    """Each photo, and square parts of it a quarter to three quarters as wide."""
    for file in files:
        image = Image.open(file)
        yield image
        for _ in range(parts):
            side = int(min(image.size) * rng.uniform(0.25, 0.75))
            left, top = (int(rng.integers(length - side + 1)) for length in image.size)
            yield image.crop((left, top, left + side, top + side))
