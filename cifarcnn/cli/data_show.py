"""``cifarcnn data show``: what data is here, and a grid of its images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cifarcnn.cli.options import common, set_option
from cifarcnn.errors import UsageError
from cifarcnn.files import (
    find_free_path,
    os_error_as_usage_error,
    write_atomically,
)

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.config import Config
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.splits import Split

# How many of a class stand side by side, and how many epochs.
_IMAGES_OF_A_CLASS = 12
_EPOCHS = 8
# More rows than that nobody looks at.
_MOST_CLASSES = 100


@click.command("show")
@click.option(
    "--config",
    "-c",
    "config_name",
    metavar="FILE|NAME",
    default="article",
    show_default=True,
    help="Whose data to show: a YAML file, or the name of a shipped config.",
)
@set_option
@click.option(
    "--augmented",
    is_flag=True,
    help="Beside each picture, what the network would see of it in training.",
)
@click.option(
    "--epoch",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    help="The first of the epochs that --augmented shows.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=None,
    help="In place of the config's training.seed.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    default=None,
    help="Where the pictures go; left out, a new file in this folder.",
)
@common
def command(
    config_name: str,
    settings: tuple[str, ...],
    augmented: bool,
    epoch: int,
    seed: int | None,
    out: Path | None,
) -> None:
    """Say what data set is here, and draw pictures of every class into a PNG.

    Where it lies and came from, whether it is the official one to the byte, and how
    many pictures of each class there are. What is drawn are training pictures; the
    test pictures stay unseen.
    """
    from cifarcnn.cli import console
    from cifarcnn.config import load_config

    if out is not None and os.path.lexists(out):
        raise UsageError(
            f"{out} exists already, and nothing is replaced. Name another file with "
            "--out, or move it away first."
        )
    given = [*settings, *([] if seed is None else [f"training.seed={seed}"])]
    config = load_config(config_name, settings=given)

    from cifarcnn.data.registry import open_config_dataset

    dataset = open_config_dataset(config)
    split, validation = dataset.training(
        config.data.validation_fraction, config.training.seed
    )
    if not augmented:
        grid = _draw_plain(dataset, split)
    elif not config.data.augmentation:
        raise UsageError(
            f"'{config_name}' has no data.augmentation: the network sees the pictures "
            "as they are. Try one with --set 'data.augmentation=[RandomFlip]'."
        )
    else:
        with console.native_output():
            grid = _draw_augmented(config, dataset, split, epoch)
    name = f"{config.name}-{'augmented' if augmented else 'pictures'}"
    target = out or find_free_path(Path(), name, ".png", first="-1")
    # First, so that it is there even when nobody reads the answer.
    with os_error_as_usage_error(f"'{target}' cannot be written"):
        write_atomically(target, grid)
    console.print_result(_describe(dataset, split, validation))
    console.print_result(f"pictures: {target}")


def _describe(dataset: Dataset, split: Split, validation: Split | None) -> str:
    import numpy as np

    from cifarcnn.cli.console import printable
    from cifarcnn.cli.tables import format_table

    names = dataset.class_names
    kept = 0 if validation is None else len(validation)
    columns = [
        np.bincount(part.labels, minlength=len(names))
        for part in (split, *([validation] if validation else []))
    ]
    rows = [
        [name, *(f"{column[label]:,}" for column in columns)]
        for label, name in enumerate(names)
    ]
    headings = ["class", "training pictures", "for validation"][: len(columns) + 1]
    return "\n".join(
        [
            f"data set: {dataset.name}, {len(names)} classes",
            f"origin: {printable(dataset.origin)}",
            *map(printable, _describe_origin(dataset)),
            f"official files: {_describe_official(dataset)}",
            f"checksum: {dataset.checksum}",
            *([f"note: these are {dataset.notice}"] if dataset.notice else []),
            f"training pictures: {len(split):,}; for validation: {kept:,}",
            "",
            format_table(headings, rows, numbers=len(columns)),
            "",
        ]
    )


def _describe_origin(dataset: Dataset) -> list[str]:
    """Where a CIFAR came from, and what else lies in the usual places."""
    from cifarcnn.data.cifar.facts import CIFAR_DATASETS
    from cifarcnn.data.cifar.location import (
        find_locations,
        read_provenance,
        usual_folders,
    )

    if dataset.name not in CIFAR_DATASETS:
        return []
    lines = []
    provenance = read_provenance(Path(dataset.origin))
    if provenance is not None:
        lines.append(f"{provenance.how}: {provenance.day} from {provenance.origin}")
    others = (
        place.path
        for base in usual_folders()
        for place in find_locations(CIFAR_DATASETS[dataset.name], base)
    )
    used = Path(dataset.origin)
    lines += [f"also here: {path}" for path in dict.fromkeys(others) if path != used]
    return lines


def _describe_official(dataset: Dataset) -> str:
    from cifarcnn.data.cifar.facts import CIFAR_DATASETS

    if dataset.official:
        return "yes, to the byte"
    if dataset.name in CIFAR_DATASETS:
        return "no; numbers, sizes and labels are right, the bytes are others"
    return "no"


def _draw_plain(dataset: Dataset, split: Split) -> bytes:
    from cifarcnn.data.grid import draw_grid

    members = list(_members(dataset, split))
    return draw_grid(
        [split.images[places[:_IMAGES_OF_A_CLASS]] for _, places in members],
        [name for name, _ in members],
        [],
    )


def _draw_augmented(
    config: Config, dataset: Dataset, split: Split, epoch: int
) -> bytes:
    import numpy as np

    from cifarcnn import engine
    from cifarcnn.data.grid import draw_grid

    engine.start("cpu")
    from cifarcnn.training.augmentation.pipeline import preview

    members = list(_members(dataset, split))
    index = np.array([places[0] for _, places in members], dtype=np.int32)
    epochs = range(epoch - 1, epoch - 1 + _EPOCHS)
    choices = config.data.augmentation
    return draw_grid(
        list(preview(choices, config.training.seed, split.images, index, epochs)),
        [name for name, _ in members],
        ["as it is", *(f"epoch {number + 1}" for number in epochs)],
    )


def _members(dataset: Dataset, split: Split) -> Iterator[tuple[str, np.ndarray]]:
    """The name and the images of each class, as far as they are shown."""
    import numpy as np

    for label, name in enumerate(dataset.class_names[:_MOST_CLASSES]):
        places = np.flatnonzero(split.labels == label)
        if len(places):
            yield name, places
