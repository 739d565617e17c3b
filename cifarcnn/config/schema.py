"""The whole config: data, model and training. Every default stands here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from cifarcnn.config.augmentation import AUGMENTATIONS
from cifarcnn.config.constraints import CONSTRAINTS
from cifarcnn.config.datasets import DATASETS, ChannelStatistics, Data, ImageShape
from cifarcnn.config.fine_tuning import FineTune
from cifarcnn.config.initializers import CONV_INITIALIZERS, REGULARIZERS
from cifarcnn.config.layers import LAYERS, AnyLayer, find_pretrained, name_layers
from cifarcnn.config.layers.base import Fraction
from cifarcnn.config.learning_rate_schedules import (
    SCHEDULES,
    AnySchedule,
    Constant,
    Monitor,
    ReduceLROnPlateau,
)
from cifarcnn.config.named_choice import (
    Choice,
    NamedChoice,
    Strict,
    describe,
    expect_name,
    external,
    name_or_mapping,
    problem,
)
from cifarcnn.config.optimizers import (
    AVERAGINGS,
    OPTIMIZERS,
    Adam,
    AnyOptimizer,
    Averaging,
)
from cifarcnn.config.tracking import Tracking
from cifarcnn.config.yaml_text import dump
from cifarcnn.literals import BackendChoice, JitCompile, Precision, Views

# Every way to write the name of a layer, an optimizer and so on.
SPELLINGS: dict[str, type[Choice]] = {
    **AUGMENTATIONS.by_spelling,
    **LAYERS.by_spelling,
    **OPTIMIZERS.by_spelling,
    **SCHEDULES.by_spelling,
    **AVERAGINGS.by_spelling,
    **CONV_INITIALIZERS.by_spelling,
    **REGULARIZERS.by_spelling,
    **CONSTRAINTS.by_spelling,
}


def _check_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,59}", name):
        raise problem(
            f"'{name}' is no name for a run's folder",
            "use at most 60 letters, digits, points, hyphens and underscores, "
            "beginning with a letter or digit",
        )
    return name


class Model(Strict):
    """The network."""

    layers: Annotated[list[AnyLayer], Field(min_length=1), AfterValidator(name_layers)]
    """The layers, first to last; pictures go in, one number for each class out."""


class EarlyStopping(Strict):
    """Ends training when validation stops getting better."""

    monitor: Monitor = "val_loss"
    """What is watched."""
    patience: Annotated[int, Field(ge=0, le=100_000)] = 5
    """Epochs without an improvement that are waited for."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Change that counts as an improvement."""


ClassWeights: TypeAlias = Annotated[
    Annotated[dict[str, Annotated[float, Field(ge=0)]], Tag("mapping")]
    | Annotated[Literal["balanced"], Tag("name")],
    Discriminator(name_or_mapping),
    expect_name(("balanced",), "null, balanced or {class: weight}"),
]


def _check_jit_compile(value: Any) -> Any:
    # Each part of a union would give a problem of its own.
    if isinstance(value, bool) or value == "auto":
        return value
    raise problem(f"expected true, false or auto, found {describe(value)}", "")


Devices: TypeAlias = Annotated[int, Field(ge=1, le=1024)] | Literal["all"]


def _check_devices(value: Any) -> Any:
    if value == "all" or (type(value) is int and 1 <= value <= 1024):
        return value
    raise problem(
        f"expected a whole number from 1 to 1024, or all, found {describe(value)}", ""
    )


# A larger factor is a slip of the pen.
Multipliers: TypeAlias = dict[str, Annotated[float, Field(ge=0, le=10_000)]]


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
    fine_tune: FineTune | None = None
    """The last epochs, in which layers of a frozen Pretrained learn too; null: none."""
    averaging: Averaging | None = None
    """Average of the weights over the steps, which is what is judged and saved."""
    backend: BackendChoice = "auto"
    """What Keras runs on; `auto`: JAX where it can use a GPU, else TensorFlow."""
    devices: Annotated[Devices, BeforeValidator(_check_devices)] = 1
    """How many devices of this machine train together; `all` of them, or 1."""
    synchronized_batch_normalization: bool = True
    """Whether several devices measure a batch together, as one does, or each apart."""
    precision: Precision = "float32"
    """Numbers within the training step; `auto`: 16 bits where the device is fast."""
    jit_compile: Annotated[JitCompile, BeforeValidator(_check_jit_compile)] = "auto"
    """Whether XLA compiles the steps: `auto` on a GPU. JAX compiles them always."""
    steps_per_execution: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Steps without a look at clock and signals; null: a quarter of a second or so."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 10.0
    """Minutes between checkpoints in a long epoch; at its end there is one anyway."""
    max_minutes: Annotated[float, Field(gt=0)] | None = None
    """Minutes after which a training ends, saved, to be gone on with; null: none."""
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
    tracking: Tracking = []
    """Programs that are told of each epoch too; each is an extra of its name."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Start of every random number: weights, order of the pictures, dropout."""
    deterministic: bool = False
    """Whether a GPU gives the same bits each time, more slowly; a CPU always does."""


class Evaluation(Strict):
    """How a trained network is asked, by `evaluate` and `predict` alike."""

    test_time_augmentation: Views = "none"
    """Views of a picture that are averaged: also mirrored, also shifted by a pixel."""


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
        if self.data.validation_fraction > 0 or self.data.fold is not None:
            return self
        if self.training.early_stopping is not None:
            watcher = "early_stopping"
        elif isinstance(self.training.learning_rate_schedule, ReduceLROnPlateau):
            watcher = "ReduceLROnPlateau"
        else:
            return self
        raise problem(
            f"{watcher} watches the validation pictures, but data.validation_fraction "
            "is 0",
            "set data.validation_fraction to 0.1, say",
            "data",
            "validation_fraction",
        )

    @model_validator(mode="after")
    def _leave_normalization_to_pretrained(self) -> Config:
        if find_pretrained(self.model.layers) is None:
            return self
        found = self.data.normalization
        shown = found if isinstance(found, str) else "given"
        if "normalization" not in self.data.model_fields_set:
            return self.with_data(normalization="none")
        if found == "none":
            return self
        raise problem(
            "the network of Pretrained prepares the pictures itself and needs them as "
            f"they are, but normalization is {shown}",
            "leave normalization out, which is none then",
            "data",
            "normalization",
        )

    @property
    def class_count(self) -> int | None:
        """Number of classes; None for a folder whose classes are not named."""
        if self.data.classes is not None:
            return len(self.data.classes)
        return len(DATASETS[self.data.dataset].class_names) or None

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of the images that the network takes."""
        return self.data.image_shape

    def with_data(self, **changes: Any) -> Config:
        """The same config with other values under ``data``."""
        return self.model_copy(update={"data": self.data.model_copy(update=changes)})

    def with_normalization(self, statistics: ChannelStatistics) -> Config:
        """The same config with measured numbers in place of ``standard``."""
        return self.with_data(normalization=statistics)

    def to_yaml(self) -> str:
        """The resolved config as YAML: every default written out, blocks unfolded."""
        return dump(external(self))


def known_keys(owner: type[BaseModel]) -> Iterable[str]:
    """The keys that a mapping may have."""
    # Two keys of a file are gone once it is read.
    return [*owner.model_fields, *(("extends", "blocks") if owner is Config else ())]


def find_owner(loc: Sequence[str | int]) -> type[BaseModel]:
    """The model that the mapping at a pydantic location is read by."""
    owner: type[BaseModel] = Config
    parts: list[Any] = [Config]
    for step in loc:
        for part in parts:
            if isinstance(part, NamedChoice):
                if step in part.by_name:
                    parts = [part.by_name[str(step)]]
                    break
            elif step in part.model_fields:
                field = part.model_fields[step]
                parts = _parts(Annotated[field.annotation, *field.metadata, None])
                break
        owner = next((part for part in parts if isinstance(part, type)), owner)
    return owner


def _parts(annotation: Any) -> list[Any]:
    """The models and sets of choices in an annotation, through lists and unions."""
    choices = [
        extra
        for extra in getattr(annotation, "__metadata__", ())
        if isinstance(extra, NamedChoice)
    ]
    if choices or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return choices or [annotation]
    return [part for inner in get_args(annotation) for part in _parts(inner)]
