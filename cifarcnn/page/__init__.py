"""Pages to read: of an explanation, also as slides and GIF, and of a training."""
