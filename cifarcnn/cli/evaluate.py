"""``cifarcnn evaluate``: how good a trained network is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from cifarcnn.cli import console
from cifarcnn.cli.decoding_display import decoding_shown
from cifarcnn.cli.options import (
    backend_option,
    common,
    data_option,
    device_option,
    run_option,
    weights_option,
)
from cifarcnn.cli.tables import format_table
from cifarcnn.literals import BackendChoice, Views

if TYPE_CHECKING:
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.folder.labelled_folder import LabelledFolder
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.evaluation import Evaluation
    from cifarcnn.evaluation.evaluation import ClassMetrics
    from cifarcnn.loaded_run import LoadedRun
    from cifarcnn.runs import WeightsChoice
    from cifarcnn.trained_run import SplitChoice


_MOST_INDENTED = 100  # classes
_SPLITS = {"test": "test", "validation": "validation", "train": "training"}


@click.command("evaluate")
@run_option
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
@device_option
@backend_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
def command(
    run_path: str | None,
    split: SplitChoice,
    weights: WeightsChoice | None,
    data: Path | None,
    views: Views | None,
    device: DeviceChoice,
    backend: BackendChoice | None,
    as_json: bool,
) -> None:
    """Judge a trained network on pictures whose classes are known.

    Shows accuracy with its 95 % interval, loss, the figures of every class, and what
    is most often taken for what.

    --data DIR judges on pictures of your own, DIR/<class>/<picture> or
    DIR/test/<class>/<picture>, with the names of the run's classes; not all of them
    need be there.
    """
    from cifarcnn import api

    with console.native_output(), decoding_shown():
        loaded = api.load_run(
            run_path, weights=weights, device=device, backend=backend, data_path=data
        )
        console.print_message(f"device: {loaded.device.description}")
        if loaded.device.note:
            console.print_message(loaded.device.note)
        _warn(loaded)
        for note in _notes(loaded, split):
            console.print_message(f"note: {note}")
        views = views or loaded.views
        evaluation = loaded.evaluate(split, views=views)
    if as_json:
        console.print_raw(
            # Of 2,000 classes the matrix alone would be four million lines.
            json.dumps(
                _document(loaded, split, views, evaluation),
                indent=2 if len(loaded.class_names) <= _MOST_INDENTED else None,
            )
        )
    else:
        console.print_result(_report(loaded, split, views, evaluation))


def _warn(loaded: LoadedRun) -> None:
    if not loaded.run.finished:
        console.print_message(
            f"warning: {loaded.path} is unfinished: its training was stopped or is "
            f"still going on. These weights have been trained for {loaded.epoch} "
            f"whole epoch{'' if loaded.epoch == 1 else 's'}."
        )
    elif loaded.run.is_smoke():
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


def _judged_on(loaded: LoadedRun) -> Dataset | LabelledFolder:
    return loaded.labelled_folder or loaded.dataset


def _notes(loaded: LoadedRun, split: SplitChoice) -> Sequence[str]:
    if loaded.labelled_folder:
        return loaded.labelled_folder.notes
    dataset = loaded.dataset
    describe = dataset.test_notes if split == "test" else dataset.training_notes
    return describe(loaded.config)


def _kind(official: bool) -> str:
    return "the official files" if official else "not the official files"


def _document(
    loaded: LoadedRun, split: str, views: Views, evaluation: Evaluation
) -> dict[str, object]:
    from cifarcnn.runs.manifest import WEIGHTS_FILES, weights_kind

    dataset = _judged_on(loaded)
    return {
        "run": str(loaded.path),
        "split": split,
        **evaluation.to_json(),
        "test_time_augmentation": views,
        "class_names": list(loaded.class_names),
        "notice": dataset.notice,
        "finished": loaded.run.finished,
        "weights": {
            "choice": loaded.weights,
            "file": WEIGHTS_FILES[weights_kind(loaded.weights)],
            "epoch": loaded.epoch,
        },
        "dataset": {
            "name": dataset.name,
            "origin": dataset.origin,
            "checksum": dataset.checksum,
            "official": dataset.official,
            "same_as_training": not loaded.labelled_folder
            and loaded.dataset.has_checksum(loaded.manifest.origin.data.checksum),
        },
        "device": loaded.device.description,
    }


def _report(loaded: LoadedRun, split: str, views: Views, evaluation: Evaluation) -> str:
    low, high = evaluation.accuracy_interval
    top_5 = evaluation.top_5_accuracy
    dataset = _judged_on(loaded)
    pictures = f"{_SPLITS[split]} pictures of {dataset.name}"
    if loaded.labelled_folder:
        pictures = f"pictures of {dataset.origin}"
    parts = [
        console.printable(
            f"{loaded.path}, {loaded.weights} weights (epoch {loaded.epoch}), on the "
            f"{evaluation.examples:,} {pictures}"
            + ("" if views == "none" else f", test-time augmentation {views}")
        ),
        f"accuracy {evaluation.accuracy:.2%} (95% interval {low:.2%} to {high:.2%}), "
        f"loss {evaluation.loss:.4f}, calibration error "
        f"{evaluation.calibration_error:.4f}"
        + ("" if top_5 is None else f", top 5 {top_5:.2%}"),
        "",
        format_table(
            ["class", "precision", "recall", "f1", "pictures"],
            [
                [name, *_shares(figures), f"{figures.support:,}"]
                for name, figures in evaluation.per_class.items()
            ],
            numbers=4,
        ),
    ]
    if evaluation.most_confused:
        parts += ["", "most often confused:"]
        parts += [
            console.printable(f"  {true} taken for {predicted}: {_times(count)}")
            for true, predicted, count in evaluation.most_confused
        ]
    if dataset.notice:
        parts += ["", f"Note: these are {dataset.notice}."]
    return "\n".join(parts)


def _shares(figures: ClassMetrics) -> list[str]:
    """Precision, recall and F1, which say nothing of a class without a picture."""
    if figures.support == 0:
        return ["-", "-", "-"]
    return [f"{n:.3f}" for n in (figures.precision, figures.recall, figures.f1)]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
