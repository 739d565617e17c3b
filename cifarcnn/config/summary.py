"""The table of layers, worked out without Keras, and what does not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

from cifarcnn.config.consistency import LocatedProblem, find_problems
from cifarcnn.config.layers import Location
from cifarcnn.config.layers.base import Layer, Shape, ShapeError, show
from cifarcnn.config.layers.merging import Merging
from cifarcnn.config.schema import Config
from cifarcnn.errors import UsageError
from cifarcnn.evaluation_batch import choose_batch_size

# More weights than this do not fit into 4 GB with float32.
MOST_PARAMETERS = 1_000_000_000
# The most values that one example may have in one layer: 1 GB in float32.
MOST_VALUES = 250_000_000
# And the most that a batch may have in all layers together: 100 GB in float32.
MOST_BATCH_VALUES = 25_000_000_000


@dataclass(frozen=True)
class Row:
    """One layer as it stands in the network.

    Attributes:
        name: Its unique name.
        type: Keras's name of its kind; of a layer with branches, of what joins them:
            ``Add`` for a residual.
        output_shape: Of one example, without the batch.
        parameters: Number of weights, trained or not.
        macs: Multiply-accumulates of one example.
        branch: The number of the branch it lies in, of every layer with branches
            around it, outermost first.
        branches: How many branches it joins; 0 for other layers.
        kept: Whether its output is certain to be kept from the forward to the backward
            pass of a training step.
        kept_within: How many values within it are.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    macs: int
    branch: tuple[int, ...] = ()
    branches: int = 0
    kept: bool = False
    kept_within: int = 0

    @property
    def depth(self) -> int:
        """How many layers with branches it lies within."""
        return len(self.branch)


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
    shape = _follow(config.model.layers, config.image_shape, start, (), summary)
    summary.problems += find_problems(config)
    if data_known:
        summary.problems += _check_end(config, shape)
    summary.problems += _check_size(config, summary)
    return summary


def _follow(
    layers: Sequence[Layer],
    shape: Shape,
    location: Location,
    branch: tuple[int, ...],
    summary: Summary,
    last: Sequence[Layer] = (),
) -> Shape:
    for index, layer in enumerate(layers):
        here = (*location, index)
        kept = _is_kept(layer, _takers(layers[index + 1 :], last))
        try:
            if isinstance(layer, Merging):
                after = _follow_branches(layer, shape, here, branch, summary)
            else:
                after = layer.output_shape(shape)
            parameters, macs = layer.parameters(shape), layer.macs(shape)
            within = layer.kept_within(shape)
        except ShapeError as error:
            summary.problems.append(LocatedProblem(here, error.message, error.hint))
            shape = error.assumed
            continue
        kind, branches = layer.type, 0
        if isinstance(layer, Merging):
            kind, branches = layer.joined_by, len([*layer.walk_branches()])
        counts = (parameters, macs, branch, branches, kept, within)
        summary.rows.append(Row(layer.name, kind, after, *counts))
        shape = after
    return shape


def _follow_branches(
    layer: Merging,
    shape: Shape,
    here: Location,
    branch: tuple[int, ...],
    summary: Summary,
) -> Shape:
    inside = (*here, layer.type)
    before = len(summary.problems)
    ends = [
        _follow(layers, shape, (*inside, *way), (*branch, number), summary, [layer])
        for number, (way, layers) in enumerate(layer.walk_branches())
    ]
    if len(summary.problems) == before:
        for way, message, hint in layer.find_misfits(shape, ends):
            guilty = (*inside, *way) if way else here
            summary.problems.append(LocatedProblem(guilty, message, hint))
    return layer.merged_shape(ends)


def _takers(layers: Sequence[Layer], last: Sequence[Layer]) -> Sequence[Layer]:
    """The layers that take what comes before ``layers``, after which ``last`` come."""
    if not layers:
        return last
    first = layers[0]
    if not isinstance(first, Merging):
        return [first]
    branches = [branch for _, branch in first.walk_branches()]
    return [taker for branch in branches for taker in _takers(branch, [first])]


def _is_kept(layer: Layer, takers: Sequence[Layer]) -> bool:
    if layer.keeps_output == "if_needed":
        return any(taker.keeps_input for taker in takers)
    return layer.keeps_output == "always"


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
    # Evaluation looks at so many at once, however few training does.
    evaluated = choose_batch_size(row.output_shape for row in summary.rows)
    images = max(config.training.batch_size, evaluated)
    way_out = "use fewer filters or units"
    if config.data.dataset == "folder":
        way_out += ", or a smaller data.image_size"
    if summary.parameters > MOST_PARAMETERS or largest > MOST_VALUES:
        yield LocatedProblem(
            ("model", "layers"),
            f"the network has {summary.parameters:,} parameters and up to "
            f"{largest:,} values in one layer; at most {MOST_PARAMETERS:,} and "
            f"{MOST_VALUES:,} are allowed",
            way_out,
        )
    elif images * sum(values) > MOST_BATCH_VALUES:
        yield LocatedProblem(
            ("training", "batch_size"),
            f"{images:,} pictures at once have {images * sum(values):,} values in all "
            f"layers together; at most {MOST_BATCH_VALUES:,} are allowed",
            f"{way_out}, or smaller batches",
        )


def require_classes(shape: tuple[int, ...], class_count: int) -> None:
    """See that the ``shape`` that a last layer gives for one image fits the classes.

    Raises:
        UsageError: It does not give one number per class.
    """
    if shape != (class_count,):
        raise UsageError(
            f"The last layer gives the shape {shape}, but the data has {class_count} "
            f"classes: it must give ({class_count},), as does Dense: "
            f"{{units: {class_count}}}."
        )
