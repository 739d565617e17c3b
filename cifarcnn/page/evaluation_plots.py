"""The plots of an evaluation as files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from cifarcnn.evaluation.evaluation import ClassMetrics, Evaluation
from cifarcnn.evaluation_files import PLOTS
from cifarcnn.page.numbers import show_percent
from cifarcnn.page.plots import (
    ShownImage,
    draw_bar_columns,
    draw_confusion_matrix,
    draw_images,
    draw_reliability,
    to_png,
    to_svg_file,
)

_MOST_CLASSES = 40


def draw_evaluation(
    evaluation: Evaluation, images: np.ndarray[Any, Any], class_names: Sequence[str]
) -> dict[str, bytes]:
    """Every plot as SVG and as PNG.

    Args:
        evaluation: Of these images.
        images: uint8 ``(n, height, width, 3)``.
        class_names: The classes.

    Returns:
        The content of each file, by its name.
    """
    drawings = (
        draw_confusion_matrix(evaluation.confusion_matrix, class_names),
        draw_reliability(evaluation.calibration_bins),
        _draw_classes(evaluation.per_class),
        _draw_mistakes(evaluation, images),
    )
    files: dict[str, bytes] = {}
    for name, drawing in zip(PLOTS, drawings, strict=True):
        files[f"{name}.svg"] = to_svg_file(drawing).encode()
        data = io.BytesIO()
        to_png(drawing).save(data, "PNG")
        files[f"{name}.png"] = data.getvalue()
    return files


def _draw_classes(per_class: dict[str, ClassMetrics]) -> Markup:
    """Of many classes those with the lowest F1; those without images come last."""
    title = "precision, recall and f1 of each class"
    shown = list(per_class)
    if len(shown) > _MOST_CLASSES:
        title = f"the {_MOST_CLASSES} of {len(shown):,} classes with the lowest f1"
        worst = sorted(
            shown, key=lambda name: (not per_class[name].support, per_class[name].f1)
        )
        shown = worst[:_MOST_CLASSES]
    return draw_bar_columns(
        shown,
        {
            kind: [
                getattr(per_class[name], kind) if per_class[name].support else None
                for name in shown
            ]
            for kind in ("precision", "recall", "f1")
        },
        title,
    )


def _draw_mistakes(evaluation: Evaluation, images: np.ndarray[Any, Any]) -> Markup:
    mistakes = evaluation.worst_mistakes
    if not mistakes:
        count = evaluation.examples
        pictures = "the one picture is" if count == 1 else f"all {count:,} pictures are"
        return draw_images([], f"no mistakes: {pictures} named rightly")
    return draw_images(
        [
            ShownImage(
                np.asarray(images[each.index]),
                (each.label, f"→ {each.answer}", show_percent(each.probability)),
            )
            for each in mistakes
        ],
        "the worst mistakes: true class → answer, and how sure it was",
    )
