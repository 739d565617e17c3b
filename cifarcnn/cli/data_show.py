"""``cifarcnn data show``: what data is here, and a grid of its images."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cifarcnn.cli import console
from cifarcnn.cli.decoding_display import decoding_shown
from cifarcnn.cli.options import NamedPath, common, config_option, set_option
from cifarcnn.cli.tables import format_table
from cifarcnn.errors import DataError, UsageError
from cifarcnn.files import find_free_path, os_error_as_usage_error, write_atomically

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.config import Config
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.splits import Split
    from cifarcnn.data.summary import DatasetContent

# How many of a class stand side by side, and how many epochs.
_IMAGES_OF_A_CLASS = 12
_EPOCHS = 8
# More rows than that nobody looks at.
_MOST_CLASSES = 100


@click.command("show")
@config_option(
    "Whose data to show: a YAML file, or the name of a shipped config.", "article"
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
    type=NamedPath(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    default=None,
    help="Where the pictures go; left out, a new file in this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
def command(
    config_name: str,
    settings: tuple[str, ...],
    augmented: bool,
    epoch: int,
    seed: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Say what data set is here, and draw pictures of every class into a PNG.

    Where it lies and came from, whether it is the official one to the byte, and how
    many pictures of each class there are; of a folder also how it is cut, and what is
    left out, damaged, cropped, or there twice. What is drawn are training pictures; the
    test pictures stay unseen.
    """
    from cifarcnn.config import load_config

    if out is not None and os.path.lexists(out):
        raise UsageError(
            f"{out} exists already, and nothing is replaced. Name another file with "
            "--out, or move it away first."
        )
    given = [*settings, *([] if seed is None else [f"training.seed={seed}"])]
    config = load_config(config_name, settings=given)
    if augmented and not config.data.augmentation:
        raise UsageError(
            f"'{config_name}' has no data.augmentation: the network sees the pictures "
            "as they are. Try one with --set 'data.augmentation=[RandomFlip]'."
        )

    from cifarcnn.data.dataset import open_config_dataset
    from cifarcnn.data.folder.source import UnreadableImagesError
    from cifarcnn.data.summary import describe_content

    try:
        with decoding_shown():
            dataset = open_config_dataset(config)
    except UnreadableImagesError as error:
        raise DataError(error.complete) from None
    split, validation = dataset.training(
        config.data.validation_fraction, config.training.seed
    )
    epochs = range(epoch - 1, epoch - 1 + _EPOCHS) if augmented else None
    grid = _draw(config, dataset, split, epochs)
    name = f"{config.name}-{'augmented' if augmented else 'pictures'}"
    target = out or find_free_path(Path(), name, ".png", first="-1")
    # First, so that it is there even when nobody reads the answer.
    with os_error_as_usage_error(f"'{target}' cannot be written"):
        write_atomically(target, grid)
    content = describe_content(config, dataset, split, validation)
    if as_json:
        document = {**content.to_json(), "pictures": str(target)}
        console.print_raw(json.dumps(document, indent=2))
        return
    console.print_result(_report(dataset, content))
    console.print_result(f"pictures: {target}")


def _report(dataset: Dataset, content: DatasetContent) -> str:
    names = dataset.class_names
    titles = {"training": "training pictures"}
    shown = {part: split for part, split in content.splits.items() if split is not None}
    rows = [
        [name, *(f"{split.per_class[number]:,}" for split in shown.values())]
        for number, name in enumerate(names)
    ]
    headings = [titles.get(part, f"for {part}") for part in shown]
    return "\n".join(
        [
            f"data set: {dataset.name}, {len(names)} classes",
            f"origin: {console.printable(dataset.origin)}",
            *map(console.printable, _describe_files(dataset)),
            f"checksum: {dataset.checksum}",
            *([f"note: these are {dataset.notice}"] if dataset.notice else []),
            *(f"note: {console.printable(note)}" for note in content.notes),
            "; ".join(
                f"{titles.get(part, f'for {part}')}: {split.images:,}"
                for part, split in shown.items()
            ),
            "",
            format_table(["class", *headings], rows, numbers=len(shown)),
            "",
        ]
    )


def _describe_files(dataset: Dataset) -> list[str]:
    """Of CIFAR, where it came from, what else is here, and whether it is official."""
    from cifarcnn.data.cifar.facts import CIFAR_DATASETS
    from cifarcnn.data.cifar.location import find_usual_locations, read_provenance

    cifar = CIFAR_DATASETS.get(dataset.name)
    if cifar is None:
        return ["official files: no"]
    lines, used = [], Path(dataset.origin)
    provenance = read_provenance(used)
    if provenance is not None:
        lines.append(f"{provenance.how}: {provenance.day} from {provenance.origin}")
    others = dict.fromkeys(place.path for place in find_usual_locations(cifar))
    lines += [f"also here: {path}" for path in others if path != used]
    official = "no; numbers, sizes and labels are right, the bytes are others"
    if dataset.official:
        official = "yes, to the byte"
    return [*lines, f"official files: {official}"]


def _augment(
    config: Config, split: Split, index: list[int], epochs: range
) -> list[np.ndarray]:
    """For each image uint8 ``(epochs + 1, height, width, 3)``, itself first."""
    import numpy as np

    from cifarcnn import engine

    engine.start("cpu")
    from cifarcnn.training.augmentation.pipeline import preview

    choices, seed = config.data.augmentation, config.training.seed
    indices = np.array(index, dtype=np.int32)
    return list(preview(choices, seed, split.images, indices, epochs))


def _draw(
    config: Config, dataset: Dataset, split: Split, epochs: range | None
) -> bytes:
    """A grid with a row for each class: some images, or one of them in each epoch."""
    from cifarcnn.data.grid import draw_grid

    members = _find_members(dataset, split)
    if epochs is None:
        rows = [
            split.images[places[:_IMAGES_OF_A_CLASS]] for places in members.values()
        ]
        return draw_grid(rows, list(members), [])
    with console.native_output():
        first = [places[0] for places in members.values()]
        rows = _augment(config, split, first, epochs)
    columns = ["as it is", *(f"epoch {number + 1}" for number in epochs)]
    return draw_grid(rows, list(members), columns)


def _find_members(dataset: Dataset, split: Split) -> dict[str, np.ndarray]:
    """Where the images of each class are, as far as they are shown."""
    import numpy as np

    places = (np.flatnonzero(split.labels == k) for k in range(_MOST_CLASSES))
    found = zip(dataset.class_names, places, strict=False)
    return {name: members for name, members in found if len(members)}
