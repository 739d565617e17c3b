"""What a plain word of YAML means: the core schema of YAML 1.2.2, section 10.3.2."""

from __future__ import annotations

import re

from cifarcnn.config.yaml_tree import Scalar

LONGEST_NUMBER_DIGITS = 40

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def resolve(text: str) -> Scalar:
    """What a plain scalar means by the core schema of YAML 1.2.

    Raises:
        ValueError: A whole number has more than 40 digits.
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        if len(text) > LONGEST_NUMBER_DIGITS:
            raise ValueError(f"a number of {len(text)} digits")
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        kind = "nan" if text.lower() == ".nan" else f"{infinite[1] or ''}inf"
        return float(kind)
    return text


def is_number(text: str) -> bool:
    """Whether ``resolve`` would make a number of it, infinities aside."""
    return bool(_INT.fullmatch(text) or _FLOAT.fullmatch(text))
