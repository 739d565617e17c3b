"""The templates of all pages; none of it needs Keras."""

from __future__ import annotations

from pathlib import Path

import jinja2

from cifarcnn.html.document import base_style, make_environment

_TEMPLATES = Path(__file__).parent / "templates"


def read_template(name: str) -> str:
    """The text of a file beside the templates."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def page_style() -> str:
    """The style of all pages."""
    return base_style() + read_template("page.css")


def make_plain_environment() -> jinja2.Environment:
    """The templates, without functions of a single page's."""
    return make_environment(_TEMPLATES)
