"""Layers as a config is written, without what whoever reads them knows anyway."""

from __future__ import annotations

import json
from typing import Any

from cifarcnn.config.layers import LAYERS
from cifarcnn.config.named_choice import external, snake_case


def without_given_names(value: Any) -> Any:
    """The same value, of its layers only the names that are not a type and a number."""
    if isinstance(value, list):
        return [*map(without_given_names, value)]
    if not isinstance(value, dict):
        return value
    return {
        key: without_given_names(inner)
        for key, inner in value.items()
        if not (key == "name" and isinstance(inner, str) and _is_given(inner))
    }


def _is_given(name: str) -> bool:
    base, _, number = name.rpartition("_")
    return number.isdecimal() and base in map(snake_case, LAYERS.by_name)


def shorten(value: Any) -> Any:
    """The same value, of its layers only the arguments that are not the usual ones."""
    if isinstance(value, list):
        return [*map(shorten, value)]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (name := next(iter(value))) in LAYERS.by_name:
        usual = {
            argument: json.loads(json.dumps(external(field.get_default())))
            for argument, field in LAYERS.by_name[name].model_fields.items()
            if not field.is_required()
        }
        value = {
            name: {
                argument: inner
                for argument, inner in value[name].items()
                if argument not in usual or usual[argument] != inner
            }
        }
    return {key: shorten(inner) for key, inner in value.items()}
