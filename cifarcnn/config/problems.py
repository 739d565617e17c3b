"""What the schema finds in a config, as problems in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from cifarcnn.config.consequences import (
    columns_of_python,
    is_cut_off,
    without_consequences,
)
from cifarcnn.config.name_hints import (
    hint_for_choice,
    hint_for_key,
    hint_for_value,
    is_other_name,
)
from cifarcnn.config.name_lookup import find_key_of_way, find_renamed_key
from cifarcnn.config.named_choice import Choice
from cifarcnn.config.python_notation import find_python, hint_for_python
from cifarcnn.config.schema import (
    SPELLINGS,
    Config,
    Training,
    find_owner,
    known_keys,
)
from cifarcnn.config.spelling import nearest
from cifarcnn.config.translation import rewrite
from cifarcnn.config.value_hints import (
    hint_for_kind,
    hint_for_list_without_brackets,
    hint_for_no_word,
    hint_for_number,
    hint_for_share,
    hint_for_text,
)
from cifarcnn.config.yaml_text import dump_inline
from cifarcnn.config.yaml_tree import SETTING, Node, Place, join, quote
from cifarcnn.config.yaml_typos import (
    find_odd_character,
    has_odd_character,
    hint_for_missing_space,
    key_before_colon,
)
from cifarcnn.errors import Problem

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
    "tuple_type": "a list",
}
_LIMITS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "of at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "of at most"),
}
_LENGTHS = {"too_short": "min_length", "too_long": "max_length"}


def list_problems(error: ValidationError, root: Node) -> list[Problem]:
    """Everything that pydantic found, as problems with their places.

    Args:
        error: What pydantic said of the ``Config``.
        root: The tree that was validated.
    """
    items = error.errors(include_url=False)
    # A misspelt key is one problem, not two: its right spelling is not missing as well.
    meant = {
        (*item["loc"][:-1], _meant(item["loc"]))
        for item in items
        if item["type"] == "extra_forbidden"
    }
    told = [
        item for item in items if item["type"] != "missing" or item["loc"] not in meant
    ]
    places = [_place(item, root) for item in told]
    inside = columns_of_python(
        [*places, *(locate(root, item["loc"]).place for item in told)]
    )
    return without_consequences(
        [
            (
                item["input"] is None or item["type"] == "missing",
                _to_problem(item, root),
            )
            for item, place in zip(told, places, strict=True)
            if (place.line, place.column) not in inside and not is_cut_off(item, place)
        ]
    )


def _place(item: Any, root: Node) -> Place:
    node = locate(root, (*item["loc"], *item.get("ctx", {}).get("at", ())))
    is_key = item["type"] in ("missing", "extra_forbidden")
    return node.key_or_place if is_key else node.place


def locate(root: Node, loc: Sequence[str | int]) -> Node:
    """The deepest node on a pydantic location; steps without a node are passed over."""
    node = root
    for step in loc:
        node = node.child(step) or _short_spelling(node, step) or node
    return node


def _short_spelling(node: Node, step: str | int) -> Node | None:
    """The child that says ``adam`` where the schema says ``Adam``."""
    named = node.named() if isinstance(node.value, dict) else None
    if named is not None and named[0] in SPELLINGS:
        return named[1] if SPELLINGS[named[0]].__name__ == step else None
    return None


def _meant(loc: Sequence[str | int]) -> str | None:
    """The key that is meant by the unknown one at the end of a pydantic location."""
    owner, key = find_owner(loc[:-1]), key_before_colon(str(loc[-1]))
    known = list(known_keys(owner))
    if renamed := find_renamed_key(owner, key, known):
        return renamed
    if is_other_name(owner, key):
        return find_key_of_way(owner, key)
    return nearest(key, known)


def _to_problem(item: Any, root: Node) -> Problem:
    kind, loc = item["type"], item["loc"]
    context = item.get("ctx", {})
    node = locate(root, (*loc, *context.get("at", ())))
    if kind == "missing":
        owner = find_owner(loc[:-1])
        name = owner.__name__
        if not issubclass(owner, Choice):
            name = "the config" if owner is Config else str(loc[-2])
        path = join(node.path, loc[-1])
        return node.key_or_place.problem(path, f"{name} needs '{loc[-1]}'")
    if kind == "extra_forbidden":
        return _unknown_key(str(loc[-1]), find_owner(loc[:-1]), node, root)
    written = str(context.get("name", node.value))
    if odd := _odd_character(written, node.place, node.path):
        return odd
    message, hint = _wording(kind, context, item["msg"], node, str(*loc[-1:]))
    if hint.startswith("in YAML None") and not _may_be_null(loc):
        hint = "leave the key out: it cannot be null"
    if node.place.source.name == SETTING:
        hint = _as_setting(hint, node)
    return node.place.problem(node.path, message, hint)


def _may_be_null(loc: Sequence[str | int]) -> bool:
    field = find_owner(loc[:-1]).model_fields.get(str(*loc[-1:]))
    return field is None or type(None) in get_args(field.annotation)


def _unknown_key(key: str, owner: type[BaseModel], node: Node, root: Node) -> Problem:
    what = "there is no key"
    if issubclass(owner, Choice):
        what = f"{owner.__name__} has no argument"
    if odd := _odd_character(key, node.key_or_place, node.path):
        return odd
    message = f"{what} {quote(key)}"
    hint = hint_for_list_without_brackets(key, node) or hint_for_missing_space(key)
    hint = hint or hint_for_key(
        owner, key, known_keys(owner), node.plain(), _chosen(root)
    )
    if node.place.source.name == SETTING:
        hint = _as_setting(hint, node)
    return node.key_or_place.problem(node.path, message, hint)


def _as_setting(hint: str, node: Node) -> str:
    """``epochs belongs to training`` as ``write training.epochs=5``."""
    belongs = r"([a-z_]+) belongs to ([a-z_.]+)(?:, such as \w+: {(\w+).*)?"
    if found := re.fullmatch(belongs, hint):
        key = ".".join(filter(None, (found[2], found[3], found[1])))
        return f"write {key}={dump_inline(node.plain())}"
    argument = re.fullmatch(r"(\w+) is an argument: write {(\w+): .*", hint)
    if argument and isinstance(node.value, dict) and len(node.value) == 1:
        [value] = node.value.values()
        key = f"{node.path}.{argument[2]}.{argument[1]}"
        return f"write {key}={dump_inline(value.plain())}"
    return hint


def unknown_choice(
    node: Node, message: str, name: str, known: Iterable[str]
) -> Problem:
    """The problem that none of a set has a name.

    Args:
        node: What names it.
        message: What was found.
        name: The name.
        known: The names of the set.
    """
    if odd := _odd_character(name, node.place, node.path):
        return odd
    return node.place.problem(node.path, message, _hint_for_name(node, name, known))


def _hint_for_name(node: Node, name: str, known: Iterable[str]) -> str:
    if python := find_python(node.place):
        return hint_for_python(python, known)
    if hint := hint_for_missing_space(name):
        return hint
    if name == "None":
        return "in YAML None is null; write that, or leave the key out"
    inner: object = None
    value = node.plain()
    for penalty in {"L2", "MaxNorm"} & {*known}:
        if type(value) in (int, float):
            return f"write {dump_inline({penalty: value})}"
    if isinstance(value, dict):
        if hint := rewrite(value, known):
            return hint
        inner = value.get(name)
    return hint_for_choice(name, known, inner) if name else ""


def _odd_character(text: str, place: Place, path: str) -> Problem | None:
    """The problem of a character that YAML does not know, but people mean."""
    if not has_odd_character(text):
        return None
    last = place.line + text.count(" ")
    typo = find_odd_character(place.source, place.line, last)
    return typo.place.problem(path, typo.message, typo.hint) if typo else None


def _chosen(root: Node) -> list[str]:
    """The names of the data set, the optimizer and the schedule of a config."""
    data, training = root.child("data"), root.child("training")
    dataset = data.child("dataset") if data is not None else None
    found = [] if dataset is None else [str(dataset.value)]
    for key in ("optimizer", "learning_rate_schedule"):
        node = training.child(key) if training is not None else None
        named = node.named() if node is not None else None
        default = Training.model_fields[key].default.type
        name = named[0] if named is not None else default
        found.append(SPELLINGS[name].__name__ if name in SPELLINGS else default)
    return found


def _wording(
    kind: str, context: Any, said: str, node: Node, field: str
) -> tuple[str, str]:
    found = node.describe()
    if kind == "problem":
        message, hint = context["message"], context["hint"] or hint_for_text(node)
        if not hint and message.startswith("expected a number"):
            hint = hint_for_number(node)
        return message, hint
    if kind == "unknown_choice":
        name = context["name"] or ""
        return context["message"], _hint_for_name(node, name, context["known"])
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {found}", hint_for_kind(node, kind)
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        bound = context[key]
        bound = int(bound) if bound == int(bound) else bound
        hint = hint_for_share(field, node.value, bound) if key[0] == "l" else ""
        return f"expected a number {words} {bound}, found {found}", hint
    if kind in _LENGTHS:
        bound = context[_LENGTHS[kind]]
        words = "at least" if kind == "too_short" else "at most"
        items = "item" if bound == 1 else "items"
        found = context["actual_length"]
        return f"expected {words} {bound} {items}, found {found}", ""
    if kind == "literal_error":
        choices = _literals(context["expected"])
        if isinstance(node.value, str):
            hint = hint_for_value(node.value, choices) or hint_for_text(node)
        else:
            hint = hint_for_no_word(node.value, choices)
        return f"expected one of {', '.join(choices)}; found {found}", hint
    return f"{said}; found {found}", ""


def _literals(expected: str) -> list[str]:
    """pydantic's ``'a', 'b' or 'c'`` as a list."""
    return [part.strip("' ") for part in expected.replace(" or ", ", ").split(", ")]
