"""Which Python packages are installed here; none of them is imported to see that."""

from __future__ import annotations

from importlib import metadata
from importlib.machinery import ModuleSpec
from importlib.util import find_spec


def installed_version(package: str) -> str | None:
    """The version of a package, by its name for pip; ``None``: not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def find_module(name: str) -> ModuleSpec | None:
    """Where Python would import a module from; ``None``: nowhere."""
    try:
        return find_spec(name)
    except (ImportError, ValueError):
        # As it is where somebody put a stand-in into sys.modules.
        return None
