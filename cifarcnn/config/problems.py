"""What the schema finds in a config, as problems in plain sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ValidationError

from cifarcnn.config.named_choice import Choice, NamedChoice, nearest, suggest
from cifarcnn.config.schema import SPELLINGS, Config
from cifarcnn.config.yaml_tree import Node, is_number, join, quote
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
        (*item["loc"][:-1], _nearest(item["loc"]))
        for item in items
        if item["type"] == "extra_forbidden"
    }
    return [
        _to_problem(item, root)
        for item in items
        if item["type"] != "missing" or item["loc"] not in meant
    ]


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


def _nearest(loc: Sequence[str | int]) -> str | None:
    """The key that is meant by the unknown one at the end of a pydantic location."""
    return nearest(str(loc[-1]), _known_keys(_owner(loc[:-1])))


def _to_problem(item: Any, root: Node) -> Problem:
    kind, loc = item["type"], item["loc"]
    context = item.get("ctx", {})
    node = locate(root, (*loc, *context.get("at", ())))
    if kind == "missing":
        owner = _owner(loc[:-1])
        name = owner.__name__
        if not issubclass(owner, Choice):
            name = "the config" if owner is Config else str(loc[-2])
        path = join(node.path, loc[-1])
        return node.key_or_place.problem(path, f"{name} needs '{loc[-1]}'")
    if kind == "extra_forbidden":
        owner = _owner(loc[:-1])
        what = "there is no key"
        if issubclass(owner, Choice):
            what = f"{owner.__name__} has no argument"
        message = f"{what} {quote(str(loc[-1]))}"
        hint = suggest(str(loc[-1]), _known_keys(owner))
        return node.key_or_place.problem(node.path, message, hint)
    message, hint = _wording(kind, context, item["msg"], node)
    return node.place.problem(node.path, message, hint)


def _wording(kind: str, context: Any, said: str, node: Node) -> tuple[str, str]:
    found = node.describe()
    if kind == "problem":
        return context["message"], context["hint"]
    if kind in _EXPECTED:
        hint = ""
        if isinstance(node.value, str) and "number" in _EXPECTED[kind]:
            hint = "remove the quotes" if is_number(node.value) else ""
        elif kind == "list_type" and isinstance(node.value, dict):
            hint = "begin every item with '- '"
        elif node.value is None:
            hint = "a key without a value is null; give it one, or remove the key"
        return f"expected {_EXPECTED[kind]}, found {found}", hint
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        bound = context[key]
        bound = int(bound) if bound == int(bound) else bound
        return f"expected a number {words} {bound}, found {found}", ""
    if kind in _LENGTHS:
        bound = context[_LENGTHS[kind]]
        words = "at least" if kind == "too_short" else "at most"
        items = "item" if bound == 1 else "items"
        found = context["actual_length"]
        return f"expected {words} {bound} {items}, found {found}", ""
    if kind == "literal_error":
        choices = _literals(context["expected"])
        near = nearest(node.value, choices) if isinstance(node.value, str) else None
        hint = f"did you mean {near}?" if near else ""
        return f"expected one of {', '.join(choices)}; found {found}", hint
    return f"{said}; found {found}", ""


def _literals(expected: str) -> list[str]:
    """pydantic's ``'a', 'b' or 'c'`` as a list."""
    return [part.strip("' ") for part in expected.replace(" or ", ", ").split(", ")]


def _known_keys(owner: type[BaseModel]) -> Iterable[str]:
    # Two keys of a file are gone once it is read.
    return [*owner.model_fields, *(("extends", "blocks") if owner is Config else ())]


def _owner(loc: Sequence[str | int]) -> type[BaseModel]:
    """The model that the mapping at a pydantic location is read by."""
    owner: type[BaseModel] = Config
    parts: list[Any] = [Config]
    for step in loc:
        for part in parts:
            if isinstance(part, NamedChoice):
                if step in part.by_name:
                    parts = [part.by_name[str(step)]]
                    break
            elif step in part.model_fields:
                field = part.model_fields[step]
                parts = _parts(Annotated[field.annotation, *field.metadata, None])
                break
        owner = next((part for part in parts if isinstance(part, type)), owner)
    return owner


def _parts(annotation: Any) -> list[Any]:
    """The models and sets of choices in an annotation, through lists and unions."""
    choices = [
        extra
        for extra in getattr(annotation, "__metadata__", ())
        if isinstance(extra, NamedChoice)
    ]
    if choices or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return choices or [annotation]
    return [part for inner in get_args(annotation) for part in _parts(inner)]
