"""What all pages have in common; none of it needs Keras."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jinja2

_TEMPLATES = Path(__file__).parent / "templates"


def read_template(name: str) -> str:
    """The text of a file beside the templates."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def content_policy(style: str, script: str | None = None) -> str:
    """Nothing may be loaded or run but this style and this script, known by their
    hashes, and images that lie in the page itself."""
    allowed = "'none'" if script is None else f"'{_hash(script)}'"
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src {allowed}"
    )


def make_plain_environment() -> jinja2.Environment:
    """The templates, without functions of a single page's."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        # Names of files and classes are strangers' text; they must stay text.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
