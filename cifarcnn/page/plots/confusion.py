"""The confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from cifarcnn.page.plots.svg import frame, measure, rectangle, shorten, text

_MOST_CLASSES = 40
_MOST_NUMBERED = 20
_LEFT, _TOP, _DIGIT = 104.0, 40.0, 7.0
# What is written on a full cell stays readable.
_STRONGEST = 0.5


def draw_confusion_matrix(
    confusion: Sequence[Sequence[int]], class_names: Sequence[str]
) -> Markup:
    """A row for each true class, a column for each answer.

    A cell is as strong as the square root of its share of the row, blue where the
    answer is right and orange where it is wrong. Of more than 40 classes those with
    the most mistakes are drawn.

    Args:
        confusion: ``[true][answer]``, counts.
        class_names: One for each row.
    """
    chosen = choose_classes(confusion)
    side = 34.0 if len(chosen) <= _MOST_NUMBERED else 15.0
    names = [shorten(class_names[k]) for k in chosen]
    bottom = _TOP + side * len(chosen)
    below = _DIGIT * max(map(measure, names)) + 14
    width = max(_LEFT + side * len(chosen) + 12, 260.0)
    parts = [
        text(8, 16, "confusion matrix", "name", "start"),
        *_draw_cells(confusion, chosen, side),
        *_draw_names(names, side, bottom),
        text(8, 32, _describe_sides(len(chosen), len(class_names)), "quiet", "start"),
    ]
    return frame(width, bottom + below, _describe(confusion, class_names), parts)


def choose_classes(confusion: Sequence[Sequence[int]]) -> list[int]:
    """The classes that are drawn, in order."""
    if len(confusion) <= _MOST_CLASSES:
        return list(range(len(confusion)))
    wrong = [sum(row) - row[k] for k, row in enumerate(confusion)]
    worst = sorted(range(len(wrong)), key=lambda k: -wrong[k])
    return sorted(worst[:_MOST_CLASSES])


def _describe_sides(drawn: int, classes: int) -> str:
    sides = "rows: true classes; columns: answers"
    if drawn == classes:
        return sides
    return f"{sides}; the {drawn} of {classes:,} classes with the most mistakes"


def _draw_cells(
    confusion: Sequence[Sequence[int]], chosen: Sequence[int], side: float
) -> Iterator[Markup]:
    for row, true in enumerate(chosen):
        total = sum(confusion[true])
        for column, answer in enumerate(chosen):
            x, y = _LEFT + side * column, _TOP + side * row
            count = confusion[true][answer]
            yield rectangle(x + 0.5, y + 0.5, side - 1, side - 1, "track")
            if not count:
                continue
            strength = _STRONGEST * math.sqrt(count / total)
            kind = "right" if true == answer else "wrong"
            yield rectangle(x + 0.5, y + 0.5, side - 1, side - 1, kind, strength)
            if len(chosen) <= _MOST_NUMBERED:
                yield text(x + side / 2, y + side / 2 + 4, f"{count}", "count")


def _draw_names(names: Sequence[str], side: float, bottom: float) -> Iterator[Markup]:
    for number, name in enumerate(names):
        middle = side * (number + 0.5)
        yield text(_LEFT - 6, _TOP + middle + 4, name, anchor="end")
        x, y = _LEFT + middle + 4, bottom + 8
        yield Markup(
            '<text x="{0:.2f}" y="{1:.2f}" text-anchor="end" '
            'transform="rotate(-90 {0:.2f} {1:.2f})">{2}</text>'
        ).format(x, y, name)


def _describe(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    total = sum(map(sum, confusion))
    right = sum(row[k] for k, row in enumerate(confusion))
    pairs = sorted(
        (
            (count, names[true], names[answer])
            for true, row in enumerate(confusion)
            for answer, count in enumerate(row)
            if true != answer and count
        ),
        reverse=True,
    )[:5]
    told = "; ".join(f"{true} taken for {answer} {n}" for n, true, answer in pairs)
    most = f". Most often confused: {told}" if told else ""
    return f"Confusion matrix: {right:,} of {total:,} pictures are named rightly{most}"
