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
that it was written at, so that a problem in a block is shown in the block.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from cifarcnn.config.blocks import TAKEN_NAMES, Block, fill, read_blocks, refuse_unknown
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.merging import Merging
from cifarcnn.config.problems import unknown_choice
from cifarcnn.config.python_notation import is_in_parentheses
from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_text import DEEPEST_NESTING
from cifarcnn.config.yaml_tree import Node, measure, quote
from cifarcnn.errors import ConfigError, Problem

MOST_LAYERS = 1_000
MOST_REPEATS = 1_000
# A few lines can stand for more layers than there are atoms: what stops the unfolding
# also counts what gives no layer, and the values of the layers.
_MOST = {
    "layers": MOST_LAYERS,
    "steps": 20_000,
    "values": 200_000,
    "levels": DEEPEST_NESTING,
    "blocks one inside the other": 16,
    # Deeper ones could be written with blocks, but not read back once resolved.
    "levels of branches": 24,
}


@dataclass(frozen=True)
class _Scope:
    """Where in the unfolding a layer stands.

    Attributes:
        given: The parameters of the block it is in.
        inside: The names of the blocks around it, outermost first.
        nesting: How many levels of nesting the branches around it take, written out.
    """

    given: dict[str, Node] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    nesting: int = 0


class _ExpansionLimits:
    """Gathers problems, each once, and ends the unfolding when it is far too much."""

    def __init__(self) -> None:
        self.problems: dict[Problem, None] = {}
        self.counts: Counter[str] = Counter()

    def report(self, node: Node, message: str, hint: str = "") -> None:
        self.problems[node.key_or_place.problem(node.path, message, hint)] = None

    def count(self, what: str, more: int, node: Node) -> None:
        """Raises ConfigError when there are too many."""
        self.counts[what] += more
        self.limit(what, self.counts[what], node)

    def limit(self, what: str, number: int, node: Node) -> None:
        """Raises ConfigError when ``number`` is too many."""
        if number > _MOST[what]:
            message = f"written out, the config has more than {_MOST[what]:,} {what}"
            self.report(node, message, "use fewer or smaller repetitions and blocks")
            raise ConfigError([*self.problems])

    def fill(self, node: Node, scope: _Scope) -> Node:
        filled = fill(node, scope.given, self.report)
        size, depth = measure(filled)
        self.count("values", size, node)
        self.limit("levels", depth, node)
        return filled

    def refuse(self, node: Node, message: str, hint: str = "") -> list[Node]:
        """Report a problem, and go on with some layer in place of what has it.

        The schema may not refuse a list that is empty for that reason; shapes are not
        looked at when there are such problems.
        """
        self.report(node, message, hint)
        return [replace(node, value="Flatten")]


class _Unfolding(_ExpansionLimits):
    """Unfolds layers, with the blocks of one config."""

    def __init__(self, blocks: Node | None) -> None:
        super().__init__()
        self.blocks = read_blocks(blocks, self.report)
        declared = blocks.value if blocks is not None else None
        # With those that have a problem of their own, which is told.
        self.declared = {*declared} if isinstance(declared, dict) else set()

    def unfold(self, layers: list[Node], scope: _Scope) -> list[Node]:
        unfolded: list[Node] = []
        for layer in layers:
            self.count("steps", 1, layer)
            if isinstance(layer.value, str) and layer.value.startswith("$"):
                layer = self.fill(layer, scope)
            name, arguments = layer.named() or ("", None)
            if name == "Repeat":
                unfolded += self._repeat(layer, arguments, scope)
            elif name in self.blocks:
                unfolded += self._use(layer, self.blocks[name], arguments, scope)
            elif name in self.declared - TAKEN_NAMES:
                unfolded.append(replace(layer, value="Flatten"))
            elif self.blocks and name and name not in LAYERS.by_name:
                known = {*LAYERS.by_name, *self.blocks}
                message = f"there is no layer or block {quote(name)}"
                if not self._is_told(layer):
                    told = unknown_choice(layer, message, name, known)
                    self.problems[told] = None
                unfolded.append(replace(layer, value="Flatten"))
            else:
                self.count("layers", 1, layer)
                kind = LAYERS.by_name.get(name)
                if kind and issubclass(kind, Merging) and arguments is not None:
                    unfolded.append(self._merge(layer, kind, arguments, scope))
                else:
                    unfolded.append(self.fill(layer, scope))
        return unfolded

    def _is_told(self, layer: Node) -> bool:
        """Whether it is the rest of a call that YAML took apart at its commas."""
        lines = {problem.line for problem in self.problems}
        return layer.place.line in lines and is_in_parentheses(layer.place)

    def _merge(
        self, layer: Node, kind: type[Merging], arguments: Node, scope: _Scope
    ) -> Node:
        """A layer with branches: their layers unfolded, what else it has filled."""
        nesting = 4 if kind.holds_lists else 3
        scope = replace(scope, nesting=scope.nesting + nesting)
        self.limit("levels of branches", scope.nesting, layer)
        value = arguments.value
        if isinstance(value, list):
            arguments = self._branches(arguments, kind.holds_lists, scope)
        elif isinstance(value, dict):
            value = {
                key: self._branches(node, kind.holds_lists, scope)
                if key in kind.branch_keys
                else self.fill(node, scope)
                for key, node in value.items()
            }
            arguments = replace(arguments, value=value)
        else:
            return layer
        return replace(layer, value={kind.__name__: arguments})

    def _branches(self, node: Node, holds_lists: bool, scope: _Scope) -> Node:
        """A list of layers, or a list of such lists, with the layers unfolded."""
        if not isinstance(node.value, list):
            return self.fill(node, scope)
        if holds_lists:
            branches = [self._branches(item, False, scope) for item in node.value]
            return replace(node, value=branches)
        return replace(node, value=self.unfold(node.value, scope))

    def _repeat(self, layer: Node, arguments: Node | None, scope: _Scope) -> list[Node]:
        members = arguments.value if arguments is not None else None
        if not isinstance(members, dict):
            return self.refuse(layer, "Repeat needs {times: ..., layers: [...]}")
        refuse_unknown(members, ("times", "layers"), "Repeat", self.report)
        if missing := [key for key in ("times", "layers") if key not in members]:
            return self.refuse(layer, f"Repeat needs {' and '.join(missing)}")
        times, layers = self.fill(members["times"], scope), members["layers"]
        number = times.value
        # True is an int too.
        if type(number) is not int or not 1 <= number <= MOST_REPEATS:
            expected = f"a whole number from 1 to {MOST_REPEATS:,}"
            found = times.describe()
            return self.refuse(times, f"expected {expected}, found {found}")
        if not isinstance(layers.value, list):
            message = f"expected a list of layers, found {layers.describe()}"
            return self.refuse(layers, message)
        before = self.counts["layers"]
        once = self.unfold(layers.value, scope)
        self.count("layers", (self.counts["layers"] - before) * (number - 1), layer)
        return once * number

    def _use(
        self, layer: Node, block: Block, arguments: Node | None, scope: _Scope
    ) -> list[Node]:
        if block.name in scope.inside:
            return self.refuse(layer, f"the block '{block.name}' contains itself")
        inside = (*scope.inside, block.name)
        self.limit("blocks one inside the other", len(inside), layer)
        passed: dict[str, Node] = {}
        if arguments is not None and isinstance(arguments.value, dict):
            passed = arguments.value
        elif arguments is not None and arguments.value is not None:
            message = f"expected the parameters of '{block.name}' as a mapping, found "
            return self.refuse(arguments, message + arguments.describe())
        given = dict(block.parameters)
        for key, node in passed.items():
            if key not in block.parameters:
                message = f"the block '{block.name}' has no parameter {quote(key)}"
                self.report(node, message, suggest(key, block.parameters))
            given[key] = self.fill(node, scope)
        missing = [
            quote(key)
            for key, node in block.parameters.items()
            if node.value is None and key not in passed
        ]
        if missing:
            message = f"the block '{block.name}' needs {' and '.join(missing)}"
            hint = f"such as {block.name}: {{{missing[0][1:-1]}: ...}}"
            return self.refuse(layer, message, hint)
        return self.unfold(block.layers, _Scope(given, inside, scope.nesting))


def expand(root: Node) -> tuple[Node, list[Problem]]:
    """The tree of a config without ``blocks`` and with its layers unfolded.

    Returns:
        The tree, without what could not be unfolded, and the problems, each once.

    Raises:
        ConfigError: Written out, the config would be far too large.
    """
    if not isinstance(root.value, dict):
        return root, []
    members = dict(root.value)
    unfolding = _Unfolding(members.pop("blocks", None))
    model = members.get("model")
    if model is not None and isinstance(model.value, dict):
        layers = model.value.get("layers")
        if layers is not None and isinstance(layers.value, list):
            layers = replace(layers, value=unfolding.unfold(layers.value, _Scope()))
            members["model"] = replace(model, value=model.value | {"layers": layers})
    root = replace(root, value=members)
    unfolding.limit("values", measure(root)[0], root)
    return root, [*unfolding.problems]
