"""Calls and tuples of Python, which a config writes as mappings and lists.

They come from tutorials: ``Conv2D(32, (3, 3))``. YAML takes them apart at the commas,
so that they are read from the line itself.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable

from cifarcnn.config import keras_names
from cifarcnn.config.name_hints import hint_for_choice
from cifarcnn.config.name_lookup import find_choice
from cifarcnn.config.translation import translate, translate_in_part
from cifarcnn.config.yaml_text import dump_inline
from cifarcnn.config.yaml_tree import Place

_OPENING = re.compile(r"[A-Za-z_][\w.]*\s?\(|\(")


def find_python(place: Place) -> str:
    """The call or tuple that begins at a place, to its last bracket; else nothing."""
    line = place.line_text[place.column - 1 :]
    opening = _OPENING.match(line)
    if opening is None:
        return ""
    depth = 0
    for end, char in enumerate(line):
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 and end >= opening.end():
            return line[: end + 1]
    return ""


def is_in_parentheses(place: Place) -> bool:
    """Whether a bracket that opens before the place in its line is not closed there."""
    before = place.line_text[: place.column - 1]
    return before.count("(") > before.count(")")


def hint_for_python(text: str, known: Iterable[str] = ()) -> str:
    """How a config writes a call or a tuple.

    Args:
        text: What :func:`find_python` found.
        known: The set that a call is to be one of.
    """
    known = list(known)
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _hint_for_name(text.partition("(")[0], known)
    if not isinstance(tree, ast.Call):
        value = _evaluate(tree)
        return f"write {dump_inline(value)}" if isinstance(value, list) else ""
    name = text.partition("(")[0].strip()
    last = name.rpartition(".")[2]
    orders = keras_names.POSITIONAL.items()
    order = next((order for names, order in orders if last in names.split()), "")
    values = [_evaluate(value) for value in tree.args]
    positional: object = dict(zip(order.split(), values, strict=False))
    if values and not order and not tree.keywords:
        positional = values[0]
    elif isinstance(positional, dict):
        positional |= {str(key.arg): _evaluate(key.value) for key in tree.keywords}
    choice = find_choice(last, known)
    if choice and last == "Rescaling" and "/" in text:
        return keras_names.RESCALED
    written = translate(choice, positional) if choice else ""
    if choice and not positional and not choice.required():
        written = choice.__name__
    if choice and positional and not written:
        written = translate_in_part(choice, positional)
    if choice and positional and not written and not choice.required():
        return f"write {choice.__name__}: {{{choice.shorthand or 'argument'}: ...}}"
    if written and last == "Conv2D" and [type(v) for v in values] == [int] * 3:
        written += f"; where Keras 1 is meant, kernel_size: {values[1:]} for both"
    return f"write {written}" if written else _hint_for_name(name, known, positional)


def _hint_for_name(name: str, known: list[str], arguments: object = None) -> str:
    choice = find_choice(name.strip().rpartition(".")[2], known)
    if choice is None:
        return hint_for_choice(name.strip(), known, arguments)
    listed = ", ".join(f"{argument}: ..." for argument in choice.required())
    return f"write {choice.__name__}" + (f": {{{listed}}}" if listed else "")


def _evaluate(tree: ast.expr) -> object:
    """The value of a literal, tuples as lists, and names; ``...`` for anything else."""
    if isinstance(tree, ast.Name):
        return tree.id
    if isinstance(tree, ast.Attribute):
        return tree.attr
    try:
        # JSON has neither sets nor bytes, as a config has not.
        value: object = json.loads(json.dumps(ast.literal_eval(tree)))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...
    return value
