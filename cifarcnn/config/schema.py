"""The whole config: data, model and training. Every default stands here."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from cifarcnn.config.augmentation import MOST_OPERATIONS, AnyAugmentation
from cifarcnn.config.averaging import Averaging, Evaluation, Multipliers
from cifarcnn.config.datasets import DATASETS, ImageShape
from cifarcnn.config.initializers import ConvInitializer, Regularizer
from cifarcnn.config.layers import AnyLayer, name_layers
from cifarcnn.config.layers.base import Fraction
from cifarcnn.config.named_choice import Strict, describe, external, mistake, suggest
from cifarcnn.config.optimizers import (
    Adam,
    AnyOptimizer,
    AnySchedule,
    Constant,
    Monitor,
    ReduceLROnPlateau,
)
from cifarcnn.config.urls import find_fault
from cifarcnn.config.yaml_text import dump
from cifarcnn.config.yaml_tree import Spelling
from cifarcnn.literals import Precision

# Every way to write the name of a layer, an optimizer and so on.
SPELLINGS = {
    spelling: Spelling(name, union.by_name[name].shorthand)
    for choices in (
        AnyAugmentation,
        AnyLayer,
        AnyOptimizer,
        AnySchedule,
        Averaging,
        ConvInitializer,
        Regularizer,
    )
    for union in [get_args(choices)[1]]
    for spelling, name in union.spellings().items()
}


def _check_name(name: str) -> str:
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not (
        plain.isalnum() and name.isascii() and name[0].isalnum() and len(name) <= 60
    ):
        raise mistake(
            f"'{name}' is no name for a run's folder",
            "use at most 60 letters, digits, points, hyphens and underscores, "
            "beginning with a letter or digit",
        )
    return name


class ChannelStatistics(Strict):
    """Mean and deviation of red, green and blue, of pixels divided by 255."""

    mean: Annotated[list[float], Field(min_length=3, max_length=3)]
    """What is subtracted: one number for each of red, green, blue."""
    deviation: Annotated[
        list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)
    ]
    """What is then divided by: one number for each of red, green, blue."""


NORMALIZATIONS = ("unit", "standard", "none")


def _check_normalization(value: Any) -> Any:
    if isinstance(value, dict | ChannelStatistics) or value in NORMALIZATIONS:
        return value
    raise mistake(
        f"expected unit, standard, none or {{mean: [...], deviation: [...]}}, "
        f"found {describe(value)}",
        suggest(value, NORMALIZATIONS) if isinstance(value, str) else "",
    )


def _shape_of(value: Any) -> str:
    # A plain union would report a mistake once for each member.
    return "mapping" if isinstance(value, dict | ChannelStatistics) else "name"


Normalization: TypeAlias = Annotated[
    Annotated[ChannelStatistics, Tag("mapping")]
    | Annotated[Literal["unit", "standard", "none"], Tag("name")],
    Discriminator(_shape_of),
    BeforeValidator(_check_normalization),
]


def _check_source(url: str) -> str:
    # A stranger's config must not make this machine talk to itself.
    fault = find_fault(url, loopback=False)
    if fault is not None:
        raise mistake(
            f"'{url:.200}' cannot be a source: {fault}",
            "write the https:// address of the archive, or of the folder that holds "
            "it, with a slash at its end",
        )
    return url


class Data(Strict):
    """Which pictures the network sees."""

    dataset: Literal["cifar10", "cifar100", "synthetic", "folder"] = "cifar10"
    """The data set; `synthetic` is drawn by code, `folder` holds your own pictures."""
    path: str | None = None
    """Where it lies: a folder or an archive; null looks in the usual places."""
    fetch: bool = False
    """Whether `train` fetches CIFAR when it is in none of the usual places."""
    sources: Annotated[
        list[Annotated[str, AfterValidator(_check_source)]], Field(max_length=20)
    ] = []
    """Addresses to fetch from first: of the archive, or of a folder, ending with /."""
    classes: Annotated[list[str], Field(min_length=2)] | None = None
    """Class names of a `folder`, in order; null takes the names of its folders."""
    validation_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of the training pictures kept for validation, 0 to 0.5; 0 for none."""
    normalization: Normalization = "unit"
    """`unit`: 0 to 1; `standard`: mean 0, deviation 1 by the training pictures."""
    augmentation: Annotated[
        list[AnyAugmentation], Field(max_length=MOST_OPERATIONS)
    ] = []
    """Random changes of the training pictures, in the order in which they happen."""

    @model_validator(mode="after")
    def _check_folder(self) -> Data:
        if self.dataset == "folder" and self.path is None:
            raise mistake(
                "dataset: folder needs a path",
                "give the folder that holds train/<class>/ and test/<class>/",
                "dataset",
            )
        if self.dataset != "folder" and self.classes is not None:
            raise mistake(
                f"classes belong to dataset: folder; those of {self.dataset} are known",
                "remove classes",
                "classes",
            )
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise mistake("classes holds a name twice", "keep one of them", "classes")
        return self


class Model(Strict):
    """The network."""

    layers: Annotated[list[AnyLayer], Field(min_length=1), AfterValidator(name_layers)]
    """The layers, first to last; pictures of 32x32x3 go in, one number a class out."""


class EarlyStopping(Strict):
    """Ends training when validation stops getting better."""

    monitor: Monitor = "val_loss"
    """What is watched."""
    patience: Annotated[int, Field(ge=0, le=100_000)] = 5
    """Epochs without an improvement that are waited for."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Change that counts as an improvement."""


def _check_class_weights(value: Any) -> Any:
    if value == "balanced" or isinstance(value, dict):
        return value
    raise mistake(
        f"expected null, balanced or {{class: weight}}, found {describe(value)}",
        suggest(value, ["balanced"]) if isinstance(value, str) else "",
    )


ClassWeights: TypeAlias = Annotated[
    Annotated[dict[str, Annotated[float, Field(ge=0)]], Tag("mapping")]
    | Annotated[Literal["balanced"], Tag("name")],
    Discriminator(_shape_of),
    BeforeValidator(_check_class_weights),
]


class Training(Strict):
    """How the network learns."""

    epochs: Annotated[int, Field(ge=1, le=100_000)] = 10
    """How often every training picture is seen."""
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = 128
    """Pictures in one step."""
    drop_remainder: bool = False
    """Whether the pictures that do not fill a last batch wait for the next epoch."""
    optimizer: AnyOptimizer = Adam()
    """What turns gradients into steps."""
    learning_rate_schedule: AnySchedule = Constant()
    """How the learning rate moves; the optimizer's own rate is its full size."""
    learning_rate_multipliers: Multipliers = {}
    """Factors on the rate of some weights, such as {beta: 64}; decay is not changed."""
    averaging: Averaging | None = None
    """Average of the weights over the steps, which is what is judged and saved."""
    precision: Precision = "float32"
    """Numbers within the training step; `auto`: 16 bits where the device is fast."""
    steps_per_execution: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Steps without a look at clock and signals; null: a quarter of a second or so."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 10.0
    """Minutes between checkpoints in a long epoch; at its end there is one anyway."""
    label_smoothing: Fraction = 0.0
    """Share of the certainty that is spread over all classes, 0 to 1."""
    class_weights: ClassWeights | None = None
    """Weight of each class in the loss; `balanced` makes rare classes count more."""
    early_stopping: EarlyStopping | None = None
    """When to stop before the last epoch; null: never."""
    best_by: Monitor = "val_loss"
    """What makes an epoch the best one."""
    weights: Literal["best", "last"] = "best"
    """Which weights `evaluate` and `predict` use: of the best or of the last epoch."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Start of every random number: weights, order of the pictures, dropout."""


class Config(Strict):
    """A network, the pictures it learns from, and how it learns."""

    name: Annotated[str, AfterValidator(_check_name)] = "run"
    """Name of the runs: a run lies in runs/<name>-<number>/."""
    data: Data = Data()
    """Which pictures the network sees."""
    model: Model
    """The network."""
    training: Training = Training()
    """How the network learns."""
    evaluation: Evaluation = Evaluation()
    """How the trained network is asked."""

    @model_validator(mode="after")
    def _check_validation(self) -> Config:
        if self.data.validation_fraction > 0:
            return self
        schedule = self.training.learning_rate_schedule
        for needs, who in (
            (self.training.early_stopping is not None, "early_stopping"),
            (isinstance(schedule, ReduceLROnPlateau), "ReduceLROnPlateau"),
        ):
            if needs:
                raise mistake(
                    f"{who} watches the validation pictures, but "
                    "data.validation_fraction is 0",
                    "set data.validation_fraction to 0.1, say",
                    "data",
                    "validation_fraction",
                )
        return self

    @property
    def class_count(self) -> int | None:
        """Number of classes; None for a folder whose classes are not named."""
        if self.data.classes is not None:
            return len(self.data.classes)
        return DATASETS[self.data.dataset].class_count

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of the images that the network takes."""
        return DATASETS[self.data.dataset].image_shape

    def with_data(self, **changes: Any) -> Config:
        """The same config with other values under ``data``."""
        return self.model_copy(update={"data": self.data.model_copy(update=changes)})

    def with_normalization(self, statistics: ChannelStatistics) -> Config:
        """The same config with measured numbers in place of ``standard``."""
        return self.with_data(normalization=statistics)

    def to_yaml(self) -> str:
        """The resolved config as YAML: every default written out, blocks unfolded."""
        return dump(external(self))
