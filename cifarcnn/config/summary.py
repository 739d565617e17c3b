"""The table of layers, worked out without Keras, and what does not fit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cifarcnn.config.consistency import find_misuse
from cifarcnn.config.layers import AnyLayer, Misfit, Residual, Shape
from cifarcnn.config.layers.base import MOST_PARAMETERS, show
from cifarcnn.config.schema import Config
from cifarcnn.errors import UsageError

INPUT_SHAPE: Shape = (32, 32, 3)
# The most values that one example may have in one layer: 1 GB in float32.
MOST_VALUES = 250_000_000
# And the most that a batch may have in all layers together: 100 GB in float32.
MOST_BATCH_VALUES = 25_000_000_000
# Evaluation looks at so many images at once, however few training does.
EVALUATION_BATCH_SIZE = 256

Location = tuple[str | int, ...]


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
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    macs: int
    depth: int


@dataclass(frozen=True)
class Complaint:
    """Something that does not fit, at a location within the config."""

    location: Location
    message: str
    hint: str


@dataclass
class Summary:
    """The rows of a network, and the complaints about it."""

    rows: list[Row] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)

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

    After a complaint the walk goes on with a likely shape, so that all complaints come
    at once; the rows are to be trusted only when there are none.
    """
    summary = Summary()
    layers = config.model.layers
    start: Location = ("model", "layers")
    shape = _walk(layers, INPUT_SHAPE, start, 0, summary)
    _check_names(layers, start, summary)
    _check_activations(layers, start, summary)
    summary.complaints += [Complaint(*found) for found in find_misuse(config)]
    if data_known:
        _check_end(config, shape, summary)
    _check_size(config, start, summary)
    return summary


def _walk(
    layers: Sequence[AnyLayer],
    shape: Shape,
    location: Location,
    depth: int,
    summary: Summary,
) -> Shape:
    for index, layer in enumerate(layers):
        here = (*location, index)
        if isinstance(layer, Residual):
            shape = _walk_residual(layer, shape, here, depth, summary)
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
            )
        except Misfit as misfit:
            summary.complaints.append(Complaint(here, misfit.message, misfit.hint))
            shape = misfit.assumed
            continue
        summary.rows.append(row)
        shape = after
    return shape


def _walk_residual(
    layer: Residual, shape: Shape, here: Location, depth: int, summary: Summary
) -> Shape:
    inside = (*here, "Residual")
    before = len(summary.complaints)
    main = _walk(layer.layers, shape, (*inside, "layers"), depth + 1, summary)
    short = _walk(layer.shortcut, shape, (*inside, "shortcut"), depth + 1, summary)
    if main != short and len(summary.complaints) == before:
        way = "its shortcut gives" if layer.shortcut else "what goes in is"
        message = f"its layers give {show(main)}, but {way} {show(short)}: they cannot "
        summary.complaints.append(
            Complaint(here, f"{message}be added", _suggest_shortcut(main, shape))
        )
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


def _check_names(layers: list[AnyLayer], start: Location, summary: Summary) -> None:
    places: dict[str, list[Location]] = {}
    for location, layer in _locations(layers, start):
        places.setdefault(layer.name, []).append(location)
    for name, found in places.items():
        if len(found) > 1:
            summary.complaints.append(
                Complaint(
                    found[-1],
                    f"{len(found)} layers are called '{name}'; a name must be unique",
                    "leave the names out: layers are numbered by themselves",
                )
            )


def _locations(
    layers: Sequence[AnyLayer], start: Location
) -> list[tuple[Location, AnyLayer]]:
    found: list[tuple[Location, AnyLayer]] = []
    for index, layer in enumerate(layers):
        here = (*start, index)
        found.append((here, layer))
        if isinstance(layer, Residual):
            found += _locations(layer.layers, (*here, "Residual", "layers"))
            found += _locations(layer.shortcut, (*here, "Residual", "shortcut"))
    return found


def _check_activations(
    layers: list[AnyLayer], start: Location, summary: Summary
) -> None:
    """Softmax may stand at the end only, where the program itself puts it."""
    for location, layer in _locations(layers, start):
        activation = getattr(layer, "activation", "linear")
        at_end = layer is layers[-1]
        if activation == "softmax" and not at_end:
            summary.complaints.append(
                Complaint(
                    (*location, layer.type, "activation"),
                    "softmax may stand in the last layer only; in the middle it would "
                    "squeeze the signal to nothing",
                    "use relu, say",
                )
            )
        elif at_end and activation not in ("softmax", "linear"):
            summary.complaints.append(
                Complaint(
                    (*location, layer.type, "activation"),
                    f"the last layer gives one number for each class; {activation} "
                    "would spoil them before the softmax",
                    "use activation: softmax, or none: the softmax is then added",
                )
            )


def _check_end(config: Config, shape: Shape, summary: Summary) -> None:
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
    summary.complaints.append(
        Complaint(
            ("model", "layers", len(config.model.layers) - 1),
            f"the network ends with {found}; {config.data.dataset} needs {needed}",
            hint,
        )
    )


def _check_size(config: Config, start: Location, summary: Summary) -> None:
    largest = max((_values(row.output_shape) for row in summary.rows), default=0)
    if summary.parameters > MOST_PARAMETERS or largest > MOST_VALUES:
        summary.complaints.append(
            Complaint(
                start,
                f"the network has {summary.parameters:,} parameters and up to "
                f"{largest:,} values in one layer; at most {MOST_PARAMETERS:,} and "
                f"{MOST_VALUES:,} are allowed",
                "use fewer filters or units",
            )
        )
        return
    images = max(config.training.batch_size, EVALUATION_BATCH_SIZE)
    values = images * sum(_values(row.output_shape) for row in summary.rows)
    if values > MOST_BATCH_VALUES:
        summary.complaints.append(
            Complaint(
                ("training", "batch_size"),
                f"{images:,} pictures at once have {values:,} values in all layers "
                f"together; at most {MOST_BATCH_VALUES:,} are allowed",
                "use fewer filters or units, or smaller batches",
            )
        )


def _values(shape: Shape) -> int:
    product = 1
    for side in shape:
        product *= side
    return product


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
