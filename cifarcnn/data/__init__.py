"""Images and labels as NumPy arrays, from wherever they lie."""
