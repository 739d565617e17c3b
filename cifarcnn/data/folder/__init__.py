"""People's own images: class folders or a list, read, cut into splits and judged."""
