"""The way out where a config has a name that the schema does not know there.

First what Keras or PyTorch mean by it, then where else in a config it belongs, and only
for a name that neither has the nearest spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel

from cifarcnn.config import keras_arguments, keras_names
from cifarcnn.config.augmentation import AUGMENTATIONS
from cifarcnn.config.datasets import Data
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.applications import application_names
from cifarcnn.config.layers.base import Activation
from cifarcnn.config.name_lookup import (
    PLACES,
    find_choice,
    find_renamed_key,
    find_spelling,
    find_target,
    find_way,
    look_up,
)
from cifarcnn.config.named_choice import Choice
from cifarcnn.config.optimizers import Adam
from cifarcnn.config.schema import Config, EarlyStopping, Evaluation, Model, Training
from cifarcnn.config.spelling import did_you_mean, fold, suggest
from cifarcnn.config.translation import translate, with_value
from cifarcnn.config.yaml_text import dump_inline

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
    if block := find_spelling(last, known):
        return f"did you mean {block}?"
    first = re.match(r"(\w+)\s+\S", name)
    if first and find_choice(first[1], known):
        return f"put a colon after {first[1]}"
    if way := look_up("CHOICE_WAYS", last):
        return way
    if written := look_up("RENAMED_CHOICES", last):
        choice, place = find_target(written)
        if written.startswith("{"):
            written = translate(choice, arguments) or written
        where = "" if choice.__name__ in known else f" in {place}"
        return f"write {written}{where}"
    activation = find_spelling(last, get_args(Activation))
    if activation:
        where = "" if "Activation" in known else " in model.layers"
        return f"write Activation: {activation}{where}"
    for choices, place in PLACES:
        if spelling := find_spelling(last, choices.by_spelling):
            return f"{spelling} belongs to {place}"
    if missing := look_up("MISSING_CHOICES", last):
        return missing
    if application := find_spelling(last, application_names()):
        written = f"Pretrained: {{application: {application}, pooling: avg}}"
        return (
            f"write {written} in model.layers, trained on ImageNet; or see "
            "cifarcnn init --list for networks that are configs"
        )
    for pattern, text in keras_names.MISSING_FAMILIES.items():
        if re.fullmatch(pattern, fold(last)):
            return text
    return _hint_for_argument(name, known, arguments) or suggest(last, known)


def _hint_for_argument(name: str, known: list[str], value: object) -> str:
    """The way out for ``{learning_rate: 0.1}``, without the name of a choice."""
    for choices, _ in PLACES:
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
        chosen: The names of the data set, the optimizer and the schedule of the config.
    """
    known = list(known)
    if renamed := find_renamed_key(owner, key, known):
        exact = fold(renamed) == fold(key)
        if renamed == "image_size" and "folder" not in chosen:
            return keras_arguments.ONLY_OF_A_FOLDER
        return f"did you mean {renamed}?" if exact else f"write {renamed}"
    if own := keras_arguments.OWN_KEY_WAYS.get(f"{owner.__name__}.{key}"):
        return own
    way = with_value(find_way(owner, key), value)
    if issubclass(owner, Choice):
        hint = way or _find_in_choices(owner, key, value, chosen) or _find_section(key)
    else:
        hint = _find_section(key) or way or _find_in_choices(owner, key, value, chosen)
    return hint or suggest(key, known)


def hint_for_value(value: str, known: Iterable[str]) -> str:
    """The way out where a word is none of those that are known; often none."""
    known = list(known)
    last = value.partition("(")[0].rpartition(".")[2]
    if exact := find_spelling(last, known):
        if exact == "leaky_relu" and "(" in value:
            return "write leaky_relu, whose slope is 0.2"
        return f"did you mean {exact}?"
    renamed = find_spelling(look_up("RENAMED_VALUES", last), known)
    if renamed:
        return f"write {renamed}"
    return look_up("MISSING_VALUES", last) or did_you_mean(value, known)


def is_other_name(owner: type[BaseModel], key: str) -> bool:
    """Whether the key means something, here or elsewhere: it is no slip."""
    return bool(find_way(owner, key) or _find_section(key))


def _find_section(key: str) -> str:
    """The section that the key, or what another library means by it, belongs to."""
    for name in (key, *look_up("RENAMED_KEYS", key).split()):
        for section, place in _SECTIONS:
            if spelling := find_spelling(name, section.model_fields):
                if name == key:
                    return f"{spelling} belongs to {place}"
                return f"write {spelling}, which belongs to {place}"
    return ""


def _find_in_choices(
    owner: type[BaseModel], key: str, value: object, chosen: Iterable[str]
) -> str:
    """The optimizers, layers and so on that the key is an argument or the name of."""
    # Its own set first.
    places = sorted(PLACES, key=lambda pair: owner not in [*pair[0]])
    for name in (key, *look_up("RENAMED_KEYS", key).split()):
        for choices, place in places:
            having = [choice for choice in choices if name in choice.model_fields]
            if name != key and choices is LAYERS and owner in [*AUGMENTATIONS]:
                # PyTorch's p is the chance of an augmentation, not the rate of Dropout.
                continue
            if having and owner in [*choices]:
                return f"{name} is an argument of {_enumerate(having)}"
            if having:
                having.sort(key=lambda choice: choice.__name__ not in chosen)
                such = ""
                if translate(having[0], {name: value}):
                    written = dump_inline({having[0].__name__: {name: value}})
                    such = f", such as {place.rpartition('.')[2]}: {written}"
                return f"{name} belongs to {place}{such}"
    for choices, place in PLACES:
        if spelling := find_spelling(key, choices.by_name):
            return f"{spelling} belongs to {place}"
    return ""


def _enumerate(choices: list[type[Choice]]) -> str:
    names = [choice.__name__ for choice in choices]
    if len(names) > _MOST_OWNERS:
        names = [*names[: _MOST_OWNERS - 1], "others"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
