"""What a study searches, written in its folder and read again."""

from __future__ import annotations

import hashlib

from cifarcnn.config.search_space import SearchSpace, read_search_space
from cifarcnn.config.yaml_text import dump
from cifarcnn.errors import RunError, UsageError
from cifarcnn.search.folder import BASE, SPACE, Pruner, Sampler, StudyFolder


def make_fingerprint(space: SearchSpace, sampler: Sampler, pruner: Pruner) -> str:
    """The same for the same search, on whichever machine, and for no others."""
    text = f"{space.fingerprint()} {sampler} {pruner}"
    return hashlib.sha256(text.encode()).hexdigest()


def describe_base(space: SearchSpace) -> str:
    """The config as it was written, with its blocks, which a space may name."""
    return dump(space.root.plain())


def open_space(folder: StudyFolder) -> SearchSpace:
    """What the study in a folder searches.

    Raises:
        ConfigError: A file of it was changed, and is wrong.
        RunError: A file was changed otherwise.
    """
    settings = folder.settings
    file = folder.path / SPACE if settings.space is not None else None
    space = read_search_space(folder.base_path, settings.vary, file)
    found = make_fingerprint(space, settings.sampler, settings.pruner)
    if found != settings.fingerprint:
        raise RunError(
            f"{folder.base_path} or {SPACE} was changed since the search began, or has "
            "other defaults in this version of cifarcnn, so that its trials cannot be "
            "compared any more. Restore the file or the version, or begin a new "
            f"search: cifarcnn search --config {folder.path / BASE}"
        )
    return space


def require_searchable(space: SearchSpace) -> None:
    """See that trials of a config can be judged, and come to their ends.

    Raises:
        UsageError: There are no validation pictures, or a training ends by its time.
    """
    config = space.base
    if config.data.validation_fraction == 0 and config.data.fold is None:
        raise UsageError(
            "A search judges by the validation pictures, and data.validation_fraction "
            "is 0. Keep some: --set data.validation_fraction=0.1"
        )
    if config.training.max_minutes is not None:
        raise UsageError(
            "training.max_minutes ends each training in the middle, so that trials "
            "cannot be compared. Leave it out: --set training.max_minutes=null; "
            "--max-minutes is the time of the whole search."
        )
