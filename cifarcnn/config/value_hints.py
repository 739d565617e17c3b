"""The way out where a value is not of the kind that is expected."""

from __future__ import annotations

import contextlib
import re

from cifarcnn.config.python_notation import find_python, hint_for_python
from cifarcnn.config.yaml_text import dump_inline
from cifarcnn.config.yaml_tree import SETTING, Node, is_number
from cifarcnn.config.yaml_typos import hint_for_missing_space

_TRUE = ("yes", "y", "on", "1")
_FALSE = ("no", "n", "off", "0")
_NUMBER = r"[0-9]+\.?[0-9]*|\.[0-9]+"
_SHARES = re.compile(r"\w*fraction|rate|label_smoothing|probability")


def hint_for_kind(node: Node, kind: str) -> str:
    """The way out where a value is of another kind than expected; often none.

    Args:
        node: The value.
        kind: What was expected, as pydantic calls it: ``bool_type``.
    """
    value = node.value
    is_setting = node.place.source.name == SETTING
    if value is None and is_setting:
        return "give a value after the ="
    if value is None:
        return "a key without a value is null; give it one, or remove the key"
    if kind == "bool_type":
        word = str(value).lower()
        if word in (*_TRUE, *_FALSE):
            return f"write {'true' if word in _TRUE else 'false'}"
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if kind == "list_type" and isinstance(value, dict) and is_setting:
        members = [{key: inner.plain()} for key, inner in value.items()]
        return f"write {node.path}={dump_inline(members)}"
    if kind == "list_type" and isinstance(value, dict):
        return "begin every item with '- '"
    if "number" in kind or kind.startswith(("int", "float", "finite")):
        return _hint_for_number(node)
    if isinstance(value, str) and (hint := hint_for_text(node)):
        return hint
    of_numbers = node.path.endswith(("epochs", "values"))
    if kind == "list_type" and isinstance(value, int | float if of_numbers else str):
        items = re.split(r"\s*,\s*", value) if isinstance(value, str) else [value]
        return f"write {dump_inline(items)}"
    if kind.startswith("model") or kind == "dict_type":
        return _hint_for_section(node)
    return ""


def hint_for_text(node: Node) -> str:
    """The way out for a text where something else was expected; often none."""
    if not isinstance(node.value, str):
        return ""
    if node.value == "None":
        return "in YAML None is null; write that, or leave the key out"
    if sides := re.fullmatch(r"(\d{1,4}) ?[x×,*] ?(\d{1,4})", node.value):
        return f"write [{sides[1]}, {sides[2]}]"
    python = find_python(node.place)
    return (python and hint_for_python(python)) or hint_for_missing_space(node.value)


def hint_for_no_word(value: object, words: list[str]) -> str:
    """The way out for a value that is no text where one of some words is expected."""
    if value is None:
        return "write linear, or leave it out" if "linear" in words else "leave it out"
    if words == ["valid", "same"] and type(value) is int:
        return "write same for a border that keeps the size of the maps, valid for none"
    return ""


def hint_for_list_without_brackets(key: str, node: Node) -> str:
    """The way out for the 3 of ``{kernel_size: 3, 3}``; nothing for another key."""
    place = node.key_or_place
    before = re.search(r"(\d+),\s*$", place.line_text[: place.column - 1])
    return f"write [{before[1]}, {key}]" if before and key.isdecimal() else ""


def hint_for_share(field: str, value: object, bound: float) -> str:
    """The way out for a share in percent, as in ``Dropout: 50``; else nothing."""
    if not isinstance(value, int | float) or not _SHARES.fullmatch(field):
        return ""
    is_share = 1 < value <= 100 and value == int(value) and value / 100 <= bound
    return f"a share of 1: write {value / 100:g} for {value:g} %" if is_share else ""


def _hint_for_number(node: Node) -> str:
    value = node.value
    if not isinstance(value, str):
        return ""
    if is_number(value):
        return "remove the quotes"
    if percent := re.fullmatch(rf"({_NUMBER}) ?%", value):
        return f"write {float(percent[1]) / 100:g}"
    if parts := re.fullmatch(rf"({_NUMBER}) ?/ ?({_NUMBER})", value):
        if divisor := float(parts[2]):
            return f"write {float(parts[1]) / divisor!r}"
    if power := re.fullmatch(rf"({_NUMBER}) ?(?:\*\*|\^) ?(-?\d{{1,2}})", value):
        with contextlib.suppress(ArithmeticError):  # 0^-1, or too large
            return f"write {float(power[1]) ** int(power[2]):g}"
    return hint_for_text(node)


def _hint_for_section(node: Node) -> str:
    value = node.value
    if node.path.endswith("early_stopping"):
        if value is True:
            return "write early_stopping: {}"
        if type(value) is int and value >= 0:
            return f"write early_stopping: {{patience: {value}}}"
        return "leave it out for none" if value is False else ""
    if node.path == "model" and isinstance(value, list):
        return "list the layers under the key layers, below model"
    return ""
