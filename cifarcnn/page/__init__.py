"""The story as a page to read, as pictures for slides, and as a film."""

from __future__ import annotations

from cifarcnn.page.document import render_model_page, render_picture_page
from cifarcnn.page.interaction import require_finite
from cifarcnn.page.setting import Setting

__all__ = ["Setting", "render_model_page", "render_picture_page", "require_finite"]
