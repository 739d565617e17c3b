"""The blocks of a config: lists of layers with a name and parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from cifarcnn.config.named_choice import suggest
from cifarcnn.config.yaml_tree import Node, quote

# Keys that begin with a capital letter are names of layers, optimizers and the like.
BLOCK_NAME = "[a-z][A-Za-z0-9_]*"
PARAMETER_NAME = "[A-Za-z_][A-Za-z0-9_]*"

# Says what is wrong at a node: the node, what was found and expected, the way out.
Complain = Callable[[Node, str, str], None]


@dataclass(frozen=True)
class Block:
    """A named list of layers.

    Attributes:
        name: What the layers of a network call it.
        parameters: Defaults by name; null means that a value must be given.
        layers: Its layers, with ``$name`` where a parameter goes.
    """

    name: str
    parameters: dict[str, Node]
    layers: list[Node]


def read_blocks(
    node: Node | None, taken: frozenset[str], complain: Complain
) -> dict[str, Block]:
    """The blocks under the key ``blocks``, by name.

    Args:
        node: The value of the key; None when there is none.
        taken: Names that a block may not have: those of the layers.
        complain: Called for every mistake; a wrong block is left out.
    """
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        complain(node, f"expected blocks by their names, found {node.describe()}", "")
        return {}
    found = {
        name: _read_block(name, block, taken, complain)
        for name, block in node.value.items()
    }
    return {name: block for name, block in found.items() if block is not None}


def _read_block(
    name: str, node: Node, taken: frozenset[str], complain: Complain
) -> Block | None:
    if name in taken:
        complain(
            node, f"'{name}' is the name of a layer", "give the block another name"
        )
        return None
    if not re.fullmatch(BLOCK_NAME, name):
        complain(
            node,
            f"{quote(name)} is no name for a block",
            "begin with a small letter and use letters, digits and underscores",
        )
        return None
    if not isinstance(node.value, dict):
        complain(
            node,
            f"expected {{parameters: ..., layers: [...]}}, found {node.describe()}",
            "",
        )
        return None
    refuse_unknown(node.value, ("parameters", "layers"), "a block", complain)
    layers = node.value.get("layers")
    if layers is None or not isinstance(layers.value, list):
        found = f", found {layers.describe()}" if layers else ""
        complain(
            layers or node, f"the block '{name}' needs a list of layers{found}", ""
        )
        return None
    return Block(name, _read_parameters(node.value, complain), layers.value)


def _read_parameters(members: dict[str, Node], complain: Complain) -> dict[str, Node]:
    node = members.get("parameters")
    if node is None or node.value is None:
        return {}
    if isinstance(node.value, dict):
        for key, value in node.value.items():
            if not re.fullmatch(PARAMETER_NAME, key):
                complain(
                    value,
                    f"{quote(key)} is no name for a parameter",
                    "use letters, digits and underscores",
                )
        return node.value
    complain(
        node,
        f"expected parameters by name with their defaults, found {node.describe()}",
        "such as parameters: {filters: null}, where null means: must be given",
    )
    return {}


def refuse_unknown(
    members: dict[str, Node], known: tuple[str, ...], owner: str, complain: Complain
) -> None:
    """Complain of every key that is not known."""
    for key, node in members.items():
        if key not in known:
            complain(node, f"{owner} has no {quote(key)}", suggest(key, known))


def fill(node: Node, given: dict[str, Node], complain: Complain) -> Node:
    """The node with every ``$name`` replaced by the value that was given."""
    if isinstance(node.value, dict):
        members = {key: fill(item, given, complain) for key, item in node.value.items()}
        return replace(node, value=members)
    if isinstance(node.value, list):
        items = [fill(item, given, complain) for item in node.value]
        return replace(node, value=items)
    if not (isinstance(node.value, str) and node.value.startswith("$")):
        return node
    name = node.value[1:]
    if name in given:
        return replace(given[name], key=node.key)
    complain(
        node,
        f"there is no parameter {quote(name)} here",
        suggest(name, given) or "parameters are declared in a block",
    )
    return node
