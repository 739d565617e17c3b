from __future__ import annotations

import csv
import io

import numpy as np

from cifarcnn.evaluation.evaluation import evaluate_probabilities
from cifarcnn.evaluation.predictions_table import write_predictions_table


def rows(names: list[str], image_names: list[str] | None) -> list[list[str]]:
    answers = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    evaluation = evaluate_probabilities(answers, np.array([1, 0]), names)
    text = write_predictions_table(evaluation, names, image_names)
    return list(csv.reader(io.StringIO(text, newline="")))


def test_images_without_files_have_no_path() -> None:
    assert rows(["cat", "dog"], None) == [
        ["index", "label", "answer", "probability", "cat", "dog"],
        ["0", "dog", "cat", "0.75", "0.75", "0.25"],
        ["1", "cat", "cat", "0.5", "0.5", "0.5"],
    ]


def test_the_path_comes_last_whatever_is_in_it() -> None:
    found = rows(["cat", "dog"], ['a,"b"\n.png', "dog/2.png"])
    assert [row[-1] for row in found] == ["path", 'a,"b"\n.png', "dog/2.png"]
    assert [row[:-1] for row in found] == rows(["cat", "dog"], None)


def test_a_class_called_path_keeps_its_column() -> None:
    header, *_ = rows(["path", "path_"], ["1.png", "2.png"])
    assert header[4:] == ["path", "path_", "path__"]
