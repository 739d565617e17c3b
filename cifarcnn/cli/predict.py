"""``cifarcnn predict``: what the network sees in anybody's images."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cifarcnn.cli.options import (
    common,
    run_option,
    weights_option,
)

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.inference import Answer
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
    save_input: Path | None,
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
    from cifarcnn.cli import console
    from cifarcnn.inference import collect_sources, keep_input, predict_images
    from cifarcnn.prediction import open_predictor

    failed = False
    with console.native_output():
        predictor = open_predictor(
            None if run_path is None else Path(run_path),
            weights=weights,
            device=device,
            keras=keras,
            data_path=data,
        )
        if predictor.note:
            console.say(
                f"note: {predictor.note} Keras answers from the checked weights "
                "instead, which takes longer to start."
            )
        notice = predictor.manifest.origin.data.notice
        if notice:
            console.say(f"note: {predictor.path} was trained on {notice}.")
        names = predictor.class_names
        writer = _Writer(layout, names, min(top, len(names)))
        writer.begin()
        for answer in predict_images(
            predictor.predict,
            collect_sources(images),
            test_images=predictor.test_images,
            standard_input=sys.stdin.buffer,
        ):
            failed = failed or answer.error is not None
            if save_input is not None:
                keep_input(save_input, answer)
            writer.add(answer)
        writer.end()
    if failed:
        click.get_current_context().exit(1)


class _Writer:
    """Brings answers to standard output in one of the formats."""

    def __init__(self, layout: Format, class_names: Sequence[str], top: int) -> None:
        self._layout = layout
        self._class_names = class_names
        self._top = top
        self._answers: list[Answer] = []

    def begin(self) -> None:
        """What stands before the first image."""
        if self._layout == "csv":
            columns = ["image", "label", "probability"]
            for rank in range(2, self._top + 1):
                columns += [f"label_{rank}", f"probability_{rank}"]
            _write_row([*columns, "error"])

    def add(self, answer: Answer) -> None:
        """One image: written at once where the format allows it."""
        import json

        from cifarcnn.cli import console
        from cifarcnn.cli.console import printable

        if self._layout == "jsonl":
            console.emit(json.dumps(self._entry(answer)))
        elif self._layout == "csv":
            row: list[object] = [answer.source.name]
            for pair in self._ranked(answer):
                row += pair
            row += [""] * (1 + 2 * self._top - len(row))
            _write_row([*row, answer.error or ""])
        else:
            console.require_reader()
            self._answers.append(answer)
            if self._layout == "table" and answer.error is not None:
                console.say(printable(f"{answer.source.name}: {answer.error}"))

    def end(self) -> None:
        """The formats that need every image first."""
        import json

        from cifarcnn.cli import console

        if self._layout == "json":
            # One line per image; indented, Python's encoder takes ten times as long.
            lines = [json.dumps(self._entry(answer)) for answer in self._answers]
            console.emit("[\n" + ",\n".join(lines) + "\n]")
        elif self._layout == "table":
            answered = [answer for answer in self._answers if answer.error is None]
            if answered:
                console.answer(self._table(answered))

    def _entry(self, answer: Answer) -> dict[str, object]:
        if answer.error is not None:
            return {"image": answer.source.name, "error": answer.error}
        top = [
            {"label": label, "probability": probability}
            for label, probability in self._ranked(answer)
        ]
        return {"image": answer.source.name, **top[0], "top": top}

    def _table(self, answers: Iterable[Answer]) -> str:
        from cifarcnn.cli.tables import lay_out
        from cifarcnn.inference.warnings import note

        rows = []
        for answer in answers:
            (label, probability), *others = self._ranked(answer)
            then = ", ".join(f"{name} {share:.1%}" for name, share in others)
            rows.append(
                [answer.source.name, f"{probability:.1%}", label, then, note(answer)]
            )
        headings = ["image", "sure", "label", "then", ""]
        return lay_out(headings, rows, numbers=1)

    def _ranked(self, answer: Answer) -> list[tuple[str, float]]:
        return answer.top(self._top, self._class_names)


def _write_row(cells: Sequence[object]) -> None:
    import csv
    import io

    from cifarcnn.cli import console

    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    console.emit(text.getvalue())
