"""What ``evaluate`` found, as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.tables import format_table
from cifarcnn.literals import Views

if TYPE_CHECKING:
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.folder.labelled_folder import LabelledFolder
    from cifarcnn.evaluation import Evaluation
    from cifarcnn.evaluation.evaluation import ClassMetrics, MeanMetrics
    from cifarcnn.loaded_run import LoadedRun

_SPLITS = {"test": "test", "validation": "validation", "train": "training"}


def document(
    loaded: LoadedRun, split: str, views: Views, evaluation: Evaluation
) -> dict[str, object]:
    from cifarcnn.runs.manifest import WEIGHTS_FILES, weights_kind

    dataset = judged_on(loaded)
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


def report(loaded: LoadedRun, split: str, views: Views, evaluation: Evaluation) -> str:
    low, high = evaluation.accuracy_interval
    dataset = judged_on(loaded)
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
        f"loss {evaluation.loss:.4f}" + _top_k(evaluation),
        f"calibration error {evaluation.calibration_error:.4f}, Brier score "
        f"{evaluation.brier_score:.4f}" + _speed(evaluation),
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
