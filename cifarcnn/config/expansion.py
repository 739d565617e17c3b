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
from cifarcnn.config.choices import suggest
from cifarcnn.config.nodes import Node
from cifarcnn.errors import Problem

DEEPEST_BLOCKS = 16
MOST_LAYERS = 5_000
MOST_REPEATS = 1_000
_RESIDUAL = ("layers", "shortcut")


@dataclass(frozen=True)
class _Scope:
    """Where in the unfolding a layer stands.

    Attributes:
        given: The parameters of the block it is in.
        inside: The names of the blocks around it, outermost first.
    """

    given: dict[str, Node] = field(default_factory=dict)
    inside: tuple[str, ...] = ()


@dataclass
class Expansion:
    """Unfolds the layers of one config and gathers the mistakes on the way."""

    layer_names: frozenset[str]
    problems: list[Problem] = field(default_factory=list)
    blocks: dict[str, Block] = field(default_factory=dict)
    count: int = 0

    def expand(self, root: Node) -> Node:
        """The tree without ``blocks`` and with the layers unfolded.

        Args:
            root: The whole config.

        Returns:
            The tree; what could not be unfolded is left out of it and is in
            ``problems``.
        """
        if not isinstance(root.value, dict):
            return root
        members = dict(root.value)
        taken = self.layer_names | {"Repeat"}
        self.blocks = read_blocks(members.pop("blocks", None), taken, self._complain)
        model = members.get("model")
        if model is not None and isinstance(model.value, dict):
            layers = model.value.get("layers")
            if layers is not None and isinstance(layers.value, list):
                unfolded = replace(layers, value=self._unfold(layers.value, _Scope()))
                members["model"] = replace(
                    model, value={**model.value, "layers": unfolded}
                )
        return replace(root, value=members)

    def _complain(self, node: Node, message: str, hint: str = "") -> None:
        problem = node.key_or_place.problem(node.path, message, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def _fill(self, node: Node, scope: _Scope) -> Node:
        return fill(node, scope.given, self._complain)

    def _unfold(self, layers: list[Node], scope: _Scope) -> list[Node]:
        unfolded: list[Node] = []
        for layer in layers:
            named = layer.named()
            if named is not None and named[0] == "Repeat":
                unfolded += self._repeat(layer, named[1], scope)
            elif named is not None and named[0] in self.blocks:
                unfolded += self._use(layer, self.blocks[named[0]], named[1], scope)
            elif named is not None and named[0] == "Residual" and named[1] is not None:
                unfolded.append(self._residual(layer, named[1], scope))
            else:
                unfolded.append(self._fill(layer, scope))
                self.count += 1
            if self.count > MOST_LAYERS:
                self._complain(
                    layer, f"the network has more than {MOST_LAYERS:,} layers"
                )
                break
        return unfolded

    def _residual(self, layer: Node, arguments: Node, scope: _Scope) -> Node:
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
            return []
        refuse_unknown(members, ("times", "layers"), "Repeat", self._complain)
        missing = [key for key in ("times", "layers") if key not in members]
        if missing:
            self._complain(layer, f"Repeat needs {' and '.join(missing)}")
            return []
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
            return []
        if not isinstance(layers.value, list):
            self._complain(
                layers, f"expected a list of layers, found {layers.describe()}"
            )
            return []
        before = self.count
        once = self._unfold(layers.value, scope)
        self.count = before + (self.count - before) * number
        # Far too many are not even written down; the caller complains of the count.
        return once * (number if self.count <= MOST_LAYERS else 1)

    def _use(
        self, layer: Node, block: Block, arguments: Node | None, scope: _Scope
    ) -> list[Node]:
        if block.name in scope.inside:
            self._complain(layer, f"the block '{block.name}' contains itself")
            return []
        if len(scope.inside) >= DEEPEST_BLOCKS:
            self._complain(layer, f"blocks are nested more than {DEEPEST_BLOCKS} deep")
            return []
        passed: dict[str, Node] = {}
        if arguments is not None and isinstance(arguments.value, dict):
            passed = arguments.value
        elif arguments is not None and arguments.value is not None:
            self._complain(
                arguments,
                f"expected the parameters of '{block.name}' as a mapping, found "
                f"{arguments.describe()}",
            )
            return []
        values = dict(block.parameters)
        for key, node in passed.items():
            if key not in block.parameters:
                self._complain(
                    node,
                    f"the block '{block.name}' has no parameter '{key}'",
                    suggest(key, block.parameters),
                )
            values[key] = self._fill(node, scope)
        missing = [key for key, node in values.items() if node.value is None]
        if missing:
            self._complain(
                layer, f"the block '{block.name}' needs {', '.join(missing)}"
            )
            return []
        return self._unfold(block.layers, _Scope(values, (*scope.inside, block.name)))
