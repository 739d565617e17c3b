"""``cifarcnn train``: from a config to a trained network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from cifarcnn.cli.options import common, device_option, set_option

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice


@click.command("train")
@click.option(
    "--config",
    "-c",
    "config_name",
    metavar="FILE|NAME",
    required=True,
    help="A YAML file, or the name of a shipped config such as article.",
)
@set_option
@click.option(
    "--run",
    "run_path",
    metavar="DIR",
    type=click.Path(),
    default=None,
    help="New folder for the run; left out, the next free one under ./runs.",
)
@device_option
@click.option(
    "--smoke",
    is_flag=True,
    help="One epoch on 512 pictures, to see that everything works.",
)
@click.option(
    "--fetch/--offline",
    default=None,
    help="Whether CIFAR is fetched when it is not here; left out, as the config says.",
)
@common
def command(
    config_name: str,
    settings: tuple[str, ...],
    run_path: str | None,
    device: DeviceChoice,
    smoke: bool,
    fetch: bool | None,
) -> None:
    """Train the network of a config and keep everything in the folder of a run.

    Ctrl-C stops after the current step and keeps what was trained; a second one stops
    at once. The folder of the run is printed on standard output.
    """
    from cifarcnn.cli import console
    from cifarcnn.config import check_config
    from cifarcnn.errors import ConfigError

    checked = check_config(config_name, list(settings))
    if checked.config is None:
        raise ConfigError(checked.problems)

    from cifarcnn import api
    from cifarcnn.cli.fetch_display import open_fetch_display
    from cifarcnn.cli.progress import open_display

    with console.native_output() as native:
        # Inside, that descriptor leads to the log of the run.
        with (
            open_fetch_display() as fetch_display,
            open_display(
                log=lambda text: os.write(console.STDERR, f"{text}\n".encode()),
                log_moved=native.move_to,
            ) as display,
        ):
            trained = api.train(
                checked.config,
                run_path,
                device=device,
                smoke=smoke,
                observer=display,
                fetch=fetch,
                fetch_observer=fetch_display,
            )
    console.answer(str(trained.path))
