"""One document that needs nothing else and runs nothing of a stranger's."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jinja2


def base_style() -> str:
    """Colours for light and dark, and the type."""
    return Path(__file__).with_name("base.css").read_text(encoding="utf-8")


def content_policy(style: str, *scripts: str) -> str:
    """Nothing may be loaded or run but this style and these scripts, known by their
    hashes, and images that lie in the page itself."""
    allowed = " ".join(f"'{hash_script(script)}'" for script in scripts) or "'none'"
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{hash_script(style)}'; script-src {allowed}"
    )


def make_environment(templates: Path) -> jinja2.Environment:
    """The templates of a folder.

    Within ``<script>``, ``tojson`` lets no character end the element; NaN and
    infinities, which JSON does not know, raise ``ValueError``.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        # Names of files and classes are strangers' text; they must stay text.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "allow_nan": False,
        "separators": (",", ":"),
    }
    return environment


def hash_script(text: str) -> str:
    """How a policy names a script or a style."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
