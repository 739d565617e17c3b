"""``cifarcnn explain``: what happens inside a network, as a page to read."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cifarcnn.cli.options import (
    common,
    device_option,
    run_option,
    weights_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from cifarcnn.data.image.photo import Photo
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.explanation import Explanation, ModelExplanation
    from cifarcnn.inference.sources import Source
    from cifarcnn.page import Setting
    from cifarcnn.page.output_path import Format
    from cifarcnn.runs import Run, WeightsChoice

    Array = np.ndarray[Any, Any]


@click.command("explain")
@click.argument("image", required=False, metavar="[IMAGE]")
@run_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the page goes, for png a folder; left out, a free name made from the "
    "picture's.",
)
@click.option(
    "--class",
    "wanted_class",
    metavar="NAME",
    help="A class to explain besides the two most probable ones.",
)
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["html", "png"]),
    default="html",
    show_default=True,
    help="One page, or a folder of pictures for slides.",
)
@click.option("--gif", "film", is_flag=True, help="Also draw the sliding filter.")
@weights_option
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where the data set lies now, when not where the config says.",
)
@device_option
@common
def command(
    image: str | None,
    run_path: str | None,
    out: Path | None,
    wanted_class: str | None,
    show: bool,
    layout: Format,
    film: bool,
    weights: WeightsChoice | None,
    data: Path | None,
    device: DeviceChoice,
) -> None:
    """Show what happens inside a network while it looks at a picture.

    Writes a page that needs nothing but a browser: the pixels, a filter on its tile,
    feature maps, pooling, contributions, softmax, where the network looked, and the
    whole network to scale, all with the real numbers.

    IMAGE is a file, - for standard input, or test:17 for picture 17 of the test split
    of the run's data set. Without one, the network alone is explained.
    """
    from cifarcnn.cli import console
    from cifarcnn.errors import UsageError
    from cifarcnn.explanation import find_class
    from cifarcnn.page import Setting
    from cifarcnn.page.output_path import choose_place, place_film
    from cifarcnn.runs import Run
    from cifarcnn.runs.manifest import read_manifest

    if image is None and (wanted_class is not None or film):
        option = "--gif" if wanted_class is None else "--class"
        raise UsageError(f"{option} needs a picture: name one before it.")
    if layout == "png":
        from cifarcnn.page.slides import require_matplotlib

        require_matplotlib()
    with console.native_output():
        # Whatever can be refused is, before the framework is started.
        run = Run.open(run_path)
        origin = read_manifest(run.path).origin
        find_class(origin.class_names, wanted_class)
        subject = run.path.resolve().name if image is None else image
        place = choose_place(out, subject, layout)
        film_place = place_film(out, place, subject, layout) if film else None
        photo, label = None, None
        if image is not None:
            photo, label = _read(image, run, origin.class_names, data)
        story = _explain(run, weights, device, data, photo, image, wanted_class)
        setting = Setting(str(run.path), label, origin.data.notice)
        if setting.notice:
            console.print_message(f"note: {run.path} was trained on {setting.notice}.")
        _write(story, setting, place, layout, film_place)
    if image is not None:
        console.print_result(_sentence(image, story))
    for path in filter(None, (place, film_place)):
        console.print_raw(str(path))
    if show:
        _open(place)


def _read(
    image: str, run: Run, class_names: Sequence[str], data: Path | None
) -> tuple[Photo, str | None]:
    """The image, and its label where the data set knows it."""
    from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE
    from cifarcnn.data.image.photo import Photo, read_photo
    from cifarcnn.errors import ImageError

    source = _one_source(image)
    try:
        if source.test_index is not None:
            from cifarcnn.inference.read_images import pick_test_image
            from cifarcnn.loaded_run import open_run_dataset

            split = open_run_dataset(run, class_names, data).test()
            pixels = pick_test_image(split.images, source.test_index)
            label = class_names[split.labels[source.test_index]]
            return Photo.of_pixels(pixels), label
        file = source.path or sys.stdin.buffer
        return read_photo(file, source.name, CIFAR_IMAGE_SHAPE[:2]), None
    except ImageError as error:
        raise ImageError(f"{source.name}: {error}") from None


def _one_source(image: str) -> Source:
    from itertools import islice

    from cifarcnn.errors import ImageError, UsageError
    from cifarcnn.inference.sources import collect_sources

    first, *others = islice(collect_sources([image]), 2)
    if others:
        raise UsageError(
            f"{image} names several pictures, but one is explained at a time. Name one "
            f"of them, such as {first.name}."
        )
    if first.error is not None:
        raise ImageError(f"{first.name}: {first.error}")
    return first


def _explain(
    run: Run,
    weights: WeightsChoice | None,
    device: DeviceChoice,
    data: Path | None,
    photo: Photo | None,
    name: str | None,
    wanted_class: str | None,
) -> Explanation | ModelExplanation:
    from cifarcnn.loaded_run import load_run
    from cifarcnn.page import require_finite

    with _without_matplotlib():
        loaded = load_run(run.path, weights=weights, device=device, data_path=data)
    if photo is None or name is None:
        return loaded.explain_model()
    story = loaded.explain(photo, name=name, wanted_class=wanted_class)
    require_finite(story)
    return story


@contextlib.contextmanager
def _without_matplotlib() -> Iterator[None]:
    """Keras imports matplotlib whenever it is there, which takes a second."""
    if "matplotlib" in sys.modules:
        yield
        return
    sys.modules["matplotlib"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["matplotlib"]


def _write(
    story: Explanation | ModelExplanation,
    setting: Setting,
    place: Path,
    layout: Format,
    film: Path | None,
) -> None:
    from cifarcnn.cli import console
    from cifarcnn.explanation import Explanation
    from cifarcnn.page import render_image_page, render_model_page
    from cifarcnn.page.output_path import keep

    frames = None
    if film is not None and isinstance(story, Explanation):
        from cifarcnn.page.sliding_gif import draw_film

        # First, since it may be refused.
        frames = draw_film(story)
    if layout == "html":
        if isinstance(story, Explanation):
            page = render_image_page(story, setting)
        else:
            page = render_model_page(story, setting)
        # Names of files may hold bytes that are not UTF-8.
        keep(place, page.encode("utf-8", "replace"))
    else:
        from cifarcnn.page.slides import draw_slides, list_missing

        for reason in list_missing(story):
            console.print_message(f"note: {reason}")
        for name, image in draw_slides(story):
            keep(place / name, image)
    if film is not None and frames is not None:
        keep(film, frames)


def _sentence(image: str, story: Explanation | ModelExplanation) -> str:
    from cifarcnn.cli.console import printable
    from cifarcnn.explanation import Explanation

    if not isinstance(story, Explanation):
        return ""
    shares = story.prediction.probabilities
    winner, runner_up = (
        f"{story.class_names[index]} {shares[index]:.1%}"
        for index in (story.prediction.winner, story.prediction.runner_up)
    )
    return printable(f"{image}: {winner}, then {runner_up}")


def _open(place: Path) -> None:
    import webbrowser

    from cifarcnn.cli import console

    try:
        opened = webbrowser.open(place.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        console.print_message(
            f"note: no browser could be started; open {place} yourself."
        )
