"""A folder of pictures decoded and resized: cifarcnn, a Pillow loop, Keras's loader.

    python benchmarks/decoding.py [--images 1000] [--rounds 5] [--seconds 150]

JPEGs of 500 x 375 pixels, and some of 4000 x 3000 as telephones take them, become an
array of 64 x 64 and of 224 x 224 pixels. Their bytes are as many as those of
photographs of that size (the median is printed). All have their turn in one process;
ratios are taken within a round.

- cifarcnn: as `train` reads a folder the first time. By as many processes as there are
  cores, their start counted, and written into the cache with digests; and a second
  time, out of the cache: each picture compared with its digest and read once.
- Pillow: open, convert, crop to a square and resize with Lanczos's filter, one after
  the other.
- Keras: `image_dataset_from_directory` with `crop_to_aspect_ratio`, in batches of 128
  that it reads ahead, into one array. It resizes without antialiasing.
"""

import io
import os
import shutil
import statistics
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import report
import turns
from PIL import Image, ImageOps

# Width and height, a share of --images, and the sides of what they become.
PHOTOGRAPHS = ((500, 375, 1, (64, 224)), (4000, 3000, 20, (224,)))
DIFFERENT = 10
OURS = "cifarcnn"


def write_photographs(folder, count, size):
    """Write ``count`` JPEGs, of which ten differ; returns the median of their bytes.

    Smooth shapes, edges and a little noise, so that they are as large as photographs.
    """
    contents = []
    for seed in range(min(DIFFERENT, count)):
        draw = np.random.default_rng(seed)
        coarse = draw.integers(0, 256, (6, 8, 3)).astype(np.uint8)
        image = Image.fromarray(coarse)
        image = image.resize(size, Image.Resampling.BICUBIC)
        edges = Image.fromarray(draw.integers(0, 256, (24, 32, 3)).astype(np.uint8))
        edges = edges.resize(size, Image.Resampling.NEAREST)
        pixels = np.asarray(Image.blend(image, edges, 0.3), np.int16)
        pixels = pixels + draw.normal(0, 8, pixels.shape).astype(np.int16)
        photograph = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        file = io.BytesIO()
        photograph.save(file, "JPEG", quality=85)
        contents.append(file.getvalue())
    for number in range(count):
        place = folder / f"class{number % 10}" / f"{number:06d}.jpg"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(contents[number % len(contents)])
    return statistics.median(map(len, contents))


def contestants(folder, cache, side):
    """A function for each, which gives uint8 ``(n, side, side, 3)``."""
    import keras

    from cifarcnn.data.decoding.decoded_files import open_decoded_files
    from cifarcnn.data.image.target_size import TargetSize

    paths = sorted(map(str, folder.glob("*/*.jpg")))
    size = (side, side)

    def ours():
        shutil.rmtree(cache, ignore_errors=True)
        return again()

    def again():
        target = TargetSize(side, side, "crop")
        return np.array(open_decoded_files("folder-benchmark", paths, target).images)

    def pillow():
        images = np.empty((len(paths), *size, 3), np.uint8)
        for number, path in enumerate(paths):
            with Image.open(path) as image:
                fitted = ImageOps.fit(
                    image.convert("RGB"), size, Image.Resampling.LANCZOS
                )
            images[number] = fitted
        return images

    def keras_loader():
        batches = keras.utils.image_dataset_from_directory(
            folder,
            labels=None,
            batch_size=128,
            image_size=size,
            shuffle=False,
            crop_to_aspect_ratio=True,
            verbose=False,
        )
        return np.concatenate([batch.numpy().astype(np.uint8) for batch in batches])

    return {
        OURS: ours,
        "cifarcnn, again": again,
        "Pillow": pillow,
        "Keras": keras_loader,
    }


def main():
    parser = report.parser(__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=150, help="in all, at most")
    options = parser.parse_args()
    place = report.machine()
    results = {}
    cases = sum(len(sides) for *_, sides in PHOTOGRAPHS)
    for width, height, share, sides in PHOTOGRAPHS:
        count = max(options.images // share, 2)
        with tempfile.TemporaryDirectory() as made:
            folder, cache = Path(made, "images"), Path(made, "cache")
            folder.mkdir()
            os.environ["CIFARCNN_CACHE"] = str(cache)
            size = write_photographs(folder, count, (width, height))
            print(f"{count:,} JPEGs of {width}x{height}, {size / 1000:,.0f} kB each")
            for side in sides:
                subjects = contestants(folder, cache, side)
                shapes = {function().shape for function in subjects.values()}
                if shapes != {(count, side, side, 3)}:
                    raise SystemExit(f"not all give as many pictures: {shapes}")
                found = turns.time_in_turns(
                    subjects, options.rounds, options.seconds / cases
                )
                name = f"{width}x{height} to {side}x{side}"
                print(name)
                results[name] = compare(found, count)
    report.finish(options, place, results)


def compare(found, images):
    """Pictures a second, and how many times as fast cifarcnn is, round by round."""
    rows = {}
    for name, times in found.items():
        ratios = [own / base for own, base in zip(times, found[OURS], strict=True)]
        rows[name] = {
            "pictures_per_second": report.spread(images / value for value in times),
            "cifarcnn_is_times_as_fast": report.spread(ratios),
        }
        speed, ratio = rows[name].values()
        print(
            f"  {name:<16} {report.show(speed, ',.0f')} pictures/s, cifarcnn is "
            f"{report.show(ratio, '.2f')} times as fast",
            flush=True,
        )
    return rows


if __name__ == "__main__":
    main()
