"""``cifarcnn data fetch``: the official archives, from wherever they can be had."""

from __future__ import annotations

from pathlib import Path

import click

from cifarcnn.cli.options import common, to_option
from cifarcnn.errors import UsageError

NAMES = ["cifar10", "cifar100"]


@click.command("fetch")
@click.argument(
    "names", metavar="[cifar10|cifar100]...", nargs=-1, type=click.Choice(NAMES)
)
@click.option(
    "--from",
    "urls",
    metavar="URL",
    multiple=True,
    help="A source to try first: the address of the archive, or of the folder that "
    "holds it, with a slash at its end. May be given several times.",
)
@to_option
@click.option(
    "--config",
    "-c",
    "config_name",
    metavar="FILE|NAME",
    default=None,
    help="Take the data set and data.sources from a config.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Use no network: only say whether it is here, and else how to get it.",
)
@common
def command(
    names: tuple[str, ...],
    urls: tuple[str, ...],
    folder: Path | None,
    config_name: str | None,
    offline: bool,
) -> None:
    """Bring CIFAR-10 (or CIFAR-100) onto this machine, whole and checked.

    A fetch that was cut off goes on where it stopped when it is started again. A
    source that fails, or gives less than 200 kB/s while another one may be faster, is
    left for the next. Further sources stand in the environment variable
    CIFARCNN_DATA_SOURCES, with spaces between them. The path of each archive is
    printed on standard output.
    """
    from cifarcnn.cli import console
    from cifarcnn.cli.fetch_display import interruption_explained, open_fetch_display
    from cifarcnn.data.cifar.facts import CIFAR_DATASETS
    from cifarcnn.data.fetching.ensure_cifar import fetch_cifar

    configured: tuple[str, ...] = ()
    if config_name is not None:
        dataset, configured = _from_config(config_name)
        if not names and dataset not in CIFAR_DATASETS:
            raise UsageError(
                f"'{config_name}' has the data set {dataset}, which is not fetched; "
                f"expected {' or '.join(NAMES)}."
            )
        names = names or (dataset,)
    for name in dict.fromkeys(names or ("cifar10",)):
        with open_fetch_display() as display, interruption_explained():
            result = fetch_cifar(
                CIFAR_DATASETS[name],
                asked=urls,
                configured=configured,
                folder=folder,
                offline=offline,
                observer=display,
            )
            if result.url is None:
                display.show(f"here already, to the byte: {result.path}")
        console.print_raw(str(result.path))


def _from_config(config_name: str) -> tuple[str, tuple[str, ...]]:
    from cifarcnn.config import load_config

    data = load_config(config_name).data
    return data.dataset, tuple(data.sources)
