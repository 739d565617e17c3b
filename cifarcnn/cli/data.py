"""``cifarcnn data``: the data set on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from cifarcnn.cli import console, data_show
from cifarcnn.cli.options import NamedPath, common, config_option
from cifarcnn.errors import UsageError

NAMES = ["cifar10", "cifar100"]
_to_option = click.option(
    "--to",
    "folder",
    type=NamedPath(path_type=Path, file_okay=False),
    metavar="DIR",
    default=None,
    help="Where the data goes; left out, the user's cache folder.",
)


@click.group("data")
@common
def command() -> None:
    """The data set on this machine: bring it, bring your own copy, look at it."""


@command.command("fetch")
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
@_to_option
@config_option("Take the data set and data.sources from a config.")
@click.option(
    "--offline",
    is_flag=True,
    help="Use no network: only say whether it is here, and else how to get it.",
)
@common
def fetch_command(
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
    from cifarcnn.cli.fetch_display import interruption_explained, open_fetch_display
    from cifarcnn.data.cifar.facts import CIFAR_DATASETS
    from cifarcnn.data.fetching.ensure_cifar import fetch_cifar

    configured: tuple[str, ...] = ()
    if config_name is not None:
        from cifarcnn.config import load_config

        data = load_config(config_name).data
        configured = tuple(data.sources)
        if not names and data.dataset not in CIFAR_DATASETS:
            raise UsageError(
                f"'{config_name}' has the data set {data.dataset}, which is not "
                f"fetched; expected {' or '.join(NAMES)}."
            )
        names = names or (data.dataset,)
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


@command.command("import")
@click.argument("path", metavar="PATH", type=NamedPath(path_type=Path))
@_to_option
@common
def import_command(path: Path, folder: Path | None) -> None:
    """Check your own copy of CIFAR-10 or CIFAR-100 and put it where it is found.

    PATH is an archive or a folder of the binary or the Python version, a folder that
    holds one (such as Keras's or torchvision's), an .npz file with x_train, y_train,
    x_test and y_test, or folders of 32x32 pictures train/<class>/ and test/<class>/.
    PATH itself stays as it is. The new path is printed on standard output.
    """
    from cifarcnn.cli.fetch_display import FetchLines
    from cifarcnn.data.importing.import_cifar import import_cifar

    result = import_cifar(path, folder=folder, observer=FetchLines())
    title = result.cifar.title
    if result.official:
        console.print_message(f"imported: {title}, the official files to the byte")
    else:
        console.print_message(
            f"imported: {title}, but not the official bytes: 60,000 pictures, "
            "the right number of every class, hardly any of them twice; more cannot be "
            "checked"
        )
    for note, count in result.notes.items():
        pictures = "picture" if count == 1 else "pictures"
        console.print_message(f"note: {count:,} {pictures}: {note}")
    if result.shadowed_by is not None:
        shadow = console.printable(str(result.shadowed_by))
        console.print_message(
            f"note: {shadow} is found before it and is what the program uses; move it "
            "away, or name the new one with data.path"
        )
    console.print_raw(str(result.path))


command.add_command(data_show.command)
