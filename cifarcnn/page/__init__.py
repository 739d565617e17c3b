"""The story as a page to read, as images for slides, and as a film."""

from __future__ import annotations

from cifarcnn.page.document import render_image_page, render_model_page
from cifarcnn.page.page_data import require_finite
from cifarcnn.page.page_info import Setting

__all__ = ["Setting", "render_model_page", "render_image_page", "require_finite"]
