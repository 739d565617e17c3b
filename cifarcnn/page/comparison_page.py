"""The page about trained networks side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cifarcnn.html.document import content_policy
from cifarcnn.page.html import make_plain_environment, page_style
from cifarcnn.page.plots import STYLE, Line, ShownImage, draw_images, draw_lines
from cifarcnn.runs.history import EpochRecord

# Beyond these the page would be slow, and nobody would look.
MOST_IMAGES = 30
MOST_CURVES = 30


@dataclass(frozen=True)
class Table:
    """Words in rows.

    Attributes:
        columns: Their names.
        rows: As long each; the first word names its row.
        said: How many columns at the end hold words, not figures.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    said: int = 0


@dataclass(frozen=True)
class Curves:
    """The epochs of one training.

    Attributes:
        name: In the legends.
        records: One for each epoch.
    """

    name: str
    records: Sequence[EpochRecord]


@dataclass(frozen=True)
class Disagreements:
    """Images on which the networks do not say the same.

    Attributes:
        images: Some of them, with the words below each.
        table: The same in words.
        count: Of all of them.
        examples: Of all images that were judged.
        split: Which these are.
    """

    images: Sequence[ShownImage]
    table: Table
    count: int
    examples: int
    split: str


@dataclass(frozen=True)
class ComparisonPage:
    """What the page is made from.

    Attributes:
        title: Of the page.
        verdicts: What the tests found, a paragraph each.
        notes: What must be said about data and runs, a sentence each.
        figures: What each costs and achieves.
        differences: Of the configs; ``None`` where they are not compared.
        curves: Of each training.
        disagreements: ``None`` where the images were not asked.
        folders: Of what the columns of the figures are: number and path.
        source: The folder that the page is about; ``""`` where it is of several.
        links: The page of a row of the figures, by its first word.
    """

    title: str
    verdicts: Sequence[str]
    notes: Sequence[str]
    figures: Table
    differences: Table | None
    curves: Sequence[Curves]
    disagreements: Disagreements | None = None
    folders: Sequence[tuple[str, str]] = ()
    source: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


def render_comparison(page: ComparisonPage) -> str:
    """The page, which needs nothing else."""
    curves = list(_draw_curves(page.curves[:MOST_CURVES]))
    seeds = page.folders or page.source
    titles = {"figures": f"What each {'came to' if seeds else 'costs and achieves'}"}
    if page.differences is not None:
        titles["differences"] = "In what the configs differ"
    if curves:
        titles["curves"] = "Loss and accuracy"
    if page.disagreements is not None:
        titles["disagreements"] = "Where they disagree"
    return render_numbered(
        "comparison.html",
        page,
        titles,
        curves=curves,
        curves_left_out=len(page.curves) - len(page.curves[:MOST_CURVES]),
        pictures=_draw_images(page.disagreements),
    )


def render_numbered(
    template: str, page: Any, titles: Mapping[str, str], **content: object
) -> str:
    """A page of verdicts and numbered parts.

    Args:
        template: Name of its file.
        page: With ``title``, ``verdicts`` and ``notes``.
        titles: Of its parts, by the id of each, in their order.
        content: What else the template shows.
    """
    style = f"{page_style()}\n{STYLE}"
    numbers = {id: number for number, id in enumerate(titles, 1)}
    return (
        make_plain_environment()
        .get_template(template)
        .render(
            policy=content_policy(style),
            style=Markup(style),
            title=page.title,
            titles=titles,
            numbers=numbers,
            page=page,
            **content,
        )
    )


def _draw_curves(curves: Sequence[Curves]) -> Iterator[Markup]:
    figures = {
        "validation loss": ("val_loss", False),
        "validation accuracy": ("val_accuracy", True),
        "training loss": ("loss", False),
        "training accuracy": ("accuracy", True),
    }
    for name, (attribute, percent) in figures.items():
        lines = [
            Line(each.name, [getattr(record, attribute) for record in each.records])
            for each in curves
        ]
        if any(value is not None for line in lines for value in line.values):
            yield draw_lines(lines, name, percent=percent)


def _draw_images(found: Disagreements | None) -> Markup | None:
    if found is None or not found.images:
        return None
    return draw_images(found.images, "true class, and the answer of each run")
