"""A new study, or the one that the same command began before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cifarcnn.config.search_space import SearchSpace, read_search_space
from cifarcnn.errors import UsageError
from cifarcnn.runs.run_path import ROOT
from cifarcnn.search.folder import (
    Pruner,
    Sampler,
    StudyFolder,
    find_study,
    make_study,
    open_study,
)
from cifarcnn.search.samplers import grid_of
from cifarcnn.search.space import (
    describe_base,
    make_fingerprint,
    open_space,
    require_searchable,
)
from cifarcnn.search.storage import hide_password, require_database


def begin_search(
    config: str,
    settings: Sequence[str],
    vary: Sequence[str],
    space_file: Path | None,
    sampler: Sampler,
    pruner: Pruner,
    storage: str | None,
    path: Path | None,
    note: Callable[[str], object],
) -> tuple[StudyFolder, SearchSpace]:
    """The folder of a search that is described anew.

    Args:
        config: A file or a shipped config.
        settings: As ``--set`` has them.
        vary: As ``--vary`` has them.
        space_file: Further ones; ``None`` without.
        sampler: What chooses.
        pruner: What ends trials early.
        storage: URL of a database; ``None`` for a file in the folder.
        path: Of the study; ``None``: the one of before, or the next free one.
        note: Is told, a sentence each, what else must be known.

    Raises:
        ConfigError: The config or the space is wrong.
        UsageError: The config cannot be searched, or ``path`` has another search.
        RunError: The folder cannot be made, or is no study, or the database does not
            answer.
    """
    space = read_search_space(config, vary, space_file, settings)
    require_searchable(space)
    if sampler == "grid":
        grid_of(space)
    name = space.base.name
    fingerprint = make_fingerprint(space, sampler, pruner)
    folder = find_study(path, name, fingerprint, ROOT, note)
    if folder is not None:
        require_same_storage(folder, storage)
        return folder, open_space(folder)
    if storage is not None:
        require_database(storage)
    folder = make_study(
        path,
        name,
        describe_base(space),
        {
            "study": f"{name}-{fingerprint[:12]}",
            "fingerprint": fingerprint,
            "sampler": sampler,
            "pruner": pruner,
            "vary": tuple(vary),
            "space": None if space_file is None else _text_of(space_file, space),
            "storage": None if storage is None else hide_password(storage),
        },
    )
    return folder, open_space(folder)


def _text_of(space_file: Path, space: SearchSpace) -> str:
    """What was read of the file, which may be a pipe that gives it once."""
    sources = (varied.place.source for varied in space.varied)
    found = next(source for source in sources if source.name == str(space_file))
    return "\n".join([*found.lines, ""])


def resume_search(path: Path, storage: str | None) -> tuple[StudyFolder, SearchSpace]:
    """The search in a folder.

    Raises:
        RunError: There is none, or it was changed.
        UsageError: Its database is a server, and ``storage`` is not its URL.
    """
    folder = open_study(path)
    require_same_storage(folder, storage)
    return folder, open_space(folder)


def require_same_storage(folder: StudyFolder, storage: str | None) -> None:
    """See that a study is looked for where it is.

    Raises:
        UsageError: It is elsewhere.
    """
    kept = folder.settings.storage
    given = None if storage is None else hide_password(storage)
    if kept == given:
        return
    if kept is None:
        raise UsageError(
            f"The study of {folder.path} lies in the folder itself. Leave --storage "
            "out, or name a new folder with --run."
        )
    raise UsageError(
        f"The study of {folder.path} lies in {kept}. Give --storage with that URL, and "
        "its password where it has one, which is not kept."
    )
