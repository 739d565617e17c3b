"""``cifarcnn evaluate``: how good a trained network is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from cifarcnn.cli import console
from cifarcnn.cli.activity import activity
from cifarcnn.cli.decoding_display import decoding_shown
from cifarcnn.cli.evaluation_report import Judged, class_rows, document, report
from cifarcnn.cli.options import (
    NamedPath,
    backend_option,
    common,
    data_option,
    device_option,
    runs_option,
    weights_option,
)
from cifarcnn.cli.robustness import judge_robustness, robustness_table
from cifarcnn.cli.temperatures import fit_temperatures, require_fittable
from cifarcnn.cli.which_network import tell_which, warn_unfinished
from cifarcnn.errors import DataError, RunError
from cifarcnn.evaluation_files import require_free
from cifarcnn.literals import BackendChoice, Views

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.evaluation import Evaluation
    from cifarcnn.loaded_run import LoadedRun
    from cifarcnn.runs import WeightsChoice
    from cifarcnn.runs.temperature_file import TemperatureRecord
    from cifarcnn.trained_run import SplitChoice


Layout = Literal["table", "json", "csv"]
_MOST_INDENTED = 100  # classes


@click.command("evaluate")
@runs_option
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="The pictures to judge on. Choose settings by validation, report test; train "
    "are those that it learnt from.",
)
@weights_option
@data_option
@click.option(
    "--tta",
    "views",
    type=click.Choice(get_args(Views)),
    default=None,
    help="Views of each picture to average; left out, as the config says.",
)
@click.option(
    "--temperature",
    is_flag=True,
    help="First fit a temperature on the validation pictures, which makes the "
    "probabilities as sure as they are right, keep it with the run for predict "
    "--temperature, and judge with it.",
)
@click.option(
    "--robustness",
    is_flag=True,
    help="Also judge under noise, blur, brightness, low contrast and JPEG compression, "
    "at five strengths each: 25 times as long.",
)
@device_option
@backend_option
@click.option(
    "--format",
    "layout",
    type=click.Choice(get_args(Layout)),
    default="table",
    show_default=True,
    help="csv has a row for each class.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--out",
    type=NamedPath(path_type=Path, file_okay=False),
    metavar="DIR",
    default=None,
    help="Also write plots there (confusion matrix, calibration, classes, worst "
    "mistakes) as SVG and PNG, and predictions.csv: of each picture the true class, "
    "the answer, and the probability of every class.",
)
@common
def command(
    run_paths: tuple[str, ...],
    split: SplitChoice,
    weights: WeightsChoice | None,
    data: Path | None,
    views: Views | None,
    temperature: bool,
    robustness: bool,
    device: DeviceChoice,
    backend: BackendChoice | None,
    layout: Layout,
    as_json: bool,
    out: Path | None,
) -> None:
    """Judge a trained network on pictures whose classes are known.

    Shows accuracy with its 95 % interval, loss (the mean cross-entropy, or log loss),
    how well its probabilities are calibrated, the figures of every class and their
    means, and what is most often taken for what.

    --data DIR judges on pictures of your own, DIR/<class>/<picture> or
    DIR/test/<class>/<picture>, with the names of the run's classes; not all of them
    need be there.
    """
    if as_json and layout == "csv":
        raise click.UsageError("--json and --format csv exclude each other.")
    if robustness and layout == "csv":
        raise click.UsageError(
            "--format csv has a row for each class and no place for --robustness. Use "
            "--format json."
        )
    if out is not None:
        require_free(out)
    silent = as_json or layout == "json"
    from cifarcnn import api
    from cifarcnn.ensemble import evaluate_ensemble, require_same_classes
    from cifarcnn.trained_run import open_trained

    with console.native_output(), decoding_shown():
        # Whatever is missing is said before the framework is started.
        opened = [open_trained(path, data) for path in run_paths or [None]]
        require_same_classes(opened)
        for each in opened:
            if temperature:
                require_fittable(each, views)
            each.split(split)
        runs = []
        for each in opened:
            with activity(f"loading {each.path}", shown=not silent):
                runs.append(
                    api.load_run(each, weights=weights, device=device, backend=backend)
                )
        loaded = runs[0]
        _tell(runs, split)
        unfitted: list[str] = []
        fitted: list[TemperatureRecord | None] = []
        alone: list[Evaluation] = []
        if temperature:
            fitted = fit_temperatures(runs, split, unfitted, shown=not silent)
        with activity(f"judging {_name(runs)}", shown=not silent):
            if len(runs) == 1:
                evaluation = loaded.evaluate(split, views=views)
            else:
                evaluation, alone = evaluate_ensemble(runs, split, views)
    judged = Judged(runs, split, views, evaluation, alone, fitted)
    if split == "test" and data is None and len(runs) == 1:
        _complete_report(loaded, evaluation)
    if layout == "table" and not as_json:
        console.print_result(report(judged))
    if robustness:
        # After the figures of the pictures as they are, which an end now costs not.
        with console.native_output():
            judged = replace(judged, robustness=judge_robustness(runs, split, views))
    _print_rest(judged, "json" if as_json else layout)
    # Last, so that a full disk does not cost the figures.
    if out is not None:
        for path in api.write_evaluation(loaded, evaluation, out, split):
            console.print_message(f"written: {path}")
    if unfitted:
        raise DataError("\n".join(unfitted))


def _name(runs: Sequence[LoadedRun]) -> str:
    return str(runs[0].path) if len(runs) == 1 else f"{len(runs)} runs"


def _print_rest(judged: Judged, layout: Layout) -> None:
    """What comes once all is judged."""
    if layout == "json":
        # Of 2,000 classes the matrix alone would be four million lines.
        few = len(judged.runs[0].class_names) <= _MOST_INDENTED
        text = json.dumps(document(judged), indent=2 if few else None)
        console.print_raw(text)
    elif layout == "csv":
        console.print_raw(class_rows(judged.evaluation).removesuffix("\r\n"))
    elif judged.robustness:
        accuracy = judged.evaluation.accuracy
        table = robustness_table(judged.robustness, accuracy)
        console.print_result(f"\n{table}")


def _complete_report(loaded: LoadedRun, evaluation: Evaluation) -> None:
    """Add the figures to the page about the training, where there is one."""
    if not loaded.dataset.has_checksum(loaded.manifest.origin.data.checksum):
        return
    from cifarcnn.page.report_file import add_test_figures

    said = (
        f"By the {loaded.weights} weights (epoch {loaded.epoch}), on the "
        f"{evaluation.examples:,} test pictures of {loaded.dataset.name}, from which "
        "nothing was learnt or chosen."
    )
    try:
        add_test_figures(loaded.run, evaluation, loaded.class_names, said)
    except RunError as error:
        console.print_message(f"note: report.html is left as it is: {error}")


def _tell(runs: Sequence[LoadedRun], split: SplitChoice) -> None:
    """What the user should know of the device, the runs and the images."""
    loaded = runs[0]
    console.print_message(f"device: {loaded.device.description}")
    if loaded.device.note:
        console.print_message(loaded.device.note)
    for run in runs:
        tell_which(run.path)
        _warn(run)
    if split == "test":
        _tell_part(loaded)
    for note in _notes(loaded, split):
        console.print_message(f"note: {note}")


def _tell_part(loaded: LoadedRun) -> None:
    """Say which pictures of a folder that the user named are judged."""
    if loaded.data_path is None or loaded.labelled_folder:
        return
    if loaded.dataset.folder is None:
        return
    training, validation = loaded.training_splits()
    aside = f"the {len(training):,} that the network learnt from"
    if validation is not None:
        aside += f" and the {len(validation):,} of the validation"
    console.print_message(
        f"note: {loaded.data_path} holds the data set of the run, of which the "
        f"{len(loaded.split('test')):,} test pictures are judged. Left aside are "
        f"{aside}; --split judges them."
    )


def _warn(loaded: LoadedRun) -> None:
    warn_unfinished(loaded)
    if loaded.run.finished and loaded.run.is_smoke():
        console.print_message(
            f"warning: {loaded.path} is a trial on few pictures (--smoke). Its figures "
            "say nothing about the network."
        )
    if loaded.labelled_folder:
        return
    trained, here = loaded.manifest.origin.data, loaded.dataset
    if not here.has_checksum(trained.checksum):
        console.print_message(
            f"warning: these are not the pictures of the training. {here.name} here "
            f"({here.origin}) has the checksum {here.checksum[:12]}, "
            f"{_kind(here.official)}; the run was trained on {trained.name} with "
            f"{trained.checksum[:12]}, {_kind(trained.official)}."
        )


def _notes(loaded: LoadedRun, split: SplitChoice) -> Sequence[str]:
    if loaded.labelled_folder:
        return loaded.labelled_folder.notes
    dataset = loaded.dataset
    describe = dataset.test_notes if split == "test" else dataset.training_notes
    return describe(loaded.config)


def _kind(official: bool) -> str:
    return "the official files" if official else "not the official files"
