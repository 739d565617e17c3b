"""Which file a path means, or the name of a config that comes with the program."""

from __future__ import annotations

import os.path
from pathlib import Path

from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_tree import quote
from cifarcnn.errors import UsageError


def shipped_folder() -> Path:
    """Where the shipped configs lie: in the wheel, or beside a checkout's package."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "shipped_configs"
    return inside if inside.is_dir() else package.parent / "configs"


def shipped_names() -> list[str]:
    """The names of the project's own configs, sorted."""
    return sorted(path.stem for path in shipped_folder().glob("*.yaml"))


def zoo_names() -> list[str]:
    """The names of the published networks that are shipped as configs, sorted."""
    return sorted(path.stem for path in (shipped_folder() / "zoo").glob("*.yaml"))


def shipped_files() -> dict[str, Path]:
    """All shipped configs by name: the project's own, then the published networks."""
    folder = shipped_folder()
    own = {name: folder / f"{name}.yaml" for name in shipped_names()}
    return own | {name: folder / "zoo" / f"{name}.yaml" for name in zoo_names()}


def find_shipped(name: str) -> Path | None:
    """The file of a shipped config, or None when there is none of that name.

    Capitals count as small letters; hyphens and underscores may be left out.
    """
    files = {_fold(known): file for known, file in shipped_files().items()}
    return files.get(_fold(name))


def suggest_shipped(name: str) -> str:
    """``did you mean ...?``, or the names of all shipped configs."""
    return suggest(name.removesuffix(".yaml"), shipped_files())


def read_headline(path: Path) -> str:
    """What a shipped config is: the first line of its header."""
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.removeprefix("#").strip()
        if text and not text.startswith("yaml-language-server"):
            return text
    return ""


def _fold(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def find_config(path_or_name: str | Path) -> Path:
    """The file that a user means by a path or by the name of a shipped config.

    Raises:
        UsageError: There is neither.
    """
    name = str(path_or_name)
    # Unlike pathlib's, these take any text, also one that no file could be called.
    path = Path(os.path.expanduser(name))
    if os.path.isfile(path):
        return path
    if (shipped := find_shipped(name)) is not None:
        return shipped
    if name and os.path.isdir(path):
        raise UsageError(f"{quote(name)} is a folder; a config is a YAML file")
    if name and os.path.exists(path):
        raise UsageError(f"{quote(name)} is not an ordinary file")
    if (is_file := path.suffix in (".yaml", ".yml")) or len(path.parts) > 1:
        hint = ""
        if is_file and path.stem in shipped_files():
            hint = f"; the shipped config of that name is called {path.stem}"
        raise UsageError(f"there is no file {quote(name)}" + hint)
    raise UsageError(
        f"there is no file {quote(name)} and no shipped config of that name; "
        f"{suggest_shipped(name)}"
    )
