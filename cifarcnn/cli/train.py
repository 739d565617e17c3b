"""``cifarcnn train``: from a config to a trained network."""

from __future__ import annotations

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
    max_minutes: str | None,
    fetch: bool | None,
) -> None:
    """Train the network of a config and keep everything in the folder of a run.

    Ctrl-C stops after the current step and keeps what was trained; --resume goes on
    from there, bit for bit, also after a crash. A second Ctrl-C stops at once. The
    folder of the run is printed on standard output.
    """
    from cifarcnn.cli import console
    from cifarcnn.errors import TimeIsUp
    from cifarcnn.runs import Run

    if max_minutes is not None:
        settings = (*settings, f"training.max_minutes={max_minutes}")
    resumed = None
    if resumed_path is not None and config_name is None:
        if run_path is not None or smoke:
            raise click.UsageError(
                "--resume goes on in the folder of its run, as it was begun; leave "
                "--run and --smoke out."
            )
        resumed = Run.open(Path(resumed_path))
        config = resumed.config
        if settings:
            config = _load(str(resumed.config_path), settings)
    elif config_name is not None and resumed_path is None:
        config = _load(config_name, settings)
    else:
        raise click.UsageError(
            "Give either --config, or --resume with the folder of a run."
        )

    from cifarcnn import api
    from cifarcnn.cli.fetch_display import open_fetch_display
    from cifarcnn.cli.progress import open_display

    try:
        with console.native_output() as native:
            # Inside, that descriptor leads to the log of the run.
            with (
                open_fetch_display() as fetch_display,
                open_display(log=native.log, log_moved=native.move_to) as display,
            ):
                given: dict[str, Any] = {
                    "device": device,
                    "backend": backend,
                    "observer": display,
                    "fetch": fetch,
                    "fetch_observer": fetch_display,
                }
                if resumed is None:
                    path = api.train(config, run_path, smoke=smoke, **given).path
                else:
                    api.continue_training(resumed, config, **given)
                    path = resumed.path
    except TimeIsUp as is_up:
        console.print_message(str(is_up))
        path = is_up.run
    console.print_raw(str(path))


def _load(name: str, settings: tuple[str, ...]) -> Config:
    from cifarcnn.config import load_config

    return load_config(name, settings=settings)
