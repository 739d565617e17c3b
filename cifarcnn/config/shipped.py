"""The configs that come with the program, found by name."""

from __future__ import annotations

from pathlib import Path


def shipped_folder() -> Path:
    """Where the shipped configs lie: in the wheel, or beside a checkout's package."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "shipped_configs"
    return inside if inside.is_dir() else package.parent / "configs"


def shipped_names() -> list[str]:
    """The names of the shipped configs, sorted."""
    return sorted(path.stem for path in shipped_folder().glob("*.yaml"))


def find_shipped(name: str) -> Path | None:
    """The file of a shipped config, or None when there is none of that name."""
    if name in shipped_names():
        return shipped_folder() / f"{name}.yaml"
    return None
