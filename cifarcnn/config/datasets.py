"""The data sets: what is known of them, and what a config says about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)

from cifarcnn.config.augmentation import MOST_OPERATIONS, AnyAugmentation, Augmentation
from cifarcnn.config.named_choice import (
    Strict,
    describe,
    expect_name,
    expect_pair,
    name_or_mapping,
    problem,
)
from cifarcnn.config.urls import find_problem
from cifarcnn.literals import Resize

# Height, width and channels of one image.
ImageShape: TypeAlias = tuple[int, int, int]

# More give so few pictures to judge by that nobody asks for them.
MOST_FOLDS = 100

# A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
CIFAR_IMAGE_SHAPE: ImageShape = (32, 32, 3)
# As in the files of the publisher, batches.meta and meta, in the order of the labels.
_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_CIFAR100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy
    bridge bus butterfly camel can castle caterpillar cattle chair chimpanzee clock
    cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
    forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion
    lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange
    orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
    possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper
    snail snake spider squirrel streetcar sunflower sweet_pepper table tank
    telephone television tiger tractor train trout tulip turtle wardrobe whale
    willow_tree wolf woman worm
"""


@dataclass(frozen=True)
class DatasetFacts:
    """One data set that a config can name.

    Attributes:
        class_names: In the order of the labels; empty where the files decide.
        image_shape: Height, width and channels of its images; of a folder, where the
            config does not say.
    """

    class_names: tuple[str, ...]
    image_shape: ImageShape


DATASETS = {
    "cifar10": DatasetFacts(tuple(_CIFAR10.split()), CIFAR_IMAGE_SHAPE),
    "cifar100": DatasetFacts(tuple(_CIFAR100.split()), CIFAR_IMAGE_SHAPE),
    "synthetic": DatasetFacts(tuple(_CIFAR10.split()), CIFAR_IMAGE_SHAPE),
    "folder": DatasetFacts((), CIFAR_IMAGE_SHAPE),
}


class ChannelStatistics(Strict):
    """Mean and deviation of red, green and blue, of pixels divided by 255."""

    mean: Annotated[list[float], Field(min_length=3, max_length=3)]
    """What is subtracted: one number for each of red, green, blue."""
    deviation: Annotated[
        list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)
    ]
    """What is then divided by: one number for each of red, green, blue."""


NORMALIZATIONS = ("unit", "standard", "none")
Normalization: TypeAlias = Annotated[
    Annotated[ChannelStatistics, Tag("mapping")]
    | Annotated[Literal["unit", "standard", "none"], Tag("name")],
    Discriminator(name_or_mapping),
    expect_name(
        NORMALIZATIONS, "unit, standard, none or {mean: [...], deviation: [...]}"
    ),
]


def _check_path(path: str, info: ValidationInfo) -> str:
    if address := re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", path):
        hint = "copy it to this machine, and give the folder or archive"
        is_cifar = str(info.data.get("dataset")).startswith("cifar")
        if is_cifar and address[1].lower() in ("http", "https"):
            hint = "put an https:// address into data.sources, with data.fetch: true"
        elif address[1].lower() == "file":
            hint = f"write {path.removeprefix('file://')}"
        raise problem(
            f"'{path:.200}' is an address; a path is a folder or an archive on this "
            "machine",
            hint,
        )
    if path == "None":
        raise problem(
            "expected a folder or an archive, found 'None'",
            "in YAML None is null; write that, or leave the key out",
        )
    if variable := re.match(r"\$\w+|\$\{\w+\}|%\w+%|\$env:\w+", path):
        raise problem(
            f"'{path:.200}' begins with the variable {variable[0]}, which is not "
            "replaced in a config",
            "write the whole path; ~ stands for your own folder",
        )
    return path


def _check_fold(value: Any) -> Any:
    parts = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", str(value))
    if isinstance(value, str) and parts:
        number, count = int(parts[1]), int(parts[2])
        if 1 <= number <= count and 2 <= count <= MOST_FOLDS:
            return value
    raise problem(
        "expected the number of a fold and how many there are, such as 3/5, found "
        f"{describe(value)}",
        f"write 1/5 to 5/5 for five folds; there may be 2 to {MOST_FOLDS}",
    )


def _only_of_folder(default: Any) -> AfterValidator:
    """What has an effect on ``dataset: folder`` alone; its default does no harm."""

    def check(value: Any, info: ValidationInfo) -> Any:
        dataset = info.data.get("dataset", "folder")
        if dataset != "folder" and value != default:
            raise problem(
                f"{info.field_name} belongs to dataset: folder; {dataset} is cut and "
                "checked already",
                f"remove {info.field_name}",
            )
        return value

    return AfterValidator(check)


def _check_source(url: str) -> str:
    # A stranger's config must not make this machine talk to itself.
    if found := find_problem(url, loopback=False):
        raise problem(
            f"'{url:.200}' cannot be a source: {found}",
            "write the https:// address of the archive, or of the folder that holds "
            "it, with a slash at its end",
        )
    return url


_Side: TypeAlias = Annotated[int, Field(ge=8, le=512)]


def _refuse_channels(size: object) -> object:
    if isinstance(size, list | tuple) and len(size) == 3 and size[2] in (1, 3, 4):
        raise problem(
            f"expected two numbers [height, width], found {len(size)}",
            f"write [{size[0]}, {size[1]}]: the channels are always red, green, blue",
        )
    return size


_Size: TypeAlias = Annotated[
    tuple[_Side, _Side],
    expect_pair(
        _Side | tuple[_Side, _Side], "a whole number, or two of them [height, width]"
    ),
    BeforeValidator(_refuse_channels),
]


def _check_size(size: tuple[int, int] | None, info: ValidationInfo) -> Any:
    dataset = info.data.get("dataset", "folder")
    if size is not None and dataset != "folder":
        height, width, _ = DATASETS[dataset].image_shape
        raise problem(
            f"image_size belongs to dataset: folder; the pictures of {dataset} are "
            f"{height}x{width}",
            "remove it; for larger maps begin model.layers with "
            f"Resizing: {{height: {size[0]}, width: {size[1]}}}",
        )
    return size


def _check_lengths(augmentation: Augmentation, info: ValidationInfo) -> Augmentation:
    if {"dataset", "image_size"} <= {*info.data}:
        # Something of the image must be left.
        size = info.data["image_size"] or DATASETS[info.data["dataset"]].image_shape
        most = min(size[:2]) - 1
        for length, at in augmentation.pixel_lengths():
            if length > most:
                raise problem(
                    f"expected a number of at most {most}, found {length}",
                    "",
                    augmentation.type,
                    *at,
                )
    return augmentation


DamagedChoice: TypeAlias = Literal["refuse", "leave_out"]
DuplicatesChoice: TypeAlias = Literal["refuse", "allow"]


class Data(Strict):
    """Which pictures the network sees."""

    dataset: Literal["cifar10", "cifar100", "synthetic", "folder"] = "cifar10"
    """The data set; `synthetic` is drawn by code, `folder` holds your own pictures."""
    path: Annotated[str, AfterValidator(_check_path)] | None = None
    """Where it lies: folder, archive or list (.csv); null looks in the usual places."""
    fetch: bool = False
    """Whether `train` fetches CIFAR when it is in none of the usual places."""
    sources: Annotated[
        list[Annotated[str, AfterValidator(_check_source)]], Field(max_length=20)
    ] = []
    """Addresses to fetch from first: of the archive, or of a folder, ending with /."""
    classes: Annotated[list[str], Field(min_length=2)] | None = None
    """All classes of a `folder`, in the order of outputs; null: by text, 1, 10, 2."""
    image_size: Annotated[_Size | None, AfterValidator(_check_size)] = None
    """Side of the pictures of a `folder`, or [height, width], 8 to 512; null: 32."""
    resize: Resize = "crop"
    """Pictures of other shapes: their middle (`crop`), with a border, or stretched."""
    validation_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of the training pictures kept for validation, 0 to 0.5; 0 for none."""
    fold: Annotated[str, BeforeValidator(_check_fold)] | None = None
    """Validate by this fold, such as `3/5`, in place of `validation_fraction`."""
    test_fraction: Annotated[float, Field(ge=0, le=0.5), _only_of_folder(0.1)] = 0.1
    """Share of a `folder` kept for the test where it has no `train/` and no `test/`."""
    damaged: Annotated[DamagedChoice, _only_of_folder("refuse")] = "refuse"
    """Pictures of a `folder` that cannot be read: `refuse` to train, or `leave_out`."""
    duplicates: Annotated[DuplicatesChoice, _only_of_folder("refuse")] = "refuse"
    """The same picture in two splits of a `folder`: `refuse` to train, or `allow`."""
    normalization: Normalization = "unit"
    """`unit`: 0 to 1; `standard`: mean 0, deviation 1 by the training pictures."""
    augmentation: Annotated[
        list[Annotated[AnyAugmentation, AfterValidator(_check_lengths)]],
        Field(max_length=MOST_OPERATIONS),
    ] = []
    """Random changes of the training pictures, in the order in which they happen."""

    @model_validator(mode="after")
    def _check_folder(self) -> Data:
        if self.dataset == "folder" and self.path is None:
            raise problem(
                "dataset: folder needs a path",
                "give the folder that holds a folder of pictures for each class",
                "dataset",
            )
        if self.dataset != "folder" and self.classes is not None:
            raise problem(
                f"classes belong to dataset: folder; those of {self.dataset} are known",
                "remove classes",
                "classes",
            )
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise problem("classes holds a name twice", "keep one of them", "classes")
        return self

    @property
    def fold_number(self) -> tuple[int, int] | None:
        """``fold`` as its number, from 1 on, and the number of folds."""
        if self.fold is None:
            return None
        number, count = self.fold.split("/")
        return int(number), int(count)

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of the images that the network takes."""
        height, width, channels = DATASETS[self.dataset].image_shape
        return *(self.image_size or (height, width)), channels
