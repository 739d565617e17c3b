"""Strict models, and values that are chosen by name from a closed set.

A config writes a choice as its bare name or as a name with arguments::

    Flatten
    {Conv2D: {filters: 32, kernel_size: 3}}
    {Dropout: 0.5}                     # the one argument that matters, by itself

Each name is a class here; nothing outside the set can be named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import PydanticCustomError, core_schema

from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_tree import cut, quote

# Under which other programs' files write the name of a choice.
NAME_KEYS = frozenset({"name", "type", "class_name", "class", "identifier", "_target_"})


class Strict(BaseModel):
    """A mapping of known keys, each of its exact type; numbers are finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )


class Choice(Strict):
    """One member of a closed set; the class is named as the config names it."""

    # The argument that may be given by itself, as in ``Dropout: 0.5``.
    shorthand: ClassVar[str | None] = None

    @property
    def type(self) -> str:
        """The name that the config uses."""
        return type(self).__name__

    def arguments(self) -> dict[str, Any]:
        """The fields by name, as they are."""
        return {field: getattr(self, field) for field in type(self).model_fields}

    @classmethod
    def required(cls) -> list[str]:
        """The names of the arguments that must be given."""
        return [name for name, info in cls.model_fields.items() if info.is_required()]


class NamedChoice:
    """Annotation of a union of choices: reads the two ways of writing one.

    Args:
        word: What such a value is called in messages, such as ``layer``.
        choices: The classes of the set.
        short: Gives Keras's short spelling, such as ``he_normal``, for a name that may
            also be written like that.
    """

    def __init__(
        self,
        word: str,
        *choices: type[Choice],
        short: Callable[[str], str] | None = None,
    ) -> None:
        self.word = word
        self.by_name = {choice.__name__: choice for choice in choices}
        # Every way to write a name of the set.
        self.by_spelling = {**self.by_name}
        if short is not None:
            self.by_spelling |= {short(name): c for name, c in self.by_name.items()}

    def __iter__(self) -> Iterator[type[Choice]]:
        return iter(self.by_name.values())

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        branches: dict[Any, core_schema.CoreSchema] = {
            name: core_schema.no_info_before_validator_function(
                partial(_read_arguments, choice), handler.generate_schema(choice)
            )
            for name, choice in self.by_name.items()
        }
        return core_schema.no_info_before_validator_function(
            self._check, core_schema.tagged_union_schema(branches, self._name_of)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Bare names, or an object with one of the names as its only key."""
        # This annotation itself, and other validators, wrapped the union in functions,
        # and each branch in one.
        union = cast(Any, schema)
        while "choices" not in union:
            union = union["schema"]
        forms: dict[str, Any] = {}
        for name, choice in self.by_name.items():
            form = [handler(union["choices"][name]["schema"])]
            if not choice.required():
                form.append({"type": "null"})
            if choice.shorthand is not None:
                form.append({"type": ["number", "string", "array", "integer"]})
            forms[name] = {"anyOf": form} if len(form) > 1 else form[0]
        spellings = self.by_spelling.items()
        bare = [text for text, choice in spellings if not choice.required()]
        return {
            "title": self.word,
            "anyOf": [
                {"type": "string", "enum": bare},
                {
                    "type": "object",
                    "properties": {text: forms[c.__name__] for text, c in spellings},
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ],
        }

    def _name_of(self, value: Any) -> str | None:
        if isinstance(value, Choice):
            return value.type
        if isinstance(value, dict) and len(value) == 1:
            [value] = value
        if not isinstance(value, str):
            return None
        return self.by_spelling[value].__name__ if value in self.by_spelling else value

    def _check(self, value: Any) -> Any:
        name = self._name_of(value)
        if name in self.by_name:
            return value
        if name is None or (isinstance(value, dict) and name in NAME_KEYS):
            message = (
                f"expected one {self.word}, as its name or as "
                f"{{Name: {{argument: value}}}}, found {describe(value)}"
            )
        else:
            message = f"there is no {self.word} {quote(name)}"
        # The way out needs the place, and the other sets.
        context = {"message": message, "name": name, "known": list(self.by_name)}
        raise PydanticCustomError("unknown_choice", "{message}", context)


def _read_arguments(choice: type[Choice], value: Any) -> Any:
    """What stands under the name of a choice, as a mapping."""
    if isinstance(value, Choice):
        return value
    inner = next(iter(value.values())) if isinstance(value, dict) else None
    if inner is None or isinstance(inner, dict):
        return inner or {}
    if choice.shorthand is not None:
        return {choice.shorthand: inner}
    # Those that it needs, or any.
    others = [name for name in choice.model_fields if name != "name"]
    shown = choice.required() or others[:1]
    listed = ", ".join(f"{name}: ..." for name in shown)
    raise problem(
        f"expected the arguments of {choice.__name__} as a mapping, "
        f"found {describe(inner)}",
        f"such as {choice.__name__}: {{{listed}}}"
        if listed
        else f"{choice.__name__} takes no arguments",
    )


def problem(message: str, hint: str = "", *at: str | int) -> PydanticCustomError:
    """A problem with its way out, raised from inside a validator.

    Args:
        message: What was found and expected.
        hint: The way out.
        at: The way to the guilty value, from the one that is being validated.
    """
    # Braces would be read as places for values.
    return PydanticCustomError(
        "problem", "{message}", {"message": message, "hint": hint, "at": at}
    )


def name_or_mapping(value: Any) -> str:
    """The tag of a union of both; without tags, each gives a problem of its own."""
    return "mapping" if isinstance(value, dict | BaseModel) else "name"


def expect_name(names: Sequence[str], expected: str) -> BeforeValidator:
    """Refuses what is neither one of the names nor a mapping.

    Args:
        names: The names.
        expected: Both, as a message has it.
    """

    def check(value: Any) -> Any:
        if name_or_mapping(value) == "mapping" or value in names:
            return value
        raise problem(
            f"expected {expected}, found {describe(value)}",
            suggest(value, names) if isinstance(value, str) else "",
        )

    return BeforeValidator(check)


def expect_pair(written: Any, expected: str) -> BeforeValidator:
    """Takes two values as they are, and one for both.

    Args:
        written: The type that stands in a config: one of them or two.
        expected: The same, as a message has it.
    """

    def to_pair(value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return (value, value)
        if isinstance(value, list | tuple) and len(value) == 2:
            return tuple(value)
        raise problem(f"expected {expected}, found {describe(value)}")

    return BeforeValidator(to_pair, json_schema_input_type=written)


def describe(value: object) -> str:
    """A plain value as a message quotes it."""
    if isinstance(value, dict):
        keys = [cut(str(key), 20) for key in list(value)[:5]]
        more = ["..."] if len(value) > 5 else []
        return f"a mapping of {', '.join(keys + more)}" if keys else "an empty mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    return quote(value)


def snake_case(name: str) -> str:
    """``MaxPooling2D`` as ``max_pooling2d``, as Keras names its layers."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def external(value: Any) -> Any:
    """A checked value back in the form that a config is written in."""
    if isinstance(value, Choice):
        return {value.type: external(value.arguments())}
    if isinstance(value, BaseModel):
        return {
            field: external(getattr(value, field)) for field in type(value).model_fields
        }
    if isinstance(value, dict):
        return {key: external(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [external(inner) for inner in value]
    return value
