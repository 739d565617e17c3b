"""An explanation as a page to read, as images for slides, and as a sliding GIF."""
