"""A config trained with several seeds, one after another."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from cifarcnn.cli import console, one_training
from cifarcnn.cli.seeds_option import parse_seeds
from cifarcnn.cli.seeds_report import describe_left, report
from cifarcnn.cli.shell_words import quote_path
from cifarcnn.config import Config, load_config
from cifarcnn.errors import (
    CifarcnnError,
    DivergedError,
    RunError,
    Stopped,
    TimeIsUp,
    UsageError,
)
from cifarcnn.runs import Run
from cifarcnn.runs.file_lock import lock_run
from cifarcnn.runs.listing import NOT_BEGUN, read_states, summarize_each
from cifarcnn.runs.removal import remove_run
from cifarcnn.runs.run_path import ROOT
from cifarcnn.runs.safe_io import write_file
from cifarcnn.runs.seeds_folder import (
    SeedsFolder,
    make_seeds_folder,
    open_seeds_folder,
)
from cifarcnn.training.stop_request import StopRequest

# What has a training go on that came to its end.
_LONGER = {"training.epochs", "training.early_stopping"}


def train(
    config: Config,
    text: str,
    path: str | None,
    smoke: bool,
    given: Mapping[str, Any],
    request: StopRequest | None = None,
) -> int:
    """Train a config with several seeds, and print the folder of their runs.

    Args:
        config: Of all.
        text: What ``--seeds`` says.
        path: A new folder; None takes the next free one.
        smoke: Whether each shall be a trial on few images.
        given: Further arguments of ``api.train``.
        request: What ends them; ``None``: ``training.max_minutes``, and signals.

    Returns:
        The exit code: that of a divergence where one diverged.

    Raises:
        click.UsageError: The text means no seeds.
        CifarcnnError: Of one of them. What was begun is kept, and how all go on said.
        Stopped: A signal came; likewise.
        DivergedError: All diverged.
    """
    request = request or StopRequest(config.training.max_minutes)
    seeds = parse_seeds(text, config.training.seed)
    base = config.to_yaml().encode()
    place = None if path is None else Path(path)
    folder = make_seeds_folder(place, ROOT, config.name, seeds, base, smoke=smoke)
    with lock_run(folder.path):
        try:
            return _train_all(folder, seeds, request, _begin_with(folder, given))
        except BaseException:
            # Such as data that is not here: no folder is left of each attempt.
            folder.remove_if_not_begun()
            raise


def resume(
    path: Path,
    settings: Sequence[str],
    given: Mapping[str, Any],
    request: StopRequest | None = None,
) -> int:
    """Go on with a folder of several seeds, and print it.

    Args:
        path: The folder.
        settings: What is to change for all, as ``--set`` has it.
        given: As for :func:`train`, and so is all else.
        request: Likewise.

    Raises:
        ConfigError: A setting is wrong.
        RunError: A file of the folder is damaged, or another process trains in it.
    """
    from cifarcnn.training.resume import find_changes

    folder = open_seeds_folder(path)
    if not folder.base_path.exists():
        name = shlex.quote(str(path))
        raise RunError(
            f"{folder.base_path} is missing, from which all seeds are trained. Restore "
            f"it, or remove what is left, and begin anew: cifarcnn runs remove {name}"
        )
    with lock_run(path):
        base = load_config(str(folder.base_path), settings=settings)
        _refuse_damaged(folder)
        before = load_config(str(folder.base_path))
        find_changes(path, folder.base_path, before, base)
        states = read_states(folder)
        changes = {
            seed: _list_changes(Run(folder.run_path(seed)), base)
            for seed, state in states.items()
            if state != NOT_BEGUN
        }
        todo = [
            seed
            for seed, state in states.items()
            if state not in ("finished", "diverged") or changes[seed].keys() & _LONGER
        ]
        begin = _begin_with(folder, given)

        def go_on(seed: int, request: StopRequest) -> None:
            run = Run(folder.run_path(seed))
            if not run.can_go_on:
                _clear(run.path)
                begin(seed, request)
            else:
                config = load_config(str(run.config_path), changes[seed])
                this = {**given, "request": request}
                one_training.resume(run, config, this, folder.count_from(seed))

        request = request or StopRequest(base.training.max_minutes)
        # For those that are still to begin, also after a kill.
        write_file(folder.base_path, base.to_yaml().encode())
        try:
            return _train_all(folder, todo, request, go_on)
        except UsageError:
            write_file(folder.base_path, before.to_yaml().encode())
            raise


def _begin_with(
    folder: SeedsFolder, given: Mapping[str, Any]
) -> Callable[[int, StopRequest], None]:
    """What trains a seed that was not begun."""

    def begin(seed: int, request: StopRequest) -> None:
        config = load_config(str(folder.base_path), {"training.seed": seed})
        path = folder.run_path(seed)
        this = {**given, "request": request}
        one_training.train(config, path, folder.smoke, this, folder.count_from(seed))

    return begin


def _clear(path: Path) -> None:
    """Remove what a training left that cannot go on."""
    if path.is_symlink():
        raise RunError(
            f"{path} is a link, and no training that can go on is behind it. Remove "
            "the link."
        )
    if path.exists():
        if not path.is_dir():
            raise RunError(f"{path} is no folder. Move it away.")
        if Run(path).has_weights:
            console.print_message(
                f"note: {path} has weights, but no checkpoint to go on from: it is "
                "trained anew"
            )
        remove_run(path)


def _refuse_damaged(folder: SeedsFolder) -> None:
    runs = [run for run in summarize_each(folder).values() if run is not None]
    if damaged := [run for run in runs if run.state == "damaged"]:
        names = " ".join(quote_path(run.path) for run in damaged)
        problems = [str(run.problem) for run in damaged]
        way_out = f"To train anew what is damaged: cifarcnn runs remove {names}"
        raise RunError("\n".join([*problems, way_out]))


def _list_changes(run: Run, base: Config) -> dict[str, object]:
    """What may change in the middle of a training, and is another in ``base`` now."""
    from cifarcnn.training.resume import CHANGEABLE, to_plain

    before, after = to_plain(run.config), to_plain(base)
    found: dict[str, object] = {}
    for key in CHANGEABLE:
        old, new = before, after
        for name in key.split("."):
            old, new = old[name], new[name]
        if old != new:
            found[key] = new
    return found


def _train_all(
    folder: SeedsFolder,
    todo: Collection[int],
    request: StopRequest,
    train: Callable[[int, StopRequest], None],
) -> int:
    states = read_states(folder)
    begun = False
    for place, seed in enumerate(folder.seeds, start=1):
        name = f"seed {seed} ({place} of {len(folder.seeds)})"
        if seed not in todo:
            console.print_message(f"{name}: {states[seed]}")
            continue
        try:
            # Each command brings the first of them further, however short its time.
            _require_time(request, folder.path, begun)
            begun = True
            console.print_message(name)
            train(seed, request)
        except DivergedError as error:
            # The others may do better, and that one did not is part of the result.
            console.print_message(f"error: {error}")
        except TimeIsUp as is_up:
            console.print_message(str(is_up))
            break
        except Stopped as stopped:
            text = "\n".join([str(stopped), *describe_left(folder)])
            raise Stopped(stopped.signal_number, text) from None
        except Exception as error:
            # Such as a full disk, on which the others cannot succeed either.
            for sentence in describe_left(folder):
                if isinstance(error, CifarcnnError):
                    error.add_note(sentence)
                else:
                    console.print_message(sentence)
            raise
    return report(folder)


def _require_time(request: StopRequest, folder: Path, begun: bool) -> None:
    """See that the next seed may begin.

    Raises:
        Stopped: A signal came while the seed before it was finished.
        TimeIsUp: No time is left.
    """
    if request.signals:
        raise Stopped(request.signals[0], "Stopped between two seeds.")
    if begun and request.seconds_left() <= 0:
        raise TimeIsUp(
            f"The {request.max_minutes:g} minutes of {request.name} are over.",
            folder,
        )
