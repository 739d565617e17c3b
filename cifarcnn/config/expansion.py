"""What keeps deep networks short: named blocks with parameters, and ``Repeat``.

A block is a list of layers under ``blocks``, with parameters written as ``$name``::

    blocks:
      conv_bn:
        parameters: {filters: null, strides: 1}   # null: must be given
        layers:
          - Conv2D: {filters: $filters, kernel_size: 3, strides: $strides}
          - BatchNormalization
    model:
      layers:
        - conv_bn: {filters: 64}
        - Repeat: {times: 3, layers: [{conv_bn: {filters: 64}}]}

Both are unfolded here, before the schema sees the layers; every layer keeps the place
that it was written at, so that a mistake in a block is shown in the block.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cifarcnn.config.blocks import Block, fill, read_blocks, refuse_unknown
from cifarcnn.config.named_choice import suggest
from cifarcnn.config.yaml_text import DEEPEST_NESTING
from cifarcnn.config.yaml_tree import Node, measure, quote
from cifarcnn.errors import ConfigError, Problem

DEEPEST_BLOCKS = 16
# Deeper ones could be written with blocks, but not read back from the resolved config.
DEEPEST_RESIDUALS = 8
MOST_LAYERS = 1_000
MOST_REPEATS = 1_000
# A few lines can stand for more layers than there are atoms: what stops the unfolding
# also counts what gives no layer, and the values of the layers.
MOST_STEPS = 20_000
MOST_VALUES = 200_000
_RESIDUAL = ("layers", "shortcut")


@dataclass(frozen=True)
class _Scope:
    """Where in the unfolding a layer stands.

    Attributes:
        given: The parameters of the block it is in.
        inside: The names of the blocks around it, outermost first.
        residuals: How many residuals are around it.
    """

    given: dict[str, Node] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    residuals: int = 0


@dataclass
class Expansion:
    """Unfolds the layers of one config and gathers the mistakes on the way."""

    layer_names: frozenset[str]
    found: dict[Problem, None] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    layers: int = 0
    steps: int = 0
    values: int = 0

    @property
    def problems(self) -> list[Problem]:
        """The mistakes, in the order in which they were met, each once."""
        return list(self.found)

    def expand(self, root: Node) -> Node:
        """The tree without ``blocks`` and with the layers unfolded.

        Args:
            root: The whole config.

        Returns:
            The tree; what could not be unfolded is left out of it and is in
            ``problems``.

        Raises:
            ConfigError: Written out, the config would be far too large.
        """
        if not isinstance(root.value, dict):
            return root
        members = dict(root.value)
        taken = self.layer_names | {"Repeat"}
        blocks = members.pop("blocks", None)
        self.blocks = read_blocks(blocks, taken, self._complain)
        if blocks is not None and isinstance(blocks.value, dict):
            self.declared = frozenset(blocks.value) - taken
        model = members.get("model")
        if model is not None and isinstance(model.value, dict):
            layers = model.value.get("layers")
            if layers is not None and isinstance(layers.value, list):
                unfolded = replace(layers, value=self._unfold(layers.value, _Scope()))
                members["model"] = replace(
                    model, value={**model.value, "layers": unfolded}
                )
        root = replace(root, value=members)
        self._limit("values", measure(root)[0], MOST_VALUES, root)
        return root

    def _complain(self, node: Node, message: str, hint: str = "") -> None:
        self.found[node.key_or_place.problem(node.path, message, hint)] = None

    def _limit(self, what: str, count: int, most: int, node: Node) -> None:
        if count > most:
            self._complain(
                node,
                f"written out, the config has more than {most:,} {what}",
                "use fewer or smaller repetitions and blocks",
            )
            raise ConfigError(self.problems)

    def _fill(self, node: Node, scope: _Scope) -> Node:
        filled = fill(node, scope.given, self._complain)
        size, depth = measure(filled)
        self.values += size
        self._limit("values", self.values, MOST_VALUES, node)
        self._limit("levels", depth, DEEPEST_NESTING, node)
        return filled

    def _unfold(self, layers: list[Node], scope: _Scope) -> list[Node]:
        unfolded: list[Node] = []
        for layer in layers:
            self.steps += 1
            self._limit("steps", self.steps, MOST_STEPS, layer)
            if isinstance(layer.value, str) and layer.value.startswith("$"):
                layer = self._fill(layer, scope)
            name, arguments = layer.named() or ("", None)
            if name == "Repeat":
                unfolded += self._repeat(layer, arguments, scope)
            elif name in self.blocks:
                unfolded += self._use(layer, self.blocks[name], arguments, scope)
            elif name in self.declared:
                # The block itself is wrong, which has been said.
                unfolded.append(_stand_in(layer))
            elif self.blocks and name and name not in self.layer_names:
                self._complain(
                    layer,
                    f"there is no layer or block {quote(name)}",
                    suggest(name, self.layer_names | set(self.blocks)),
                )
                unfolded.append(_stand_in(layer))
            else:
                unfolded.append(self._layer(layer, name, arguments, scope))
        return unfolded

    def _layer(
        self, layer: Node, name: str, arguments: Node | None, scope: _Scope
    ) -> Node:
        self.layers += 1
        self._limit("layers", self.layers, MOST_LAYERS, layer)
        if name == "Residual" and arguments is not None:
            return self._residual(layer, arguments, scope)
        return self._fill(layer, scope)

    def _residual(self, layer: Node, arguments: Node, scope: _Scope) -> Node:
        scope = replace(scope, residuals=scope.residuals + 1)
        what = "residuals one inside the other"
        self._limit(what, scope.residuals, DEEPEST_RESIDUALS, layer)
        if isinstance(arguments.value, list):
            ways = replace(arguments, value=self._unfold(arguments.value, scope))
            return replace(layer, value={"Residual": ways})
        if not isinstance(arguments.value, dict):
            return layer
        members = {
            key: replace(node, value=self._unfold(node.value, scope))
            if key in _RESIDUAL and isinstance(node.value, list)
            else self._fill(node, scope)
            for key, node in arguments.value.items()
        }
        return replace(layer, value={"Residual": replace(arguments, value=members)})

    def _repeat(self, layer: Node, arguments: Node | None, scope: _Scope) -> list[Node]:
        members = arguments.value if arguments is not None else None
        if not isinstance(members, dict):
            self._complain(layer, "Repeat needs {times: ..., layers: [...]}")
            return [_stand_in(layer)]
        refuse_unknown(members, ("times", "layers"), "Repeat", self._complain)
        missing = [key for key in ("times", "layers") if key not in members]
        if missing:
            self._complain(layer, f"Repeat needs {' and '.join(missing)}")
            return [_stand_in(layer)]
        times, layers = self._fill(members["times"], scope), members["layers"]
        number = times.value
        if (
            not isinstance(number, int)
            or isinstance(number, bool)
            or not 1 <= number <= MOST_REPEATS
        ):
            self._complain(
                times,
                f"expected a whole number from 1 to {MOST_REPEATS:,}, found "
                f"{times.describe()}",
            )
            return [_stand_in(layer)]
        if not isinstance(layers.value, list):
            self._complain(
                layers, f"expected a list of layers, found {layers.describe()}"
            )
            return [_stand_in(layer)]
        before = self.layers
        once = self._unfold(layers.value, scope)
        self.layers = before + (self.layers - before) * number
        self._limit("layers", self.layers, MOST_LAYERS, layer)
        return once * number

    def _use(
        self, layer: Node, block: Block, arguments: Node | None, scope: _Scope
    ) -> list[Node]:
        if block.name in scope.inside:
            self._complain(layer, f"the block '{block.name}' contains itself")
            return [_stand_in(layer)]
        what = "blocks one inside the other"
        self._limit(what, len(scope.inside) + 1, DEEPEST_BLOCKS, layer)
        passed: dict[str, Node] = {}
        if arguments is not None and isinstance(arguments.value, dict):
            passed = arguments.value
        elif arguments is not None and arguments.value is not None:
            self._complain(
                arguments,
                f"expected the parameters of '{block.name}' as a mapping, found "
                f"{arguments.describe()}",
            )
            return [_stand_in(layer)]
        values = dict(block.parameters)
        for key, node in passed.items():
            if key not in block.parameters:
                self._complain(
                    node,
                    f"the block '{block.name}' has no parameter {quote(key)}",
                    suggest(key, block.parameters),
                )
            values[key] = self._fill(node, scope)
        missing = [
            quote(key)
            for key, node in block.parameters.items()
            if node.value is None and key not in passed
        ]
        if missing:
            self._complain(
                layer,
                f"the block '{block.name}' needs {' and '.join(missing)}",
                f"such as {block.name}: {{{missing[0][1:-1]}: ...}}",
            )
            return [_stand_in(layer)]
        inside = (*scope.inside, block.name)
        return self._unfold(block.layers, _Scope(values, inside, scope.residuals))


def _stand_in(layer: Node) -> Node:
    """Some layer in place of what could not be unfolded.

    The schema must not complain of a list that is empty for that reason; shapes are
    not looked at when there are such problems.
    """
    return replace(layer, value="Flatten")
