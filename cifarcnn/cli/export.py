"""``cifarcnn export``: a trained network as a file for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from cifarcnn.cli import console
from cifarcnn.cli.activity import activity
from cifarcnn.cli.decoding_display import decoding_shown
from cifarcnn.cli.options import (
    NamedPath,
    common,
    data_option,
    run_option,
    weights_option,
)
from cifarcnn.cli.shell_words import quote_path
from cifarcnn.cli.tables import format_table
from cifarcnn.cli.which_network import tell_which
from cifarcnn.literals import ExportFormat, ExportPrecision

if TYPE_CHECKING:
    from cifarcnn.export.exported import Exported, Figures
    from cifarcnn.runs import WeightsChoice


@click.command("export")
@run_option
@click.option(
    "--format",
    "file_format",
    type=click.Choice(get_args(ExportFormat)),
    required=True,
    help="saved_model: a folder for TensorFlow and TensorFlow Serving. onnx: needs "
    "pip install 'cifarcnn[export]'. litert: for phones and small computers. keras: "
    "opens in plain Keras. web: one HTML page that runs it in a browser, offline.",
)
@click.option(
    "--precision",
    type=click.Choice(get_args(ExportPrecision)),
    default="float32",
    show_default=True,
    help="Of a litert file. float16 is half as large, int8 a quarter; int8 needs the "
    "training pictures.",
)
@click.option(
    "--out",
    type=NamedPath(path_type=Path),
    metavar="PATH",
    help="The file, or for saved_model the folder; left out, a free name made from the "
    "run's.",
)
@weights_option
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
def command(
    run_path: str | None,
    file_format: ExportFormat,
    precision: ExportPrecision,
    out: Path | None,
    weights: WeightsChoice | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Write a trained network as a file for other programs.

    The file takes uint8 pictures and gives probabilities; normalization is inside it,
    and so are the class names. It is loaded in its own runtime and compared with the
    network before it gets its name: where it answers otherwise, there is no file.
    Beside it lies a short program that uses it; a web page needs none.
    """
    from cifarcnn.export.check_images import require_images
    from cifarcnn.export.request import check_request
    from cifarcnn.installed import find_module
    from cifarcnn.loaded_run import load_run
    from cifarcnn.trained_run import open_trained

    with console.native_output(), decoding_shown():
        trained = open_trained(run_path, data)
        run = trained.run
        path = check_request(run, out, file_format, precision)
        tell_which(run.path)
        if run.is_smoke():
            console.print_message(
                f"warning: {run.path} is a trial on few pictures (--smoke). Its "
                "network has hardly learnt anything."
            )
        require_images(trained, precision)
        # Whatever the training ran on: only TensorFlow writes most formats.
        has_tensorflow = find_module("tensorflow") is not None
        with activity(f"loading {run.path}", shown=not as_json):
            loaded = load_run(
                trained,
                weights=weights,
                device="cpu",
                backend="tensorflow" if has_tensorflow else None,
            )
        with activity(f"writing {path}, and comparing it", shown=not as_json):
            exported = loaded.export(file_format, path, precision=precision)
    for note in exported.notes:
        console.print_message(f"note: {note}")
    if exported.warning:
        console.print_message(f"warning: {exported.warning}")
    if as_json:
        document = {"run": str(run.path), **exported.to_dict()}
        console.print_raw(json.dumps(document, indent=2))
    else:
        console.print_result(_describe(exported))


def _describe(exported: Exported) -> str:
    figures = {"network": exported.network, exported.path.name: exported.file}
    table = format_table(
        ["", "size", "pictures/s", "accuracy"],
        [[name, *_cells(each)] for name, each in figures.items()],
        3,
    )
    least = "mean " if exported.precision == "int8" else ""
    found = exported.mean_difference if least else exported.largest_difference
    used = []
    if exported.load_seconds is not None:
        used.append(f"loaded in {exported.load_seconds:.2f} s")
    if exported.example is not None:
        used.append(f"example: python {quote_path(exported.example)} photo.png")
    return "\n".join(
        [
            table,
            f"{least or 'largest '}difference of a probability {found:.1e} (at most "
            f"{exported.tolerance:g}); the same label for "
            f"{exported.labels_agreeing:,} of {exported.examples:,} "
            f"{exported.origin}",
            *used,
            str(exported.path),
        ]
    )


def _cells(figures: Figures) -> list[str]:
    accuracy, speed = figures.accuracy, figures.images_per_second
    return [
        f"{figures.size_bytes / 1e6:,.2f} MB",
        "-" if speed is None else f"{speed:,.0f}",
        "-" if accuracy is None else f"{accuracy:.2%}",
    ]
