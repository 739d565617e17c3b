"""The answers of a network to every image of a split, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from cifarcnn.evaluation.evaluation import Evaluation


def write_predictions_table(
    evaluation: Evaluation,
    class_names: Sequence[str],
    image_names: Sequence[str] | None = None,
) -> str:
    """CSV with a row for each image, in the order of the split.

    Its columns are ``index`` (from 0 on), ``label`` (the true class), ``answer`` (the
    most probable one), ``probability`` (of the answer), and a column with the
    probability of each class under the name of the class. Where the images have names,
    these come last, as ``path`` (``path_`` beside a class of that name).
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    header = ["index", "label", "answer", "probability", *class_names]
    if image_names is not None:
        header.append("path")
        while header[-1] in header[:-1]:
            header[-1] += "_"
    writer.writerow(header)
    answers = evaluation.probabilities.argmax(axis=1)
    rows = zip(evaluation.labels, answers, evaluation.probabilities, strict=True)
    for index, (label, answer, probabilities) in enumerate(rows):
        # Eight digits tell every float32 from all others.
        shares = [f"{share:.8g}" for share in probabilities.tolist()]
        named = class_names[label], class_names[answer]
        path = () if image_names is None else (image_names[index],)
        writer.writerow([index, *named, shares[answer], *shares, *path])
    return text.getvalue()
