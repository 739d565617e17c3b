"""The key of a value that varies, as the whole way to it."""

from __future__ import annotations

import re

from cifarcnn.config.name_hints import hint_for_key
from cifarcnn.config.named_choice import external
from cifarcnn.config.overrides import split_key
from cifarcnn.config.schema import SPELLINGS, Config, find_owner, known_keys
from cifarcnn.config.search_space.tree_changes import Way, child_at, join_way
from cifarcnn.config.spelling import find_near, suggest
from cifarcnn.config.yaml_tree import Node, Place, quote

# What may hold a value that varies.
_TOP = ("data", "model", "blocks", "training")


def find_way(key: str, place: Place, root: Node, config: Config) -> Way:
    """The way to a value, from the top of the config.

    A section or the name of what is chosen may be left out where one is meant:
    ``optimizer.learning_rate`` is ``training.optimizer.Adam.learning_rate``.

    Args:
        key: What the user wrote.
        place: Where.
        root: The config as it is written.
        config: The same, checked.

    Raises:
        ConfigError: It is not written like a key, or names something that the config
            has another of in that place.
    """
    steps = split_key(key, place)
    if not steps:
        hint = "such as training.batch_size or model.layers[0].Conv2D.filters"
        raise place.error("", f"{quote(key)} is no key of a config", hint)
    if str(steps[0]) not in known_keys(Config):
        steps = [_find_section(str(steps[0]), place, config), *steps]
    way: Way = ()
    is_named = False
    for number, step in enumerate(steps):
        node = child_at(root, way)
        if node is not None and isinstance(node.value, list):
            # As OmegaConf and LightningCLI write the number of an item: layers.0.
            step = int(step) if re.fullmatch("[0-9]{1,6}", str(step)) else step
        name = None if is_named else _chosen_name(node, way, root, config)
        is_last = number == len(steps) - 1
        is_named = name is not None
        if name is None:
            way = (*way, step)
        elif _is_argument(name, step, is_last):
            way, is_named = (*way, name, step), False
        elif name in (step, other := _spelled(step)):
            way = (*way, name)
        elif other is not None:
            path = join_way(way)
            raise place.error(
                path, f"this is {name}, not {other}", f"write {path}.{name}, say"
            )
        else:
            # The schema tells what there is instead.
            way, is_named = (*way, name, step), False
    return way


def _find_section(step: str, place: Place, config: Config) -> str:
    """The section of the config that has a key.

    Raises:
        ConfigError: There is no such key at all.
    """
    # No key is in two of them.
    sections = {
        key: section
        for section in ("data", "model", "training", "evaluation")
        for key in known_keys(find_owner([section]))
    }
    if step in sections:
        return sections[step]
    near = [f"{sections[key]}.{key}" for key in find_near(step, sections)]
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    hint = _hint_for_argument(step, config) or hint or suggest(step, _TOP)
    raise place.error(step, f"there is no key {quote(step)}", hint)


def _hint_for_argument(step: str, config: Config) -> str:
    """The way to an argument of what is chosen: of the optimizer, or of a layer."""
    training = config.training
    chosen = training.optimizer, training.learning_rate_schedule
    hint = hint_for_key(Config, step, [], chosen=[choice.type for choice in chosen])
    found = re.match(r"([a-z_]+) belongs to (training\.[a-z_]+|model\.layers)", hint)
    if found is None:
        return ""
    if found[2] == "model.layers":
        return f"write model.layers[0].{found[1]}, with the number of the layer, from 0"
    has_it = any(found[1] in choice.arguments() for choice in chosen)
    return f"write {found[2]}.{found[1]}" if has_it else hint


def _spelled(step: str | int) -> str | None:
    return SPELLINGS[str(step)].__name__ if step in SPELLINGS else None


def _is_argument(name: str, step: str | int, is_last: bool) -> bool:
    """Whether ``step`` is an argument of a choice; ``l2`` is also a name of ``L2``."""
    choice = SPELLINGS.get(name)
    if choice is None:
        return step != name
    has_it = step in choice.model_fields
    return has_it and (is_last or _spelled(step) is None)


def _chosen_name(node: Node | None, way: Way, root: Node, config: Config) -> str | None:
    """What is chosen at the end of a way, such as ``Adam``; None where nothing is."""
    if node is not None:
        named = node.named()
        if named is None:
            return None
        blocks = root.child("blocks")
        own = blocks.value if blocks is not None else None
        is_item = way and isinstance(way[-1], int)
        names = {"Repeat", *own} if isinstance(own, dict) else {"Repeat"}
        if is_item and named[0] in names:
            return named[0]
        return _spelled(named[0])
    # Not written there: what is chosen by default. Layers are, but unfolded.
    if way and way[0] in ("model", "blocks"):
        return None
    plain = external(config)
    for step in way:
        plain = plain.get(step) if isinstance(plain, dict) else None
    if isinstance(plain, dict) and len(plain) == 1:
        return _spelled(next(iter(plain)))
    return None
