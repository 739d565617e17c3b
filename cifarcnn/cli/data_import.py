"""``cifarcnn data import``: a copy that is on this machine already."""

from __future__ import annotations

from pathlib import Path

import click

from cifarcnn.cli.options import common, to_option


@click.command("import")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@to_option
@common
def command(path: Path, folder: Path | None) -> None:
    """Check your own copy of CIFAR-10 or CIFAR-100 and put it where it is found.

    PATH is an archive or a folder of the binary or the Python version, a folder that
    holds one (such as Keras's or torchvision's), an .npz file with x_train, y_train,
    x_test and y_test, or folders of 32x32 pictures train/<class>/ and test/<class>/.
    PATH itself stays as it is. The new path is printed on standard output.
    """
    from cifarcnn.cli import console
    from cifarcnn.cli.console import printable
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
    if result.shadowed_by is not None:
        console.print_message(
            printable(
                f"note: {result.shadowed_by} is found before it and is what the "
                "program uses; move it away, or name the new one with data.path"
            )
        )
    console.print_raw(str(result.path))
