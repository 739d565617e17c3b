"""The table of layers, worked out without Keras, and what does not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

from cifarcnn.config.consistency import LocatedProblem, find_problems
from cifarcnn.config.layers import Location, Residual
from cifarcnn.config.layers.base import Layer, Shape, ShapeError, show
from cifarcnn.config.schema import Config
from cifarcnn.errors import UsageError

# More weights than this do not fit into 4 GB with float32.
MOST_PARAMETERS = 1_000_000_000
# The most values that one example may have in one layer: 1 GB in float32.
MOST_VALUES = 250_000_000
# And the most that a batch may have in all layers together: 100 GB in float32.
MOST_BATCH_VALUES = 25_000_000_000
# Evaluation looks at so many images at once, however few training does.
EVALUATION_BATCH_SIZE = 256


@dataclass(frozen=True)
class Row:
    """One layer as it stands in the network.

    Attributes:
        name: Its unique name.
        type: Keras's name of its kind; ``Add`` for the end of a residual.
        output_shape: Of one example, without the batch.
        parameters: Number of weights, trained or not.
        macs: Multiply-accumulates of one example.
        depth: How many residuals it lies within.
        kept: Whether its output is certain to be kept from the forward to the backward
            pass of a training step.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    macs: int
    depth: int
    kept: bool = False


@dataclass
class Summary:
    """The rows of a network, and what does not fit.

    Attributes:
        input_shape: Of one image; empty when the config could not be read.
        rows: One for each layer.
        problems: What does not fit.
    """

    input_shape: Shape = ()
    rows: list[Row] = field(default_factory=list)
    problems: list[LocatedProblem] = field(default_factory=list)

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        return sum(row.macs for row in self.rows)


def summarize(config: Config, data_known: bool = True) -> Summary:
    """Follow the shapes through the network from the first layer to the last.

    Args:
        config: The network, and the data set that it must fit.
        data_known: Whether ``config.data`` is what the user meant; otherwise the end
            of the network is not compared with the number of classes.

    After a problem the walk goes on with a likely shape, so that all problems come at
    once; the rows are to be trusted only when there are none.
    """
    summary = Summary(config.image_shape)
    start: Location = ("model", "layers")
    shape = _follow(config.model.layers, config.image_shape, start, 0, summary)
    summary.problems += find_problems(config)
    if data_known:
        summary.problems += _check_end(config, shape)
    summary.problems += _check_size(config, summary)
    return summary


def _follow(
    layers: Sequence[Layer],
    shape: Shape,
    location: Location,
    depth: int,
    summary: Summary,
) -> Shape:
    for index, layer in enumerate(layers):
        here = (*location, index)
        if isinstance(layer, Residual):
            shape = _follow_residual(layer, shape, here, depth, summary)
            continue
        try:
            after = layer.output_shape(shape)
            row = Row(
                layer.name,
                layer.type,
                after,
                layer.parameters(shape),
                layer.macs(shape),
                depth,
                kept=_is_kept(layer, layers[index + 1 : index + 2]),
            )
        except ShapeError as error:
            summary.problems.append(LocatedProblem(here, error.message, error.hint))
            shape = error.assumed
            continue
        summary.rows.append(row)
        shape = after
    return shape


def _is_kept(layer: Layer, following: Sequence[Layer]) -> bool:
    if layer.keeps_output == "if_needed":
        return any(after.keeps_input for after in following)
    return layer.keeps_output == "always"


def _follow_residual(
    layer: Residual, shape: Shape, here: Location, depth: int, summary: Summary
) -> Shape:
    inside = (*here, "Residual")
    before = len(summary.problems)
    main = _follow(layer.layers, shape, (*inside, "layers"), depth + 1, summary)
    short = _follow(layer.shortcut, shape, (*inside, "shortcut"), depth + 1, summary)
    if main != short and len(summary.problems) == before:
        way = "its shortcut gives" if layer.shortcut else "what goes in is"
        message = (
            f"its layers give {show(main)}, but {way} {show(short)}: they cannot be "
            "added"
        )
        hint = _suggest_shortcut(main, shape)
        summary.problems.append(LocatedProblem(here, message, hint))
    summary.rows.append(Row(layer.name, "Add", main, 0, 0, depth))
    return main


def _suggest_shortcut(main: Shape, shape: Shape) -> str:
    """How a 1x1 convolution would bring ``shape`` to that of the main way."""
    if len(main) == len(shape) == 3:
        strides = max(1, shape[0] // main[0])
        if (-(-shape[0] // strides), -(-shape[1] // strides)) == main[:2]:
            return (
                f"give it a shortcut: [Conv2D: {{filters: {main[2]}, kernel_size: 1, "
                f"strides: {strides}}}]"
            )
    return "its layers must keep the shape, or its shortcut must change it alike"


def _check_end(config: Config, shape: Shape) -> Iterator[LocatedProblem]:
    classes = config.class_count
    if classes is None:
        fits, needed = len(shape) == 1 and shape[0] >= 2, "one for each class"
    else:
        fits, needed = shape == (classes,), f"{classes} numbers, one for each class"
    if fits:
        return
    hint = f"end with Dense: {{units: {classes or '...'}, activation: softmax}}"
    found = f"{shape[0]} number{'s' if shape[0] != 1 else ''}"
    if len(shape) != 1:
        found = f"maps of {show(shape)}"
        hint = f"put Flatten or GlobalAveragePooling2D before it, and {hint}"
    elif classes is not None:
        needed = f"{classes}, one for each class"
    yield LocatedProblem(
        ("model", "layers", len(config.model.layers) - 1),
        f"the network ends with {found}; {config.data.dataset} needs {needed}",
        hint,
    )


def _check_size(config: Config, summary: Summary) -> Iterator[LocatedProblem]:
    values = [prod(row.output_shape) for row in summary.rows]
    largest = max(values, default=0)
    images = max(config.training.batch_size, EVALUATION_BATCH_SIZE)
    if summary.parameters > MOST_PARAMETERS or largest > MOST_VALUES:
        yield LocatedProblem(
            ("model", "layers"),
            f"the network has {summary.parameters:,} parameters and up to "
            f"{largest:,} values in one layer; at most {MOST_PARAMETERS:,} and "
            f"{MOST_VALUES:,} are allowed",
            "use fewer filters or units",
        )
    elif images * sum(values) > MOST_BATCH_VALUES:
        yield LocatedProblem(
            ("training", "batch_size"),
            f"{images:,} pictures at once have {images * sum(values):,} values in all "
            f"layers together; at most {MOST_BATCH_VALUES:,} are allowed",
            "use fewer filters or units, or smaller batches",
        )


def require_classes(shape: tuple[int, ...], class_count: int) -> None:
    """See that the ``shape`` that a last layer gives for one image fits the classes.

    Raises:
        UsageError: It does not give one number per class.
    """
    if shape != (class_count,):
        raise UsageError(
            f"The last layer gives the shape {shape}, but the data has {class_count} "
            f"classes: it must give ({class_count},)."
        )
