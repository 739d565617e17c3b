"""The way out where a value is not of the kind that is expected."""

from __future__ import annotations

import contextlib
import re

from cifarcnn.config.keras_names import RESCALED
from cifarcnn.config.python_notation import find_python, hint_for_python
from cifarcnn.config.yaml_text import dump_inline
from cifarcnn.config.yaml_tree import SETTING, Node, is_number
from cifarcnn.config.yaml_typos import hint_for_missing_space

_TRUE = ("yes", "y", "on", "1", "true")
_FALSE = ("no", "n", "off", "0", "false")
_NUMBER = r"[0-9]+\.?[0-9]*|\.[0-9]+"
_LISTS = re.compile("size$|^strides$|^padding$|^dilation_rate$|epochs$|^values$")
_SHARES = re.compile(r"\w*fraction|rate|label_smoothing|probability")


def hint_for_kind(node: Node, kind: str) -> str:
    """The way out where a value is of another kind than expected; often none.

    Args:
        node: The value.
        kind: What was expected, as pydantic calls it: ``bool_type``.
    """
    value = node.value
    is_setting = node.place.source.name == SETTING
    if value is None:
        # {cat:2} is a key alone.
        if hint := hint_for_missing_space(node.path.rpartition(".")[2]):
            return hint
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
    if kind == "list_type" and str(value).lower() in ("none", "no", "false"):
        return "write []"
    if kind == "list_type" and isinstance(value, dict):
        return "begin every item with '- '"
    several = isinstance(value, str) and re.search(r"[, ][\w.]+=", value)
    if is_setting and several:
        return "give each value a --set of its own"
    if "number" in kind or kind.startswith(("int", "float", "finite")):
        return _hint_for_no_number(node) or hint_for_number(node)
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
    if node.path == "training.class_weights" and isinstance(node.value, list):
        return "name the classes, such as {cat: 2}; the weight of the others is 1"
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
    if value == 16 and "mixed_float16" in words:
        return "write auto, or mixed_float16"
    if words == ["valid", "same"] and type(value) is int:
        return "write same for a border that keeps the size of the maps, valid for none"
    return ""


def hint_for_list_without_brackets(key: str, node: Node) -> str:
    """The way out for the 3 of ``{kernel_size: 3, 3}``; nothing for another key."""
    place = node.key_or_place
    text = place.line_text[: place.column - 1]
    before = re.search(r"(\w+): *(\d+),\s*$", text)
    if before is None or not key.isdecimal():
        return ""
    if not _LISTS.search(before[1]):
        return f"write {_join_digits(before[2], key)}" if text[-1] == "," else ""
    return f"write [{before[2]}, {key}]"


def hint_for_share(field: str, value: object, bound: float) -> str:
    """The way out for a share in percent, as in ``Dropout: 50``; else nothing."""
    if not isinstance(value, int | float) or not _SHARES.fullmatch(field):
        return ""
    is_share = 1 < value <= 100 and value == int(value) and value / 100 <= bound
    return f"a share of 1: write {value / 100:g} for {value:g} %" if is_share else ""


def hint_for_number(node: Node) -> str:
    """The way out for a text where a number was expected; often none."""
    value = node.value
    if isinstance(value, float) and value.is_integer():
        return f"write {value:.0f}"
    if not isinstance(value, str):
        return ""
    if too_much := re.fullmatch(rf"({_NUMBER}) ?[,;f]", value):
        return f"write {too_much[1]}"
    if is_number(value):
        return "remove the quotes"
    if percent := re.fullmatch(rf"({_NUMBER}) ?%", value):
        return f"write {float(percent[1]) / 100:g}"
    if comma := re.fullmatch(r"(\d+)[,_](\d+)", value):
        return f"write {_join_digits(comma[1], comma[2])}"
    if parts := re.fullmatch(rf"({_NUMBER}) ?/ ?({_NUMBER})", value):
        if float(parts[2]) in (127.5, 255) and "Rescaling" in node.path:
            return RESCALED
        if divisor := float(parts[2]):
            return f"write {float(parts[1]) / divisor!r}"
    if power := re.fullmatch(rf"({_NUMBER}) ?(?:\*\*|\^) ?(-?\d{{1,2}})", value):
        with contextlib.suppress(ArithmeticError):  # 0^-1, or too large
            return f"write {float(power[1]) ** int(power[2]):g}"
    return hint_for_text(node)


def _hint_for_no_number(node: Node) -> str:
    """The way out for a schedule or a list in the place of a number."""
    value = node.value
    is_schedule = isinstance(value, dict) or re.search("Decay|LR", str(value))
    if node.path.endswith("learning_rate") and is_schedule:
        return (
            "a schedule stands beside the optimizer: learning_rate_schedule: "
            "CosineDecay in training, say"
        )
    if node.path.endswith("StepDecay.factor") and isinstance(value, list):
        return (
            "a rate of its own for each stretch: write PiecewiseConstantDecay: "
            "{at_epochs: [30, 60], values: [0.1, 0.05, 0.03]}"
        )
    return ""


def _join_digits(before: str, after: str) -> str:
    """``0,001`` as a decimal fraction, ``1,024`` as a whole number."""
    is_whole = len(after) == 3 and before != "0"
    return before + after if is_whole else f"{before}.{after}"


def _hint_for_section(node: Node) -> str:
    value = node.value
    if isinstance(value, str) and (found := re.fullmatch(r"(\w+)\s+(\S+)", value)):
        return f"put a colon after {found[1]}: {found[1]}: {found[2]}"
    if node.path.endswith("early_stopping"):
        if value is True:
            return "write early_stopping: {}"
        if type(value) is int and value >= 0:
            return f"write early_stopping: {{patience: {value}}}"
        return "leave it out for none" if value is False else ""
    if node.path == "model" and isinstance(value, list):
        return "list the layers under the key layers, below model"
    return ""
