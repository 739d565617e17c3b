"""``cifarcnn predict``: what the network sees in anybody's images."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cifarcnn.cli import console
from cifarcnn.cli.options import common, run_option, weights_option
from cifarcnn.cli.tables import format_table

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.inference.predictions import Prediction
    from cifarcnn.runs import WeightsChoice

Format = Literal["table", "json", "jsonl", "csv"]


@click.command("predict")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@run_option
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
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write what the network saw, 32x32 PNG files, into this folder.",
)
@weights_option
@click.option(
    "--data",
    type=click.Path(path_type=Path),
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
@click.option(
    "--keras",
    is_flag=True,
    help="Answer with Keras even where model.tflite could; slower to start.",
)
@common
def command(
    images: tuple[str, ...],
    run_path: str | None,
    top: int,
    layout: Format,
    input_folder: Path | None,
    weights: WeightsChoice | None,
    data: Path | None,
    device: DeviceChoice,
    keras: bool,
) -> None:
    """Say what is in pictures: PNG, JPEG, WebP, BMP or GIF of any size.

    An IMAGE is a file, a folder (all pictures in and below it), a quoted pattern such
    as "photos/*.jpg", - for standard input, or test:17 for picture 17 of the test split
    of the run's data set. The largest centred square is shrunk to 32x32, as
    --save-input shows. A picture that cannot be read does not stop the others; the exit
    code is then 1.
    """
    from cifarcnn.inference.predictions import predict_images, save_input
    from cifarcnn.inference.sources import collect_sources
    from cifarcnn.prediction import open_predictor

    failed = False
    with console.native_output():
        predictor = open_predictor(
            run_path, weights=weights, device=device, keras=keras, data_path=data
        )
        if predictor.note:
            console.print_message(
                f"note: {predictor.note} Keras answers from the checked weights "
                "instead, which takes longer to start."
            )
        notice = predictor.manifest.origin.data.notice
        if notice:
            console.print_message(f"note: {predictor.path} was trained on {notice}.")
        names = predictor.class_names
        writer = _Writer(layout, names, min(top, len(names)))
        writer.begin()
        height, width, _ = predictor.image_shape
        for prediction in predict_images(
            predictor.predict,
            collect_sources(images),
            size=(height, width),
            test_images=predictor.test_images,
            standard_input=sys.stdin.buffer,
        ):
            failed = failed or prediction.error is not None
            if input_folder is not None:
                save_input(input_folder, prediction)
            writer.add(prediction)
        writer.end()
    if failed:
        click.get_current_context().exit(1)


class _Writer:
    """Prints predictions in one of the formats."""

    def __init__(self, layout: Format, class_names: Sequence[str], top: int) -> None:
        self._layout = layout
        self._class_names = class_names
        self._top = top
        self._predictions: list[Prediction] = []

    def begin(self) -> None:
        """What stands before the first image."""
        if self._layout == "csv":
            columns = ["image", "label", "probability"]
            for rank in range(2, self._top + 1):
                columns += [f"label_{rank}", f"probability_{rank}"]
            _print_row([*columns, "error"])

    def add(self, prediction: Prediction) -> None:
        """One image: printed at once where the format allows it."""
        name, error = prediction.source.name, prediction.error
        if self._layout == "jsonl":
            console.print_raw(json.dumps(self._entry(prediction)))
        elif self._layout == "csv":
            row: list[object] = [name]
            for pair in self._top_k(prediction):
                row += pair
            row += [""] * (1 + 2 * self._top - len(row))
            _print_row([*row, error or ""])
        else:
            console.require_reader()
            self._predictions.append(prediction)
            if self._layout == "table" and error is not None:
                console.print_message(console.printable(f"{name}: {error}"))

    def end(self) -> None:
        """The formats that need every image first."""
        if self._layout == "json":
            # One line per image; indented, Python's encoder takes ten times as long.
            lines = [json.dumps(self._entry(each)) for each in self._predictions]
            console.print_raw("[\n" + ",\n".join(lines) + "\n]")
        elif self._layout == "table":
            rows = [self._row(each) for each in self._predictions if each.error is None]
            if rows:
                headings = ["image", "sure", "label", "then", ""]
                console.print_result(format_table(headings, rows, numbers=1))

    def _entry(self, prediction: Prediction) -> dict[str, object]:
        name = prediction.source.name
        if prediction.error is not None:
            return {"image": name, "error": prediction.error}
        top = [
            {"label": label, "probability": probability}
            for label, probability in self._top_k(prediction)
        ]
        return {"image": name, **top[0], "top": top}

    def _row(self, prediction: Prediction) -> list[str]:
        from cifarcnn.inference.predictions import describe_doubts

        (label, probability), *others = self._top_k(prediction)
        then = ", ".join(f"{name} {share:.1%}" for name, share in others)
        doubts = describe_doubts(prediction)
        return [prediction.source.name, f"{probability:.1%}", label, then, doubts]

    def _top_k(self, prediction: Prediction) -> list[tuple[str, float]]:
        from cifarcnn.inference.top_k import top_k

        if prediction.probabilities is None:
            return []
        return top_k(prediction.probabilities, self._class_names, self._top)


def _print_row(cells: Sequence[object]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    console.print_raw(text.getvalue())
