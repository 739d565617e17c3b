"""Plots as SVG text, for pages and for files: one look for all of them.

The colours are those of Okabe and Ito (2008), which colour-blind eyes tell apart, in
light and in dark; lines differ in their dashes too.
"""

from __future__ import annotations

from cifarcnn.page.plots.bars import draw_bar_columns, draw_bars
from cifarcnn.page.plots.confusion import draw_confusion_matrix
from cifarcnn.page.plots.image_grid import ShownImage, draw_images
from cifarcnn.page.plots.lines import Line, draw_lines
from cifarcnn.page.plots.parallel import ParallelAxis, ParallelLine, draw_parallel
from cifarcnn.page.plots.reliability import draw_reliability
from cifarcnn.page.plots.svg import STYLE, to_png, to_svg_file

__all__ = [
    "STYLE",
    "Line",
    "ParallelAxis",
    "ParallelLine",
    "ShownImage",
    "draw_bar_columns",
    "draw_bars",
    "draw_confusion_matrix",
    "draw_images",
    "draw_lines",
    "draw_parallel",
    "draw_reliability",
    "to_png",
    "to_svg_file",
]
