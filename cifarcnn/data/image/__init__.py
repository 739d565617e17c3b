"""Image files of any size and mode, as arrays of red, green and blue."""
