"""The blocks of a config: lists of layers with a name and parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from cifarcnn.config.layers import LAYERS
from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_tree import Node, quote

# Keys that begin with a capital letter are names of layers, optimizers and the like.
BLOCK_NAME = "[a-z][A-Za-z0-9_]*"
PARAMETER_NAME = "[A-Za-z_][A-Za-z0-9_]*"
TAKEN_NAMES = frozenset(LAYERS.by_name) | {"Repeat"}

# Tells of a problem: the node, what was found and expected, the way out.
Report = Callable[[Node, str, str], None]


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


def read_blocks(node: Node | None, report: Report) -> dict[str, Block]:
    """The blocks under the key ``blocks``, by name.

    Args:
        node: The value of the key; None when there is none.
        report: Called for every problem; a block that has one is left out.
    """
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        report(node, f"expected blocks by their names, found {node.describe()}", "")
        return {}
    found = (_read_block(name, inner, report) for name, inner in node.value.items())
    return {block.name: block for block in found if block is not None}


def _read_block(name: str, node: Node, report: Report) -> Block | None:
    if name in TAKEN_NAMES:
        report(node, f"'{name}' is the name of a layer", "give the block another name")
    elif not re.fullmatch(BLOCK_NAME, name):
        hint = "begin with a small letter and use letters, digits and underscores"
        report(node, f"{quote(name)} is no name for a block", hint)
    elif not isinstance(node.value, dict):
        expected = "{parameters: ..., layers: [...]}"
        report(node, f"expected {expected}, found {node.describe()}", "")
    else:
        refuse_unknown(node.value, ("parameters", "layers"), "a block", report)
        layers = node.value.get("layers")
        if layers is not None and isinstance(layers.value, list):
            parameters = _read_parameters(node.value.get("parameters"), report)
            return Block(name, parameters, layers.value)
        found = f", found {layers.describe()}" if layers else ""
        report(layers or node, f"the block '{name}' needs a list of layers{found}", "")
    return None


def _read_parameters(node: Node | None, report: Report) -> dict[str, Node]:
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        report(
            node,
            f"expected parameters by name with their defaults, found {node.describe()}",
            "such as parameters: {filters: null}, where null means: must be given",
        )
        return {}
    for key, value in node.value.items():
        if not re.fullmatch(PARAMETER_NAME, key):
            hint = "use letters, digits and underscores"
            report(value, f"{quote(key)} is no name for a parameter", hint)
    return node.value


def refuse_unknown(
    members: dict[str, Node], known: tuple[str, ...], owner: str, report: Report
) -> None:
    """Report every key that is not known."""
    for key, node in members.items():
        if key not in known:
            report(node, f"{owner} has no {quote(key)}", suggest(key, known))


def fill(node: Node, given: dict[str, Node], report: Report) -> Node:
    """The node with every ``$name`` replaced by the value that was given."""
    if isinstance(node.value, dict):
        members = {key: fill(item, given, report) for key, item in node.value.items()}
        return replace(node, value=members)
    if isinstance(node.value, list):
        return replace(node, value=[fill(item, given, report) for item in node.value])
    if not (isinstance(node.value, str) and node.value.startswith("$")):
        return node
    name = node.value[1:]
    if name in given:
        return replace(given[name], key=node.key)
    hint = suggest(name, given) or "parameters are declared in a block"
    report(node, f"there is no parameter {quote(name)} here", hint)
    return node
