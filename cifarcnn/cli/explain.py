"""``cifarcnn explain``: what happens inside a network, as a page to read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cifarcnn.cli import console
from cifarcnn.cli.activity import activity
from cifarcnn.cli.decoding_display import decoding_shown
from cifarcnn.cli.options import (
    NamedPath,
    backend_option,
    common,
    data_option,
    device_option,
    run_option,
    weights_option,
)
from cifarcnn.cli.which_network import tell_which, warn_unfinished
from cifarcnn.errors import ImageError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.data.image.photo import Photo
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.explanation.explain import Explanation, ModelExplanation
    from cifarcnn.inference.sources import Source
    from cifarcnn.literals import BackendChoice
    from cifarcnn.page.output_path import Format
    from cifarcnn.runs import WeightsChoice
    from cifarcnn.trained_run import TrainedRun

    Image = Photo | np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@click.command("explain")
@click.argument("image", required=False, metavar="[IMAGE]")
@run_option
@click.option(
    "--out",
    type=NamedPath(path_type=Path),
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
@click.option("--gif", is_flag=True, help="Also draw the sliding filter.")
@weights_option
@data_option
@device_option
@backend_option
@common
def command(
    image: str | None,
    run_path: str | None,
    out: Path | None,
    wanted_class: str | None,
    show: bool,
    layout: Format,
    gif: bool,
    weights: WeightsChoice | None,
    data: Path | None,
    device: DeviceChoice,
    backend: BackendChoice | None,
) -> None:
    """Show what happens inside a network while it looks at a picture.

    Writes a page that needs nothing but a browser: the pixels, a filter on its tile,
    feature maps, pooling, contributions, softmax, where the network looked, and the
    whole network to scale, all with the real numbers.

    IMAGE is a file, - for standard input, or test:17 for picture 17 of the test split
    of the run's data set. Without one, the network alone is explained.
    """
    from cifarcnn.explanation.network_input import find_class
    from cifarcnn.loaded_run import load_run
    from cifarcnn.page.browser import find_browser
    from cifarcnn.page.output_path import choose_gif_path, choose_output_path
    from cifarcnn.trained_run import open_trained

    if image is None and (wanted_class is not None or gif):
        option = "--gif" if wanted_class is None else "--class"
        raise UsageError(f"{option} needs a picture: name one before it.")
    browser = find_browser() if layout == "png" else None
    with console.native_output(), decoding_shown():
        # Whatever can be refused is, before the framework is started.
        trained = open_trained(run_path, data)
        tell_which(trained.path)
        find_class(trained.class_names, wanted_class)
        name = trained.path.resolve().name if image is None else image
        path = choose_output_path(out, name, layout)
        gif_path = choose_gif_path(out, path, name, layout) if gif else None
        pixels, label = (None, None) if image is None else _read(image, trained)
        with activity(f"loading {trained.path}"):
            loaded = load_run(trained, weights=weights, device=device, backend=backend)
        warn_unfinished(loaded)
        if loaded.device.note:
            console.print_message(f"note: {loaded.device.note}")
        if pixels is None:
            with activity(f"explaining {trained.path}"):
                model = loaded.explain_model()
            _write(model, trained, label, path, gif_path, browser)
        else:
            with activity(f"explaining {name}"):
                explanation = loaded.explain(
                    pixels, name=name, wanted_class=wanted_class
                )
            _write(explanation, trained, label, path, gif_path, browser)
    if pixels is not None:
        console.print_result(_summarize(name, explanation))
    for written in filter(None, (path, gif_path)):
        console.print_raw(str(written))
    if show:
        _open(path)


def _read(image: str, trained: TrainedRun) -> tuple[Image, str | None]:
    """The image, and its label where the data set knows it."""
    from cifarcnn.data.image.photo import read_photo
    from cifarcnn.data.image.target_size import TargetSize

    source = _one_source(image, lambda: len(trained.split("test")))
    try:
        if source.test_index is not None:
            from cifarcnn.inference.read_images import pick_test_image

            split = trained.split("test")
            pixels = pick_test_image(split.images, source.test_index)
            return pixels, trained.class_names[split.labels[source.test_index]]
        file = source.path or sys.stdin.buffer
        target = TargetSize.of(trained.config.data)
        photo = read_photo(
            file, source.name, target, lambda note: _note(f"{source.name}: {note}")
        )
        return photo, None
    except ImageError as error:
        raise ImageError(f"{source.name}: {error}") from None


def _note(text: str) -> None:
    console.print_message(console.printable(f"note: {text}."))


def _one_source(image: str, count_test: Callable[[], int]) -> Source:
    from cifarcnn.inference.sources import collect_sources

    first, *others = islice(collect_sources([image], count_test, _note), 2)
    if others:
        raise UsageError(
            f"{image} names several pictures, but one is explained at a time. Name one "
            f"of them, such as {first.name}."
        )
    if first.error is not None:
        raise ImageError(f"{first.name or repr('')}: {first.error}")
    return first


def _write(
    explanation: Explanation | ModelExplanation,
    trained: TrainedRun,
    label: str | None,
    path: Path,
    gif_path: Path | None,
    browser: str | None,
) -> None:
    """Write the page, or with a browser slides of it."""
    from cifarcnn.explanation.explain import Explanation
    from cifarcnn.page.document import PageInfo, list_missing, render_page
    from cifarcnn.page.output_path import write_new
    from cifarcnn.page.page_data import require_finite
    from cifarcnn.page.slides import draw_slides
    from cifarcnn.page.sliding_gif import draw_sliding_gif

    if isinstance(explanation, Explanation):
        require_finite(explanation)
    notice = trained.manifest.origin.data.notice
    info = PageInfo(trained.run.title, label, notice)
    if notice:
        console.print_message(f"note: {trained.run.title} was trained on {notice}.")
    gif = None
    if gif_path is not None and isinstance(explanation, Explanation):
        # First, since it may be refused.
        gif = draw_sliding_gif(explanation)
    page = render_page(explanation, info)
    if browser is None:
        # Names of files may hold bytes that are not UTF-8.
        write_new(path, page.encode("utf-8", "replace"))
    else:
        for reason in list_missing(explanation):
            console.print_message(f"note: {reason}")
        for name, slide in draw_slides(page, browser, path.parent):
            write_new(path / name, slide)
    if gif_path is not None and gif is not None:
        write_new(gif_path, gif)


def _summarize(image: str, explanation: Explanation) -> str:
    shares = explanation.prediction.probabilities
    winner, runner_up = (
        f"{explanation.class_names[index]} {shares[index]:.1%}"
        for index in (explanation.prediction.winner, explanation.prediction.runner_up)
    )
    return console.printable(f"{image}: {winner}, then {runner_up}")


def _open(path: Path) -> None:
    import webbrowser

    try:
        opened = webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        console.print_message(
            f"note: no browser could be started; open {path} yourself."
        )
