"""Values laid upon a config: of a file that extends it, and ``--set a.b=5``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from cifarcnn.config.name_lookup import find_renamed_key
from cifarcnn.config.schema import SPELLINGS
from cifarcnn.config.yaml_text import DEEPEST_NESTING, parse_value
from cifarcnn.config.yaml_tree import SETTING, Node, Place, SourceText, join, quote

_MOST_SHOWN = 4
_STEP = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
_NAME = r"[^.\[\]=\s]+(\[[0-9]{1,6}\])*"
_KEY = re.compile(rf"{_NAME}(\.{_NAME})*")


def merge(base: Node, over: Node) -> Node:
    """``over`` laid upon ``base``; neither is changed.

    Mappings merge key by key; anything else is replaced as a whole, lists too. A named
    choice such as an optimizer merges with one of the same name, argument by argument,
    and replaces one of another.
    """
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    before, after = _chosen(base.value), _chosen(over.value)
    # Of two that nobody knows, as classes of a data set, none is a choice.
    if not (before and after and {before, after} & SPELLINGS.keys()):
        return replace(over, value=_merge_keys(base.value, over.value))
    if before != after:
        return over
    [old], [key] = base.value.values(), over.value
    shorthand = SPELLINGS[after].shorthand
    old, new = _with_key(old, shorthand), _with_key(over.value[key], shorthand)
    if isinstance(old.value, dict) and isinstance(new.value, dict):
        # Not looked at as choices again: the argument of L2 is called l2.
        new = replace(new, value=_merge_keys(old.value, new.value))
    return replace(over, value={key: new})


def _merge_keys(base: dict[str, Node], over: dict[str, Node]) -> dict[str, Node]:
    return base | {
        key: merge(base[key], node) if key in base else node
        for key, node in over.items()
    }


def _with_key(arguments: Node, shorthand: str | None) -> Node:
    """``0.02`` of ``Adam: 0.02`` as ``{learning_rate: 0.02}``."""
    if shorthand is None or isinstance(arguments.value, dict | None):
        return arguments
    return replace(arguments, value={shorthand: arguments})


def _chosen(members: dict[str, Node]) -> str | None:
    """The name that a mapping such as ``{adam: ...}`` chooses: ``Adam``."""
    if len(members) != 1:
        return None
    [key] = members
    if key in SPELLINGS:
        return SPELLINGS[key].__name__
    # A misspelt name begins with a capital letter too.
    return key if key[:1].isupper() else None


def override(root: Node, setting: str) -> Node:
    """The tree with one ``a.b[0].c=value`` laid upon it.

    Mappings are laid upon mappings key by key, and missing keys are made; a number in
    brackets names an item that is there.

    Raises:
        ConfigError: It is not written like that, the value is not YAML, there is no
            such item, or the key is ``extends``.
    """
    key, equals, text = setting.partition("=")
    source = SourceText.of(SETTING, setting, offset=len(key) + 1)
    place = Place(source, 1, 1)
    if not equals or not _KEY.fullmatch(key):
        raise place.error("", "expected KEY=VALUE", _hint_for_form(setting))
    steps = split_key(key, place)
    value = parse_value(text, source) or Node(None, source.place())
    return lay(root, steps, value, place)


def split_key(key: str, place: Place) -> list[str | int]:
    """The steps of ``a.b[0].c``; empty where it is not written like that.

    Raises:
        ConfigError: It has more than 32 steps, or begins with ``extends``.
    """
    if not _KEY.fullmatch(key):
        return []
    steps: list[str | int] = [
        int(match[2]) if match[2] else match[1] for match in _STEP.finditer(key)
    ]
    if len(steps) > DEEPEST_NESTING:
        raise place.error("", f"nested more than {DEEPEST_NESTING} levels deep")
    if steps[0] == "extends":
        raise place.error("extends", "only a file can extend another one")
    return steps


def lay(
    base: Node | None,
    steps: Sequence[str | int],
    value: Node,
    place: Place,
    path: str = "",
) -> Node:
    """``value`` laid upon ``base`` at the end of ``steps``; missing keys are made.

    Args:
        base: The tree; None for nothing.
        steps: The way to the value, from the tree on.
        value: What is laid there.
        place: Where the way is written.
        path: The way to the tree itself.

    Raises:
        ConfigError: There is no such item, or a step is not one of this tree.
    """
    if not steps:
        value = replace(with_paths(value, path), key=place)
        return value if base is None else merge(base, value)
    step, rest = steps[0], steps[1:]
    here = join(path, step)
    if base is not None and isinstance(base.value, list):
        # As OmegaConf and LightningCLI write the number of an item: layers.0.
        if isinstance(step, str) and re.fullmatch("[0-9]{1,6}", step):
            step = int(step)
            here = join(path, step)
        if isinstance(step, str):
            raise place.error(path, "this is a list", _hint_for_item(base, step, path))
    if isinstance(step, int):
        if base is None or not isinstance(base.value, list):
            found = base.describe() if base is not None else "nothing"
            hint = ""
            if base is not None and isinstance(base.value, dict) and base.value:
                hint = f"name a key, such as {join(path, next(iter(base.value)))}"
            raise place.error(path, f"expected a list, found {found}", hint)
        if step >= len(base.value):
            message = f"there is no item {step}; the list has {len(base.value)}"
            raise place.error(here, message, "they count from 0")
        changed = [*base.value]
        changed[step] = lay(changed[step], rest, value, place, here)
        return replace(base, value=changed)
    if base is not None and (name := _chosen_name(base, step)):
        written = ".".join((join(path, name), *map(str, [step, *rest])))
        message = f"{quote(step)} is an argument of {name}"
        raise place.error(path, message, f"write {written}=...")
    inner = base.child(step) if base is not None else None
    laid = replace(lay(inner, rest, value, place, here), key=place)
    over = Node({step: laid}, place, path, place)
    if base is None or not isinstance(base.value, dict):
        return over
    if path.rpartition(".")[2] in SPELLINGS:
        # The arguments of a choice are none: that of L2 is called l2.
        return replace(over, value=_merge_keys(base.value, {step: laid}))
    return merge(base, over)


def _chosen_name(base: Node, step: str) -> str:
    """The name that comes before ``step``, an argument of a choice; else nothing."""
    if not isinstance(base.value, str | dict) or step in SPELLINGS:
        return ""
    named = base.named()
    choice = SPELLINGS.get(named[0]) if named is not None else None
    # As Keras or PyTorch call it, too: the right name is told next.
    has_it = choice is not None and (
        step in choice.model_fields
        or find_renamed_key(choice, step, choice.model_fields) is not None
    )
    return named[0] if named is not None and has_it else ""


def _hint_for_item(base: Node, step: str, path: str) -> str:
    """How the items of a list that ``step`` names are written."""
    items = base.value if isinstance(base.value, list) else []
    found = [
        f"{path}[{number}].{step}"
        for number, item in enumerate(items)
        if (named := item.named()) is not None and named[0] == step
    ]
    if not found:
        return f"name an item by its number, from 0: {path}[0]"
    more = ", ..." if len(found) > _MOST_SHOWN else ""
    return f"name an item by its number: {', '.join(found[:_MOST_SHOWN])}{more}"


def _hint_for_form(setting: str) -> str:
    written = re.fullmatch(r"([^=:\s]+)(?: *[=:] *| +)(\S.*)", setting)
    if written is not None and _KEY.fullmatch(written[1]):
        return f"write {written[1]}={written[2]}, without spaces"
    return "such as training.epochs=5 or model.layers[0].Conv2D.filters=64"


def with_paths(node: Node, path: str) -> Node:
    """The same values, said to stand at another place of the config."""
    value = node.value
    if isinstance(value, dict):
        value = {key: with_paths(item, join(path, key)) for key, item in value.items()}
    elif isinstance(value, list):
        value = [with_paths(item, join(path, i)) for i, item in enumerate(value)]
    return replace(node, value=value, path=path)
