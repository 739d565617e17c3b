"""The network as single operations: every activation is a step of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cifarcnn.config import Config
from cifarcnn.config.layers import AnyLayer, convolution
from cifarcnn.config.layers.base import Shape
from cifarcnn.config.layers.dense import POINTWISE_LAYERS
from cifarcnn.config.layers.merging import MERGINGS, Merging
from cifarcnn.config.layers.normalization import NORMALIZATIONS
from cifarcnn.network.builder import NORMALIZATION, without_softmax

CONVOLUTIONS = frozenset(kind.__name__ for kind in convolution.CONVOLUTIONS)
POOLINGS = frozenset({"MaxPooling2D", "AveragePooling2D"})
GLOBAL_POOLINGS = frozenset({"GlobalAveragePooling2D", "GlobalMaxPooling2D"})
# What changes every value, or leaves it, without moving it or mixing channels.
IN_PLACE = frozenset(kind.__name__ for kind in (*POINTWISE_LAYERS, *NORMALIZATIONS)) - {
    "Activation",
    "Dense",
    "PReLU",
}
# What joins branches.
JOINING = frozenset(kind.joined_by for kind in MERGINGS)
# No name of a layer in a config has a point in it.
ACTIVATION = ".activation"


@dataclass(frozen=True)
class Missing:
    """A part that does not apply.

    Attributes:
        reason: Why, in a whole sentence.
    """

    reason: str


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        name: Unique. The layer's own; of an activation that is written within another
            layer, that layer's and ``.activation``.
        kind: Keras's name of the kind of layer: ``Activation`` for an activation,
            wherever it is written; of a layer with branches the kind that joins
            them, such as ``Add``.
        layer: As the config has it; None for the normalization of the pixels.
        inputs: Names of the steps whose results go in.
        shape: Of the result for one image.
        depth: How many layers with branches it lies within.
    """

    name: str
    kind: str
    layer: AnyLayer | None
    inputs: tuple[str, ...]
    shape: Shape
    depth: int

    @property
    def owner(self) -> str:
        """The name of the layer that the step belongs to, as the user knows it."""
        return self.name.removesuffix(ACTIVATION)

    @property
    def activation(self) -> str:
        """The function of an activation; ``linear`` for every other step."""
        if self.kind == "PReLU":
            return "prelu"
        if self.kind != "Activation":
            return "linear"
        return str(getattr(self.layer, "activation", "linear"))

    @property
    def is_map(self) -> bool:
        """Whether the result is maps, and not a row of numbers."""
        return len(self.shape) == 3


Steps = Mapping[str, Step]


def list_steps(config: Config) -> dict[str, Step]:
    """The operations of a config's network by name, each after those it needs.

    The first is the normalization of the pixels, the last gives the logits.
    """
    steps: dict[str, Step] = {}
    first = Step(NORMALIZATION, "Rescaling", None, (), config.image_shape, 0)
    steps[first.name] = first
    _add_steps(steps, without_softmax(config.model.layers), first, 0)
    return steps


def has_activation(layer: AnyLayer) -> bool:
    """Whether a function is written within a layer that does something else too."""
    if layer.type == "Activation":
        return False
    return getattr(layer, "activation", "linear") != "linear"


def activation_name(layer: AnyLayer) -> str:
    """The name of the step of an activation that is written within ``layer``."""
    return layer.name + ACTIVATION


def _add_steps(
    steps: dict[str, Step], layers: Sequence[AnyLayer], last: Step, depth: int
) -> Step:
    for layer in layers:
        shape = layer.output_shape(last.shape)
        if isinstance(layer, Merging):
            branches = [branch for _, branch in layer.walk_branches()]
            ends = [_add_steps(steps, branch, last, depth + 1) for branch in branches]
            inputs = tuple(end.name for end in ends)
            last = Step(layer.name, layer.joined_by, layer, inputs, shape, depth)
        else:
            last = Step(layer.name, layer.type, layer, (last.name,), shape, depth)
        steps[last.name] = last
        if has_activation(layer):
            name = activation_name(layer)
            last = Step(name, "Activation", layer, (last.name,), last.shape, depth)
            steps[name] = last
    return last


def convolutions(steps: Steps) -> list[Step]:
    """Every convolution, in the order of the config."""
    return [step for step in steps.values() if step.kind in CONVOLUTIONS]


def no_convolution(steps: Steps) -> Missing:
    """Why there is nothing to show of convolutions."""
    for step in steps.values():
        if step.kind == "Pretrained":
            return Missing(
                f"The convolutions of the network lie within {step.name}, a network "
                "trained before, of which only the result is shown."
            )
    return Missing("The network has no convolution.")


def find_activation(
    steps: Steps, start: Step, passed: Collection[str]
) -> tuple[Step, tuple[Step, ...]] | None:
    """The first activation on the one way on from a step, and the steps between.

    Args:
        steps: The network.
        start: Where to begin.
        passed: Kinds of steps that may stand between.

    Returns:
        None when the way divides, ends, or comes to another kind before.
    """
    between: list[Step] = []
    while True:
        users = [step for step in steps.values() if start.name in step.inputs]
        if len(users) != 1:
            return None
        [start] = users
        if start.activation != "linear":
            return start, tuple(between)
        if start.kind != "Activation" and start.kind not in passed:
            return None
        between.append(start)


def maps_of(steps: Steps, convolution: Step) -> tuple[Step, str | None]:
    """Where the maps of a convolution are taken, and their activation.

    After the first activation that follows, with nothing but normalizations, poolings
    and the like between; else as they leave the convolution.
    """
    found = find_activation(steps, convolution, IN_PLACE | POOLINGS)
    if found is None:
        return convolution, None
    return found[0], found[0].activation
