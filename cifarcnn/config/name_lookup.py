"""What a name of Keras or PyTorch is called in a config.

The names stand in :mod:`cifarcnn.config.keras_names` and
:mod:`cifarcnn.config.keras_arguments`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from pydantic import BaseModel

from cifarcnn.config import keras_arguments, keras_names
from cifarcnn.config.augmentation import AUGMENTATIONS
from cifarcnn.config.constraints import CONSTRAINTS
from cifarcnn.config.initializers import CONV_INITIALIZERS, REGULARIZERS
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.learning_rate_schedules import SCHEDULES
from cifarcnn.config.named_choice import Choice, NamedChoice
from cifarcnn.config.optimizers import AVERAGINGS, OPTIMIZERS
from cifarcnn.config.spelling import fold

# Where the members of each set stand in a config.
PLACES: tuple[tuple[NamedChoice, str], ...] = (
    (OPTIMIZERS, "training.optimizer"),
    (SCHEDULES, "training.learning_rate_schedule"),
    (AVERAGINGS, "training.averaging"),
    (LAYERS, "model.layers"),
    (AUGMENTATIONS, "data.augmentation"),
    (REGULARIZERS, "kernel_regularizer and the like"),
    (CONV_INITIALIZERS, "kernel_initializer and the like"),
    (CONSTRAINTS, "kernel_constraint and the like"),
)


def find_renamed_key(
    owner: type[BaseModel], key: str, known: Iterable[str]
) -> str | None:
    """The known key that another spelling, or another library, means by ``key``."""
    known = list(known)
    if own := keras_arguments.OWN_KEY_WAYS.get(f"{owner.__name__}.{key}"):
        written = own.removeprefix("write ")
        return written if written in known else None
    names = (key, *look_up("RENAMED_KEYS", key).split())
    return next(filter(None, (find_spelling(name, known) for name in names)), None)


def find_choice(name: str, known: Iterable[str]) -> type[Choice] | None:
    """The member of a set that Keras or PyTorch call ``name``."""
    known = list(known)
    if spelling := find_spelling(name, known):
        sets = (choices.by_name for choices, _ in PLACES)
        # None for the name of a block.
        return next((names[spelling] for names in sets if spelling in names), None)
    written = look_up("RENAMED_CHOICES", name)
    if written and ":" not in written:
        choice, _ = find_target(written)
        return choice if choice.__name__ in known else None
    return None


def find_target(written: str) -> tuple[type[Choice], str]:
    """The class of what is to be written instead, and where its set stands."""
    name = written.strip("{}").partition(":")[0]
    return next((c.by_name[name], place) for c, place in PLACES if name in c.by_name)


def find_key_of_way(owner: type[BaseModel], key: str) -> str:
    """``kernel_size`` for ``nb_row``, whose way begins with ``write kernel_size``."""
    found = re.match(r"write (\w+)", find_way(owner, key))
    return found[1] if found else ""


def find_way(owner: type[BaseModel], key: str) -> str:
    own = keras_arguments.OWN_KEY_WAYS.get(f"{owner.__name__}.{key}")
    return own or look_up("KEY_WAYS", key) or look_up("MISSING_KEYS", key)


def find_spelling(name: str, known: Iterable[str]) -> str:
    """The known name that differs by case, underscores and hyphens at most, or none."""
    folded = fold(name)
    return next((other for other in known if folded and fold(other) == folded), "")


@cache
def _table(name: str) -> dict[str, str]:
    tables: dict[str, dict[str, str]] = {**vars(keras_names), **vars(keras_arguments)}
    table = tables[name]
    return {fold(key): text for keys, text in table.items() for key in keys.split()}


def look_up(table: str, name: str) -> str:
    return _table(table).get(fold(name), "")
