"""``cifarcnn predict``: what the network sees in anybody's images."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cifarcnn.cli import console
from cifarcnn.cli.answer_formats import (
    Answer,
    print_csv,
    print_csv_head,
    to_json,
    to_row,
)
from cifarcnn.cli.decoding_display import decoding_shown
from cifarcnn.cli.options import (
    NamedPath,
    backend_option,
    common,
    runs_option,
    temperature_option,
    unsure_option,
    weights_option,
)
from cifarcnn.cli.tables import format_table
from cifarcnn.cli.which_network import tell_which, warn_unfinished

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.inference.predictions import Prediction
    from cifarcnn.literals import BackendChoice
    from cifarcnn.prediction import Predictor
    from cifarcnn.runs import WeightsChoice

Format = Literal["table", "json", "jsonl", "csv"]


@click.command("predict")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@runs_option
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="How many classes to name for each picture.",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "json", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="json is one document, jsonl one line per picture.",
)
@click.option(
    "--save-input",
    "input_folder",
    type=NamedPath(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write what the network saw, as PNG files, into this folder.",
)
@weights_option
@temperature_option
@unsure_option
@click.option(
    "--data",
    type=NamedPath(path_type=Path),
    metavar="PATH",
    help="For test:N: where the data set lies now, when not where the config says.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="auto and cpu answer on the CPU with the run's model.tflite; gpu takes Keras, "
    "and fails when there is no GPU that works.",
)
@backend_option
@click.option(
    "--keras",
    is_flag=True,
    help="Answer with Keras even where model.tflite could; slower to start.",
)
@common
def command(
    images: tuple[str, ...],
    run_paths: tuple[str, ...],
    top: int,
    layout: Format,
    input_folder: Path | None,
    weights: WeightsChoice | None,
    temperature: bool,
    unsure: bool,
    data: Path | None,
    device: DeviceChoice,
    backend: BackendChoice | None,
    keras: bool,
) -> int:
    """Say what is in pictures: PNG, JPEG, WebP, BMP or GIF of up to 50 megapixels.

    An IMAGE is a file, a folder (all pictures in and below it), a quoted pattern such
    as "photos/*.jpg", - for standard input, or test:17 for picture 17 of the test split
    of the run's data set, test:0-99 for a hundred of them, "test:*" for all. Each is
    brought to the network's size as in training (data.resize: the largest middle part
    of its shape is shrunk, unless the config says otherwise); --save-input shows it. A
    picture that cannot be read does not stop the others; the exit code is then 1.
    """
    with console.native_output(), decoding_shown():
        # Here, where what a package prints when it is loaded is kept from the result.
        from cifarcnn.prediction import (
            average_predictors,
            open_predictor,
            require_free_label,
            write_missing_litert,
        )

        predictors = [
            open_predictor(
                path,
                weights=weights,
                device=device,
                backend=backend,
                keras=keras,
                data_path=data,
                temperature=temperature,
                unsure=unsure,
            )
            for path in run_paths or [None]
        ]
        predictor = average_predictors(predictors)
        if unsure:
            require_free_label(predictor)
        # First, since a package that cannot be loaded is all that there is to say then.
        predictions = _predict(predictor, images)
        for each in predictors:
            _tell(each, images)
        all_read = _print(predictions, predictor, layout, top, input_folder, unsure)
        for each in predictors:
            if written := write_missing_litert(each):
                console.print_message(f"note: {written}")
    return 0 if all_read else 1


def _predict(predictor: Predictor, images: Sequence[str]) -> Iterator[Prediction]:
    from functools import cache

    from cifarcnn.inference.predictions import predict_images
    from cifarcnn.inference.sources import collect_sources

    # Opened only where an entry asks for it.
    test_images = cache(lambda: predictor.split("test").images)
    return predict_images(
        predictor.predict,
        collect_sources(images, lambda: len(test_images()), _note),
        target=predictor.target,
        test_images=test_images,
        standard_input=sys.stdin.buffer,
        noted=_note,
    )


def _tell(predictor: Predictor, images: Sequence[str]) -> None:
    tell_which(predictor.path)
    if predictor.loaded is not None:
        warn_unfinished(predictor.loaded)
    if predictor.note:
        console.print_message(
            f"note: {predictor.note} Keras answers from the checked weights instead, "
            "which takes longer to start."
        )
    notice = predictor.manifest.origin.data.notice
    if notice:
        console.print_message(f"note: {predictor.run.title} was trained on {notice}.")
    from cifarcnn.runs.shipped_runs import DEFAULT

    photos = not all(image.startswith("test:") for image in images)
    if photos and predictor.manifest.origin.data.name == "synthetic":
        console.print_message(
            f"note: --run {DEFAULT} asks the network that comes with cifarcnn, which "
            "knows photos."
        )


def _note(text: str) -> None:
    console.print_message(console.printable(f"note: {text}."))


def _print(
    predictions: Iterable[Prediction],
    predictor: Predictor,
    layout: Format,
    top: int,
    input_folder: Path | None,
    unsure: bool,
) -> bool:
    """Print predictions, each at once where the format allows it, and keep the inputs.

    Returns:
        Whether every image could be read.
    """
    from cifarcnn.inference.predictions import save_input

    top = min(top, len(predictor.class_names))
    all_read = True
    entries: list[str] = []
    rows: list[list[str]] = []
    if layout == "csv":
        print_csv_head(top, unsure)
    for prediction in predictions:
        if input_folder is not None:
            save_input(input_folder, prediction)
        answer = _answer(prediction, predictor, top, unsure)
        all_read = all_read and not answer.error
        if layout == "csv":
            print_csv(answer, top)
        elif layout == "jsonl":
            console.print_raw(to_json(answer))
        else:
            console.require_reader()
            if layout == "json":
                entries.append(to_json(answer))
            elif answer.error:
                shown = console.printable(answer.name or "''")
                # Of a data set that is not here it takes several lines to say so.
                lines = map(console.printable, answer.error.splitlines())
                console.print_message(f"{shown}: " + "\n".join(lines))
            else:
                rows.append(to_row(answer))
    if layout == "json":
        console.print_raw("[\n" + ",\n".join(entries) + "\n]")
    elif rows:
        headings = ["image", "sure", "label", "then", ""]
        console.print_result(format_table(headings, rows, numbers=1))
    return all_read


def _answer(
    prediction: Prediction, predictor: Predictor, top: int, unsure: bool
) -> Answer:
    from cifarcnn.inference.predictions import describe_doubts
    from cifarcnn.inference.top_k import top_k

    name, probabilities = prediction.source.name, prediction.probabilities
    if probabilities is None:
        return Answer(name, [], prediction.error or "", False if unsure else None)
    return Answer(
        name,
        top_k(probabilities, predictor.class_names, top),
        unsure=bool(predictor.is_unsure(probabilities[None])[0]) if unsure else None,
        doubts=describe_doubts(
            prediction, predictor.target.resize, below_half=not unsure
        ),
    )
