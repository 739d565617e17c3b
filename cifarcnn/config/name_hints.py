"""The way out where a config has a name that the schema does not know there.

First what Keras or PyTorch mean by it, then where else in a config it belongs, and only
for a name that neither has the nearest spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from cifarcnn.config import keras_arguments, keras_names
from cifarcnn.config.augmentation import AUGMENTATIONS
from cifarcnn.config.constraints import CONSTRAINTS
from cifarcnn.config.datasets import Data
from cifarcnn.config.initializers import CONV_INITIALIZERS, REGULARIZERS
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.base import Activation
from cifarcnn.config.learning_rate_schedules import SCHEDULES
from cifarcnn.config.named_choice import NAME_KEYS, Choice, NamedChoice
from cifarcnn.config.optimizers import AVERAGINGS, OPTIMIZERS, Adam
from cifarcnn.config.schema import Config, EarlyStopping, Evaluation, Model, Training
from cifarcnn.config.spelling import did_you_mean, fold, suggest
from cifarcnn.config.yaml_text import dump_inline

# Where the members of each set stand in a config.
_PLACES: tuple[tuple[NamedChoice, str], ...] = (
    (OPTIMIZERS, "training.optimizer"),
    (SCHEDULES, "training.learning_rate_schedule"),
    (AVERAGINGS, "training.averaging"),
    (LAYERS, "model.layers"),
    (AUGMENTATIONS, "data.augmentation"),
    (REGULARIZERS, "kernel_regularizer and the like"),
    (CONV_INITIALIZERS, "kernel_initializer and the like"),
    (CONSTRAINTS, "kernel_constraint and the like"),
)
_SECTIONS: tuple[tuple[type[BaseModel], str], ...] = (
    (Config, "the top level of the config"),
    (Data, "data"),
    (Model, "model"),
    (Training, "training"),
    (EarlyStopping, "training.early_stopping"),
    (Evaluation, "evaluation"),
)
_MOST_OWNERS = 4


def hint_for_choice(name: str, known: Iterable[str], arguments: object = None) -> str:
    """The way out where none of a set has the name.

    Args:
        name: The name that was found.
        known: All of the set.
        arguments: What stands under the name: a mapping, or one value.
    """
    known = list(known)
    last = name.rpartition(".")[2]
    if choice := find_choice(last, known):
        better = translate(choice, arguments)
        exact = fold(choice.__name__) == fold(name)
        unknown = isinstance(arguments, dict) and {*arguments} - {*choice.model_fields}
        if exact and not (better and unknown):
            return f"did you mean {choice.__name__}?"
        return f"write {better or choice.__name__}"
    if block := _spelt(last, known):
        return f"did you mean {block}?"
    if way := _find("CHOICE_WAYS", last):
        return way
    if written := _find("RENAMED_CHOICES", last):
        choice, place = _find_target(written)
        where = "" if choice.__name__ in known else f" in {place}"
        return f"write {written}{where}"
    activation = _spelt(last, get_args(Activation))
    if activation:
        where = "" if "Activation" in known else " in model.layers"
        return f"write Activation: {activation}{where}"
    for choices, place in _PLACES:
        if spelling := _spelt(last, choices.by_spelling):
            return f"{spelling} belongs to {place}"
    if missing := _find("MISSING_CHOICES", last):
        return missing
    for pattern, text in keras_names.MISSING_FAMILIES.items():
        if re.fullmatch(pattern, fold(last)):
            return text
    return _hint_for_argument(name, known, arguments) or suggest(last, known)


def _hint_for_argument(name: str, known: list[str], value: object) -> str:
    """The way out for ``{learning_rate: 0.1}``, without the name of a choice."""
    for choices, _ in _PLACES:
        if {*known} == {*choices.by_name}:
            for choice in sorted(choices, key=lambda choice: choice is not Adam):
                key = find_renamed_key(choice, name, choice.model_fields)
                if key and translate(choice, {key: value}):
                    written = dump_inline({choice.__name__: {key: value}})
                    return f"{key} is an argument: write {written}, say"
    return ""


def hint_for_key(
    owner: type[BaseModel],
    key: str,
    known: Iterable[str],
    value: object = None,
    chosen: Iterable[str] = (),
) -> str:
    """The way out where a mapping has a key that is not known there.

    Args:
        owner: What the mapping is read by.
        key: The key that was found.
        known: The keys that are known there.
        value: What stands under the key.
        chosen: The names of the optimizer and the schedule of the config.
    """
    known = list(known)
    if renamed := find_renamed_key(owner, key, known):
        exact = fold(renamed) == fold(key)
        return f"did you mean {renamed}?" if exact else f"write {renamed}"
    way = _find_way(owner, key)
    if issubclass(owner, Choice):
        hint = way or _find_in_choices(owner, key, value, chosen) or _find_section(key)
    else:
        hint = _find_section(key) or way or _find_in_choices(owner, key, value, chosen)
    return hint or suggest(key, known)


def hint_for_value(value: str, known: Iterable[str]) -> str:
    """The way out where a word is none of those that are known; often none."""
    known = list(known)
    last = value.removesuffix("()").rpartition(".")[2]
    if exact := _spelt(last, known):
        return f"did you mean {exact}?"
    renamed = _spelt(_find("RENAMED_VALUES", last), known)
    if renamed:
        return f"write {renamed}"
    return _find("MISSING_VALUES", last) or did_you_mean(value, known)


def find_renamed_key(
    owner: type[BaseModel], key: str, known: Iterable[str]
) -> str | None:
    """The known key that another spelling, or another library, means by ``key``."""
    if f"{owner.__name__}.{key}" in keras_arguments.OWN_KEY_WAYS:
        return None
    known = list(known)
    names = (key, *_find("RENAMED_KEYS", key).split())
    return next(filter(None, (_spelt(name, known) for name in names)), None)


def find_choice(name: str, known: Iterable[str]) -> type[Choice] | None:
    """The member of a set that Keras or PyTorch call ``name``."""
    known = list(known)
    if spelling := _spelt(name, known):
        sets = (choices.by_name for choices, _ in _PLACES)
        # None for the name of a block.
        return next((names[spelling] for names in sets if spelling in names), None)
    written = _find("RENAMED_CHOICES", name)
    if written and ":" not in written:
        choice, _ = _find_target(written)
        return choice if choice.__name__ in known else None
    return None


def _find_target(written: str) -> tuple[type[Choice], str]:
    """The class of what is to be written instead, and where its set stands."""
    name = written.strip("{}").partition(":")[0]
    return next((c.by_name[name], place) for c, place in _PLACES if name in c.by_name)


def is_other_name(owner: type[BaseModel], key: str) -> bool:
    """Whether the key means something, here or elsewhere: it is no slip."""
    return bool(_find_way(owner, key) or _find_section(key))


def translate(choice: type[Choice], arguments: object) -> str:
    """A choice with another library's arguments, as YAML.

    Returns:
        Nothing where there are no arguments or some do not fit.
    """
    if not arguments:
        return ""
    if not isinstance(arguments, dict):
        arguments = {choice.shorthand or "": arguments}
    if isinstance(betas := arguments.get("betas"), list) and len(betas) == 2:
        moments = {"beta_1": betas[0], "beta_2": betas[1]}
        arguments = {k: v for k, v in arguments.items() if k != "betas"} | moments
    translated = {
        find_renamed_key(choice, key, choice.model_fields) or key: value
        for key, value in arguments.items()
        if key in choice.model_fields or not _find_way(choice, key).startswith("leave")
    }
    _translate_padding(translated)
    try:
        choice.model_validate_json(json.dumps(translated))
    except (ValidationError, TypeError, ValueError):
        return ""
    if [*translated] == [choice.shorthand]:
        return dump_inline({choice.__name__: translated[choice.shorthand]})
    return dump_inline({choice.__name__: translated}) if translated else choice.__name__


def _translate_padding(arguments: dict[str, Any]) -> None:
    """PyTorch's number of rows and columns, where Keras has a word for it."""
    padding, kernel = arguments.get("padding"), arguments.get("kernel_size")
    if padding == 0 and type(padding) is int:
        arguments["padding"] = "valid"
    elif type(padding) is int and kernel == 2 * padding + 1:
        # With larger strides Keras's border lies at the other end.
        if arguments.get("strides", 1) == 1:
            arguments["padding"] = "same"


def rewrite(value: dict[str, Any], known: Iterable[str]) -> str:
    """The way out for ``{name: Adam, lr: 0.1}``, or for several choices in one."""
    known = list(known)
    in_list = "Dense" in known or "RandomFlip" in known
    if in_list and len(value) > 1 and all(_spelt(key, known) for key in value):
        return "begin every item with '- '"
    key = next((key for key in value if key in NAME_KEYS), "")
    choice = find_choice(str(value.get(key)), known)
    if choice is None:
        several = len(value) > 1
        return "give one name, and indent its arguments below it" if several else ""
    arguments = {other: inner for other, inner in value.items() if other != key}
    if [*arguments] == ["config"]:
        arguments = arguments["config"]
    return f"write {translate(choice, arguments) or choice.__name__}"


def _find_way(owner: type[BaseModel], key: str) -> str:
    own = keras_arguments.OWN_KEY_WAYS.get(f"{owner.__name__}.{key}")
    return own or _find("KEY_WAYS", key) or _find("MISSING_KEYS", key)


def _find_section(key: str) -> str:
    """The section that the key, or what another library means by it, belongs to."""
    for name in (key, *_find("RENAMED_KEYS", key).split()):
        for section, place in _SECTIONS:
            if spelling := _spelt(name, section.model_fields):
                if name == key:
                    return f"{spelling} belongs to {place}"
                return f"write {spelling}, which belongs to {place}"
    return ""


def _find_in_choices(
    owner: type[BaseModel], key: str, value: object, chosen: Iterable[str]
) -> str:
    """The optimizers, layers and so on that the key is an argument or the name of."""
    # Its own set first.
    places = sorted(_PLACES, key=lambda pair: owner not in [*pair[0]])
    for name in (key, *_find("RENAMED_KEYS", key).split()):
        for choices, place in places:
            having = [choice for choice in choices if name in choice.model_fields]
            if having and owner in [*choices]:
                return f"{name} is an argument of {_enumerate(having)}"
            if having:
                having.sort(key=lambda choice: choice.__name__ not in chosen)
                such = ""
                if translate(having[0], {name: value}):
                    written = dump_inline({having[0].__name__: {name: value}})
                    such = f", such as {place.rpartition('.')[2]}: {written}"
                return f"{name} belongs to {place}{such}"
    for choices, place in _PLACES:
        if spelling := _spelt(key, choices.by_name):
            return f"{spelling} belongs to {place}"
    return ""


def _enumerate(choices: list[type[Choice]]) -> str:
    names = [choice.__name__ for choice in choices]
    if len(names) > _MOST_OWNERS:
        names = [*names[: _MOST_OWNERS - 1], "others"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _spelt(name: str, known: Iterable[str]) -> str:
    """The known name that differs by case, underscores and hyphens at most, or none."""
    folded = fold(name)
    return next((other for other in known if folded and fold(other) == folded), "")


@cache
def _table(name: str) -> dict[str, str]:
    tables: dict[str, dict[str, str]] = {**vars(keras_names), **vars(keras_arguments)}
    table = tables[name]
    return {fold(key): text for keys, text in table.items() for key in keys.split()}


def _find(table: str, name: str) -> str:
    return _table(table).get(fold(name), "")
