"""What ``evaluate`` found, as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.tables import format_table
from cifarcnn.literals import Views

if TYPE_CHECKING:
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.folder.labelled_folder import LabelledFolder
    from cifarcnn.evaluation import Evaluation
    from cifarcnn.evaluation.evaluation import ClassMetrics, MeanMetrics
    from cifarcnn.evaluation.robustness import Robustness
    from cifarcnn.loaded_run import LoadedRun
    from cifarcnn.runs.temperature_file import TemperatureRecord

_SPLITS = {"test": "test", "validation": "validation", "train": "training"}


@dataclass(frozen=True)
class Judged:
    """What was judged on what, and how good it is.

    Attributes:
        runs: One, or several whose probabilities are averaged.
        split: The images.
        views: Test-time augmentation that was asked for; None: as each config says.
        evaluation: Of all together.
        alone: Of each, where there are several.
        temperatures: Fitted for each, where that was asked for; None: none fits.
        robustness: Under corruptions, where that was asked for.
    """

    runs: Sequence[LoadedRun]
    split: str
    views: Views | None
    evaluation: Evaluation
    alone: Sequence[Evaluation]
    temperatures: Sequence[TemperatureRecord | None] = ()
    robustness: Robustness | None = None

    @property
    def used_views(self) -> Views:
        """What the answers of the first rest on."""
        return self.views or self.runs[0].views


def document(judged: Judged) -> dict[str, object]:
    """What ``evaluate --json`` prints."""
    loaded, evaluation = judged.runs[0], judged.evaluation
    dataset = judged_on(loaded)
    return {
        "run": None if judged.alone else str(loaded.path),
        "split": judged.split,
        **evaluation.to_json(),
        "test_time_augmentation": judged.used_views,
        "class_names": list(loaded.class_names),
        "notice": dataset.notice,
        "finished": all(run.run.finished for run in judged.runs),
        "weights": None if judged.alone else _weights(loaded),
        "dataset": {
            "name": dataset.name,
            "origin": dataset.origin,
            "checksum": dataset.checksum,
            "official": dataset.official,
            "same_as_training": not loaded.labelled_folder
            and all(
                run.dataset.has_checksum(run.manifest.origin.data.checksum)
                for run in judged.runs
            ),
        },
        "device": loaded.device.description,
        "temperature": None
        if judged.alone or not judged.temperatures
        else _temperature(judged.temperatures[0]),
        "robustness": None
        if judged.robustness is None
        else judged.robustness.to_json(),
        "ensemble": [
            {
                "run": str(run.path),
                "accuracy": each.accuracy,
                "loss": each.loss,
                "weights": _weights(run),
                "temperature": run.temperature,
            }
            for run, each in zip(judged.runs, judged.alone, strict=False)
        ],
    }


def _temperature(record: TemperatureRecord | None) -> dict[str, object] | None:
    return None if record is None else record.model_dump(exclude={"weights_sha256"})


def _weights(loaded: LoadedRun) -> dict[str, object]:
    from cifarcnn.runs.manifest import WEIGHTS_FILES, weights_kind

    return {
        "choice": loaded.weights,
        "file": WEIGHTS_FILES[
            weights_kind(loaded.weights, loaded.config.training.weights)
        ],
        "epoch": loaded.epoch,
    }


def _title(judged: Judged) -> str:
    loaded, views = judged.runs[0], judged.used_views
    dataset = judged_on(loaded)
    folder = dataset.name == "folder"
    source = dataset.origin if folder else dataset.name
    pictures = f"{_SPLITS[judged.split]} pictures of {source}"
    if loaded.labelled_folder:
        pictures = f"pictures of {dataset.origin}"
    who = f"{loaded.run.title}, {loaded.weights} weights (epoch {loaded.epoch})"
    if judged.alone:
        who = f"{len(judged.runs)} networks, their probabilities averaged"
    return console.printable(
        f"{who}, on the {judged.evaluation.examples:,} {pictures}"
        + ("" if views == "none" else f", test-time augmentation {views}")
    )


def report(judged: Judged) -> str:
    """What ``evaluate`` prints for people."""
    evaluation, dataset = judged.evaluation, judged_on(judged.runs[0])
    low, high = evaluation.accuracy_interval
    parts = [
        _title(judged),
        *(
            console.printable(
                f"  {run.path} alone: accuracy {each.accuracy:.2%}, loss "
                f"{each.loss:.4f}"
            )
            for run, each in zip(judged.runs, judged.alone, strict=False)
        ),
        f"accuracy {evaluation.accuracy:.2%} (95% interval {low:.2%} to {high:.2%}), "
        f"loss {evaluation.loss:.4f}" + _top_k(evaluation),
        f"calibration error {evaluation.calibration_error:.4f}, Brier score "
        f"{evaluation.brier_score:.4f}" + _speed(evaluation),
        *_temperature_lines(judged),
        "",
        format_table(
            ["class", "precision", "recall", "f1", "pictures"],
            [
                [name, *_shares(figures), f"{figures.support:,}"]
                for name, figures in evaluation.per_class.items()
            ]
            + [
                [f"{kind} mean", *_shares(means), f"{evaluation.examples:,}"]
                for kind, means in (
                    ("macro", evaluation.macro),
                    ("weighted", evaluation.weighted),
                )
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


def _top_k(evaluation: Evaluation) -> str:
    """Where there are more classes than so many; else it is always all of them."""
    known = {3: evaluation.top_3_accuracy, 5: evaluation.top_5_accuracy}
    classes = len(evaluation.per_class)
    return "".join(
        f", top {k} {share:.2%}"
        for k, share in known.items()
        if share is not None and classes > k
    )


def _temperature_lines(judged: Judged) -> list[str]:
    return [
        console.printable(
            f"temperature {fitted.temperature:.3f}"
            + (f" of {run.path}" if judged.alone else "")
            + f", fitted on {fitted.validation_pictures:,} validation pictures: loss "
            f"{fitted.loss_before:.4f} to {fitted.loss:.4f}, calibration error "
            f"{fitted.calibration_error_before:.4f} to {fitted.calibration_error:.4f}"
        )
        for run, fitted in zip(judged.runs, judged.temperatures, strict=False)
        if fitted is not None
    ]


def _speed(evaluation: Evaluation) -> str:
    speed = evaluation.images_per_second
    return "" if speed is None else f"; {speed:,.0f} pictures/s"


def class_rows(evaluation: Evaluation) -> str:
    """CSV with a row for each class; its shares are empty where it has no picture."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["class", "precision", "recall", "f1", "pictures"])
    for name, figures in evaluation.per_class.items():
        shares: list[object] = [figures.precision, figures.recall, figures.f1]
        if figures.support == 0:
            shares = [""] * 3
        writer.writerow([name, *shares, figures.support])
    return text.getvalue()


def _shares(figures: ClassMetrics | MeanMetrics) -> list[str]:
    """Precision, recall and F1, which say nothing of a class without a picture."""
    if getattr(figures, "support", 1) == 0:
        return ["-", "-", "-"]
    return [f"{n:.3f}" for n in (figures.precision, figures.recall, figures.f1)]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def judged_on(loaded: LoadedRun) -> Dataset | LabelledFolder:
    return loaded.labelled_folder or loaded.dataset
