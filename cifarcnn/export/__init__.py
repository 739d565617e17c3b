"""A trained network as a file for other programs, proven in their own runtime.

Each format is a module ``<format>_format`` with a ``FORMAT``.
"""
