"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Settings:
    """What holds for the whole call.

    Attributes:
        debug: Whether a failure shows its traceback.
    """

    debug: bool = False


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Settings).debug = True


def common(command: Command) -> Command:
    """Give a command what every command has: ``--debug``."""
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_set_debug,
        help="Show the traceback when something fails.",
    )(command)


class NamedPath(click.Path):
    """A path that has a name: an empty one would be taken for the current folder."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        if value == "":
            self.fail(
                "the name is empty. Perhaps a variable of the shell is not set.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


def config_option(
    description: str, default: str | None = None
) -> Callable[[Command], Command]:
    """``--config``, an argument ``config_name``."""
    return click.option(
        "--config",
        "-c",
        "config_name",
        metavar="FILE|NAME",
        type=NamedPath(readable=False),
        default=default,
        show_default=default is not None,
        help=description,
    )


run_option = click.option(
    "--run",
    "run_path",
    metavar="DIR|NAME",
    type=NamedPath(),
    default=None,
    help="Folder of the run; left out, the latest one under ./runs, and where there is "
    "none speedrun, the trained network that comes with cifarcnn.",
)
runs_option = click.option(
    "--run",
    "run_paths",
    metavar="DIR|NAME",
    type=NamedPath(),
    multiple=True,
    help="Folder of the run; left out, the latest one under ./runs, and where there is "
    "none speedrun, the trained network that comes with cifarcnn. Given several times, "
    "the probabilities of these networks are averaged.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="Where to compute; gpu fails when there is none that works.",
)
backend_option = click.option(
    "--backend",
    type=click.Choice(["auto", "tensorflow", "jax"]),
    default=None,
    help="What Keras runs on; left out, as KERAS_BACKEND or the config says. auto "
    "takes JAX where it can use a GPU, else TensorFlow.",
)
data_option = click.option(
    "--data",
    type=NamedPath(path_type=Path),
    metavar="PATH",
    help="Where the data set lies now, when not where the run's config says; or your "
    "own pictures, DIR/<class>/<picture>.",
)
set_option = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Override one value of the config, such as training.epochs=5.",
)
temperature_option = click.option(
    "--temperature",
    is_flag=True,
    help="Answer at the temperature that evaluate --temperature fitted and kept with "
    "the run: the same classes, their probabilities as sure as they are right.",
)
unsure_option = click.option(
    "--unsure",
    is_flag=True,
    help="Label a picture unsure where nothing that the network knows fits it, by what "
    "evaluate --temperature kept with the run; top still names its classes.",
)
weights_option = click.option(
    "--weights",
    type=click.Choice(["best", "last"]),
    default=None,
    help="Weights of the best or the last epoch; left out, as the config says.",
)
