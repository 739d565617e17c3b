"""The layers that join several branches: lists of layers that take the same input."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from cifarcnn.config.layers.base import Kept, Pointwise, Shape, show
from cifarcnn.config.named_choice import describe, problem

if TYPE_CHECKING:
    from cifarcnn.config.layers import AnyLayer

# The way from a layer to one of its branches, such as ("branches", 0).
Way: TypeAlias = tuple[str | int, ...]
Misfit: TypeAlias = tuple[Way, str, str]


class Merging(Pointwise):
    """A layer that joins what its branches give; an empty branch gives the input."""

    # The window is that of the joining at the end.
    # Keras's layer that joins the branches, and the arguments that hold them.
    joined_by: ClassVar[str]
    branch_keys: ClassVar[tuple[str, ...]]
    # Whether each of these arguments holds a list of branches, not one branch.
    holds_lists: ClassVar[bool] = False

    def output_shape(self, shape: Shape) -> Shape:
        ends = []
        for _, branch in self.walk_branches():
            end = shape
            for layer in branch:
                end = layer.output_shape(end)
            ends.append(end)
        return self.merged_shape(ends)

    @abstractmethod
    def walk_branches(self) -> Iterator[tuple[Way, list[AnyLayer]]]:
        """Each branch, with the way to it."""

    @abstractmethod
    def with_branches(self, branches: Sequence[list[Any]]) -> Self:
        """The same layer with other branches, as many and in the same order."""

    @abstractmethod
    def find_misfits(self, shape: Shape, ends: Sequence[Shape]) -> Iterator[Misfit]:
        """What cannot be joined: the way to it, what was found, and the way out.

        Args:
            shape: Of what goes into every branch.
            ends: Of what each branch gives.
        """

    @abstractmethod
    def merged_shape(self, ends: Sequence[Shape]) -> Shape:
        """The shape of the result; a likely one where something does not fit."""


class Residual(Merging):
    """Adds the result of some layers to what went into them.

    ``shortcut`` holds the layers of the other way, such as a 1x1 convolution where
    the shape changes; empty, what went in is added as it is.
    """

    shorthand = "layers"
    joined_by = "Add"
    branch_keys = ("layers", "shortcut")

    layers: Annotated[list[AnyLayer], Field(min_length=1)]
    """The layers of the main way."""
    shortcut: list[AnyLayer] = []
    """The layers of the other way."""

    def walk_branches(self) -> Iterator[tuple[Way, list[AnyLayer]]]:
        yield ("layers",), self.layers
        yield ("shortcut",), self.shortcut

    def with_branches(self, branches: Sequence[list[Any]]) -> Self:
        layers, shortcut = branches
        return self.model_copy(update={"layers": layers, "shortcut": shortcut})

    def find_misfits(self, shape: Shape, ends: Sequence[Shape]) -> Iterator[Misfit]:
        main, short = ends
        if main == short:
            return
        way = "its shortcut gives" if self.shortcut else "what goes in is"
        hint = "its layers must keep the shape, or its shortcut must change it alike"
        strides = _strides(shape, main)
        if strides:
            hint = (
                f"give it a shortcut: [Conv2D: {{filters: {main[2]}, kernel_size: 1, "
                f"strides: {strides}}}]"
            )
        yield (
            (),
            f"its layers give {show(main)}, but {way} {show(short)}: they cannot be "
            "added",
            hint,
        )

    def merged_shape(self, ends: Sequence[Shape]) -> Shape:
        return ends[0]


def _expect_branch(value: Any) -> Any:
    if isinstance(value, list):
        return value
    raise problem(
        f"expected a branch, which is a list of layers, found {describe(value)}",
        "put it into brackets, such as [Conv2D: {...}]; [] gives the input itself",
    )


Branch: TypeAlias = Annotated[list["AnyLayer"], BeforeValidator(_expect_branch)]


class _Branching(Merging):
    """As many branches as wanted."""

    shorthand = "branches"
    keeps_output: ClassVar[Kept] = "if_needed"
    branch_keys = ("branches",)
    holds_lists = True

    branches: Annotated[list[Branch], Field(min_length=2)]
    """The branches, each a list of layers; an empty one gives the input itself."""

    @model_validator(mode="before")
    @classmethod
    def _check_branches(cls, value: Any) -> Any:
        found = value if isinstance(value, dict) else {}
        layers, branches = found.get("layers"), found.get("branches")
        if layers is not None and branches is None:
            hint = "the argument is called branches"
            if not (isinstance(layers, list) and all(type(x) is list for x in layers)):
                hint = (
                    "write branches: [[], [...]] with these layers in the second list; "
                    "[] gives the input itself"
                )
            raise problem(
                f"{cls.__name__} has no argument 'layers': it joins branches, each a "
                "list of layers",
                hint,
                "layers",
            )
        if isinstance(branches, list) and len(branches) < 2:
            raise problem(
                f"expected at least 2 branches, found {len(branches)}",
                "add one; [] gives the input itself",
                "branches",
            )
        return value

    def walk_branches(self) -> Iterator[tuple[Way, list[AnyLayer]]]:
        for index, branch in enumerate(self.branches):
            yield ("branches", index), branch

    def with_branches(self, branches: Sequence[list[Any]]) -> Self:
        return self.model_copy(update={"branches": list(branches)})

    def find_misfits(self, shape: Shape, ends: Sequence[Shape]) -> Iterator[Misfit]:
        model = self._model(ends)
        for (way, branch), end in zip(self.walk_branches(), ends, strict=True):
            if not self._fits(end, model):
                gives = "this branch gives" if branch else "the input itself is"
                yield (
                    way,
                    f"{gives} {show(end)}, which cannot be {self._done} with "
                    f"{show(model)}",
                    self._suggest(end, model, "end it with" if branch else "give it"),
                )

    # What is done with the branches.
    _done: ClassVar[str]

    @abstractmethod
    def _model(self, ends: Sequence[Shape]) -> Shape:
        """The shape that the branches should fit."""

    @abstractmethod
    def _fits(self, end: Shape, model: Shape) -> bool:
        """Whether what a branch gives can be joined with what has the model's shape."""

    @abstractmethod
    def _suggest(self, end: Shape, model: Shape, put: str) -> str:
        """How a branch that gives ``end`` comes to fit."""


class Concatenate(_Branching):
    """Puts the channels of several branches side by side.

    Their maps must be equally high and wide; rows of numbers become one row.
    """

    joined_by = "Concatenate"
    _done = "concatenated"

    def merged_shape(self, ends: Sequence[Shape]) -> Shape:
        return (*self._model(ends)[:-1], sum(end[-1] for end in ends))

    def _model(self, ends: Sequence[Shape]) -> Shape:
        common = Counter(end[:-1] for end in ends).most_common(1)[0][0]
        return next(end for end in ends if end[:-1] == common)

    def _fits(self, end: Shape, model: Shape) -> bool:
        return end[:-1] == model[:-1]

    def _suggest(self, end: Shape, model: Shape, put: str) -> str:
        if len(end) == len(model):
            return _suggest_size(end, model, put)
        if len(end) > len(model):
            return f"{put} Flatten or GlobalAveragePooling2D"
        return "let all branches give maps, or all of them rows of numbers"


class Multiply(_Branching):
    """Multiplies the values of several branches with each other.

    A height, width or number of channels of 1 fits any other, and a row of numbers
    gives one factor for each channel, as in squeeze-and-excitation.
    """

    # The gradient of each branch is taken from the values of the others.
    keeps_input = True
    joined_by = "Multiply"
    _done = "multiplied"

    def merged_shape(self, ends: Sequence[Shape]) -> Shape:
        return self._model(ends)

    def _model(self, ends: Sequence[Shape]) -> Shape:
        largest = max(ends, key=lambda end: (len(end), prod(end)))
        sides = zip(*(_like(end, largest) for end in ends), strict=True)
        return tuple(
            side if side > 1 else max(others)
            for side, others in zip(largest, sides, strict=True)
        )

    def _fits(self, end: Shape, model: Shape) -> bool:
        pairs = zip(_like(end, model), model, strict=True)
        return all(side in (1, wanted) for side, wanted in pairs)

    def _suggest(self, end: Shape, model: Shape, put: str) -> str:
        if len(end) == 1:
            return f"{put} Dense: {model[-1]}"
        if end[:2] not in ((1, 1), model[:2]):
            return _suggest_size(end, model, put)
        return f"{put} Conv2D: {{filters: {model[-1]}, kernel_size: 1}}"


def _like(end: Shape, model: Shape) -> Shape:
    """With as many sides as the model; those before the first are 1, as in Keras."""
    return (*(1,) * (len(model) - len(end)), *end)


def _strides(shape: Shape, wanted: Shape) -> int | None:
    """The strides that bring maps of one height and width to another's."""
    if len(shape) == len(wanted) == 3:
        strides = max(1, shape[0] // wanted[0])
        if (-(-shape[0] // strides), -(-shape[1] // strides)) == wanted[:2]:
            return strides
    return None


def _suggest_size(end: Shape, model: Shape, put: str) -> str:
    """How maps can be brought to the height and width of others."""
    if strides := _strides(end, model):
        return f"{put} MaxPooling2D: {{pool_size: {strides}, padding: same}}"
    if larger := _strides(model, end):
        return (
            f"use strides: 1 and padding: same in it, or {put} UpSampling2D: {larger}"
        )
    return "use padding: same in it, and the strides of the other branches"


MERGINGS = (Residual, Concatenate, Multiply)
