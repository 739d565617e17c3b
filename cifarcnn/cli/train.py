"""``cifarcnn train``: from a config to a trained network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cifarcnn.cli.options import (
    NamedPath,
    backend_option,
    common,
    config_option,
    device_option,
    set_option,
)

if TYPE_CHECKING:
    from cifarcnn.config import Config
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.literals import BackendChoice
    from cifarcnn.runs import Run


@click.command("train")
@config_option("A YAML file, or the name of a shipped config such as article.")
@set_option
@click.option(
    "--run",
    "run_path",
    metavar="DIR",
    type=NamedPath(),
    default=None,
    help="New folder for the run; left out, the next free one under ./runs.",
)
@click.option(
    "--resume",
    "resumed_path",
    metavar="DIR",
    type=NamedPath(),
    default=None,
    help="Go on with the training of this run, in place of --config. Only a few values "
    "can be --set anew, such as training.epochs.",
)
@device_option
@backend_option
@click.option(
    "--smoke",
    is_flag=True,
    help="One epoch on 512 pictures, to see that everything works.",
)
@click.option(
    "--seeds",
    metavar="COUNT|LIST",
    default=None,
    help="Train with several seeds, in one folder, and say how far they lie apart: 5 "
    "(from training.seed on), or 1,2,7. --resume with that folder goes on.",
)
@click.option(
    "--max-minutes",
    metavar="MINUTES",
    default=None,
    help="End in time, after a step, and keep what was trained; --resume goes on. The "
    "same as --set training.max_minutes=MINUTES.",
)
@click.option(
    "--fetch/--offline",
    default=None,
    help="Whether CIFAR and ImageNet weights are fetched when they are not here; left "
    "out, CIFAR as the config says, and weights that it names.",
)
@common
def command(
    config_name: str | None,
    settings: tuple[str, ...],
    run_path: str | None,
    resumed_path: str | None,
    device: DeviceChoice,
    backend: BackendChoice | None,
    smoke: bool,
    seeds: str | None,
    max_minutes: str | None,
    fetch: bool | None,
) -> None:
    """Train the network of a config and keep everything in the folder of a run.

    Ctrl-C stops after the current step and keeps what was trained; --resume goes on
    from there, bit for bit, also after a crash. A second Ctrl-C stops at once. The
    folder of the run is printed on standard output.
    """
    from cifarcnn.cli import console
    from cifarcnn.runs import Run
    from cifarcnn.runs.seeds_folder import is_seeds_folder

    if max_minutes is not None:
        settings = (*settings, f"training.max_minutes={max_minutes}")
    given = {"device": device, "backend": backend, "fetch": fetch}
    if (config_name is None) == (resumed_path is None):
        raise click.UsageError(
            "Give either --config, or --resume with the folder of a run."
        )
    if resumed_path is None:
        config = _load(str(config_name), settings)
        if seeds is None:
            path = _train(config, run_path, smoke, given)
        else:
            path = _train_seeds(config, seeds, run_path, smoke, given)
    elif run_path is not None or smoke or seeds is not None:
        raise click.UsageError(
            "--resume goes on in the folder of its run, as it was begun; leave --run, "
            "--seeds and --smoke out."
        )
    elif is_seeds_folder(Path(resumed_path)):
        path = _resume_seeds(Path(resumed_path), settings, given)
    else:
        path = _resume(Run.open(Path(resumed_path)), settings, given)
    console.print_raw(str(path))


def _train(
    config: Config,
    path: str | Path | None,
    smoke: bool,
    given: Mapping[str, Any],
    seeds_left: int = 1,
) -> Path:
    from cifarcnn import api

    def train(**displays: Any) -> Path:
        return api.train(config, path, smoke=smoke, **given, **displays).path

    return _with_displays(train, seeds_left)


def _resume(run: Run, settings: tuple[str, ...], given: Mapping[str, Any]) -> Path:
    config = _load(str(run.config_path), settings) if settings else run.config
    from cifarcnn import api

    def resume(**displays: Any) -> Path:
        api.continue_training(run, config, **given, **displays)
        return run.path

    return _with_displays(resume)


def _with_displays(work: Callable[..., Path], seeds_left: int = 1) -> Path:
    """What ``work`` gives, which is told what to tell of its progress."""
    from cifarcnn.cli import console
    from cifarcnn.cli.fetch_display import open_fetch_display
    from cifarcnn.cli.progress import open_display
    from cifarcnn.errors import TimeIsUp

    try:
        with console.native_output() as native:
            # Inside, that descriptor leads to the log of the run.
            with (
                open_fetch_display() as fetch_display,
                open_display(log=native.log, log_moved=native.move_to) as display,
            ):
                display.seeds_left = seeds_left
                return work(observer=display, fetch_observer=fetch_display)
    except TimeIsUp as is_up:
        console.print_message(str(is_up))
        return is_up.run


def _train_seeds(
    config: Config,
    text: str,
    path: str | None,
    smoke: bool,
    given: Mapping[str, Any],
) -> Path:
    from cifarcnn.cli.seeds import parse_seeds, train_all
    from cifarcnn.runs.run_path import ROOT
    from cifarcnn.runs.seeds_folder import make_seeds_folder

    seeds = parse_seeds(text, config.training.seed)
    folder = make_seeds_folder(
        None if path is None else Path(path),
        ROOT,
        config.name,
        seeds,
        config.to_yaml().encode(),
        smoke=smoke,
    )

    def train(seed: int) -> None:
        with_seed = _load(str(folder.base_path), (f"training.seed={seed}",))
        _train(with_seed, folder.run_path(seed), smoke, given, folder.count_from(seed))

    return train_all(folder, train)


def _resume_seeds(
    path: Path, settings: tuple[str, ...], given: Mapping[str, Any]
) -> Path:
    from cifarcnn.cli.seeds import train_all
    from cifarcnn.runs import Run
    from cifarcnn.runs.file_lock import LOCK
    from cifarcnn.runs.folder import LOG
    from cifarcnn.runs.listing import summarize_run
    from cifarcnn.runs.manifest import CONFIG
    from cifarcnn.runs.safe_io import remove_file
    from cifarcnn.runs.seeds_folder import open_seeds_folder

    folder = open_seeds_folder(path)

    def go_on(seed: int) -> None:
        run = folder.run_path(seed)
        if not (run / CONFIG).exists():
            # Killed before it had more than these.
            for name in (LOG, LOCK):
                remove_file(run / name)
            own = (f"training.seed={seed}", *settings)
            config = _load(str(folder.base_path), own)
            _train(config, run, folder.smoke, given, folder.count_from(seed))
        elif settings or summarize_run(run).state in ("stopped", "training"):
            _resume(Run.open(run), settings, given)

    return train_all(folder, go_on)


def _load(name: str, settings: tuple[str, ...]) -> Config:
    from cifarcnn.config import load_config

    return load_config(name, settings=settings)
