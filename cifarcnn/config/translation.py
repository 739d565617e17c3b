"""Layers, optimizers and so on of another library, as a config has them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from cifarcnn.config.name_lookup import (
    find_choice,
    find_renamed_key,
    find_spelling,
    find_way,
)
from cifarcnn.config.named_choice import NAME_KEYS, Choice
from cifarcnn.config.yaml_text import dump_inline


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
    arguments = _translate_numbers(arguments)
    translated = {
        find_renamed_key(choice, key, choice.model_fields) or key: value
        for key, value in arguments.items()
        if key in choice.model_fields or not find_way(choice, key).startswith("leave")
    }
    _translate_padding(translated)
    try:
        choice.model_validate_json(json.dumps(translated))
    except (ValidationError, TypeError, ValueError):
        return ""
    if choice.shorthand and [*translated] == [choice.shorthand]:
        return dump_inline({choice.__name__: translated[choice.shorthand]})
    return dump_inline({choice.__name__: translated}) if translated else choice.__name__


def translate_in_part(choice: type[Choice], arguments: object) -> str:
    """As :func:`translate`; what stands elsewhere in a config is told behind it."""
    if not isinstance(arguments, dict):
        return ""
    apart = {
        key: way
        for key in arguments
        if not find_renamed_key(choice, key, choice.model_fields)
        and (way := find_way(choice, key))
        and not way.startswith("leave")
    }
    rest = {key: value for key, value in arguments.items() if key not in apart}
    written = translate(choice, rest)
    if not rest and not choice.required():
        written = choice.__name__
    ways = [f"{key}: {with_value(way, arguments[key])}" for key, way in apart.items()]
    return "; ".join([written, *ways]) if written else ""


def _translate_numbers(arguments: dict[str, Any]) -> dict[str, Any]:
    """Two numbers of older Keras in one list, and PyTorch's regular steps as epochs."""
    arguments = {**arguments}
    rows, columns = arguments.get("nb_row"), arguments.get("nb_col")
    if type(rows) is int and type(columns) is int:
        del arguments["nb_row"], arguments["nb_col"]
        arguments["kernel_size"] = [rows, columns]
    elif rows is not None and columns is None:
        arguments["kernel_size"] = arguments.pop("nb_row")
    if type(step := arguments.get("step_size")) is int:
        del arguments["step_size"]
        arguments["at_epochs"] = [step, 2 * step]
    return arguments


def _translate_padding(arguments: dict[str, Any]) -> None:
    """PyTorch's number of rows and columns, where Keras has a word for it."""
    padding, kernel = arguments.get("padding"), arguments.get("kernel_size")
    if padding == 0 and type(padding) is int:
        arguments["padding"] = "valid"
    elif type(padding) is int and kernel == 2 * padding + 1:
        # With larger strides Keras's border lies at the other end.
        if arguments.get("strides", 1) == 1:
            arguments["padding"] = "same"


def with_value(way: str, value: object) -> str:
    """The way out with the number that was found in place of the one of the table."""
    if not isinstance(value, float) or not value:
        return way
    return way.replace("1e-6", repr(value).replace("e-0", "e-"))


def rewrite(value: dict[str, Any], known: Iterable[str]) -> str:
    """The way out for ``{name: Adam, lr: 0.1}``, or for several choices in one."""
    known = list(known)
    in_list = "Dense" in known or "RandomFlip" in known
    if in_list and len(value) > 1 and all(find_spelling(key, known) for key in value):
        return "begin every item with '- '"
    key = next((key for key in value if key in NAME_KEYS), "")
    choice = find_choice(str(value.get(key)), known)
    if choice is None:
        several = len(value) > 1
        return "give one name, and indent its arguments below it" if several else ""
    arguments = {other: inner for other, inner in value.items() if other != key}
    if [*arguments] == ["config"]:
        arguments = arguments["config"]
    written = translate(choice, arguments) or translate_in_part(choice, arguments)
    return f"write {written or choice.__name__}"
