"""The JSON Schema of a config file, made from the classes that check it."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from cifarcnn.config.blocks import BLOCK_NAME, PARAMETER_NAME
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.schema import Config

Schema = dict[str, Any]

# Inside a block any value may be one of its parameters.
_PARAMETER: Schema = {"type": "string", "pattern": rf"^\${PARAMETER_NAME}$"}
_CHOICE_WORDS = (
    "augmentation",
    "layer",
    "initializer",
    "regularizer",
    "constraint",
    "optimizer",
    "learning-rate schedule",
)
_BLOCK_NAME = f"^{BLOCK_NAME}$"
_LONGEST_REPEATED = 100  # characters


def config_schema() -> Schema:
    """The schema as plain dicts and lists, in the 2020-12 dialect.

    Editors show the description of every key: the docstrings under the fields.
    """
    schema = Config.model_json_schema(schema_generator=_DescribedSchema)
    shared: Schema = {}
    schema = _share_choices(schema, shared)
    schema["$defs"] |= shared
    for layer in LAYERS:
        properties = schema["$defs"][layer.__name__]["properties"]
        for key, value in properties.items():
            if key not in getattr(layer, "branch_keys", ()):
                properties[key] = _or_parameter(value)
    _add_file_keys(schema)
    _share_keys(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "cifarcnn config",
    }


def _share_choices(part: Any, shared: Schema) -> Any:
    """The same schema with every set of choices defined once, under its word.

    Defaults that are mappings are left out: pydantic writes them without the name that
    was chosen.
    """
    if isinstance(part, list):
        return [_share_choices(item, shared) for item in part]
    if not isinstance(part, dict):
        return part
    part = {
        key: _share_choices(value, shared)
        for key, value in part.items()
        if not (key == "default" and isinstance(value, dict))
    }
    if part.get("title") not in _CHOICE_WORDS or "anyOf" not in part:
        return part
    word = part.pop("title")
    outer = {key: part.pop(key) for key in ("description", "default") if key in part}
    word = word.replace(" ", "-")
    if shared.get(word, part) != part:
        # The filters of a convolution have a few initializers of their own.
        word += "-" + str(len(part["anyOf"][1]["properties"]))
    shared[word] = part
    return {**outer, "$ref": f"#/$defs/{word}"}


def _share_keys(schema: Schema) -> None:
    """Define once what is said several times, of ``clipnorm`` or of Adam and adam."""
    places: dict[str, list[tuple[Schema, str]]] = {}

    def walk(part: Any) -> None:
        if isinstance(part, list):
            part = dict(enumerate(part))
        if isinstance(part, dict):
            for name, inner in part.items():
                if name != "properties":
                    walk(inner)
            for key, value in part.get("properties", {}).items():
                found = places.setdefault(json.dumps(value), [])
                found.append((part["properties"], key))
                if len(found) == 1:
                    walk(value)

    walk(schema)
    shared = schema["$defs"]
    for text, found in places.items():
        if len(found) > 1 and len(text) > _LONGEST_REPEATED:
            mapping, key = found[0]
            name = key if key not in shared else f"{key}-{len(shared)}"
            shared[name] = mapping[key]
            for mapping, key in found:
                mapping[key] = {"$ref": f"#/$defs/{name}"}


def _add_file_keys(schema: Schema) -> None:
    """The keys that are gone once a file is read: extends, blocks and Repeat."""
    names, mapping = schema["$defs"]["layer"]["anyOf"]
    names["anyOf"] = [
        {"enum": names.pop("enum")},
        {"pattern": _BLOCK_NAME},
        {"pattern": _PARAMETER["pattern"]},
    ]
    mapping["properties"]["Repeat"] = {
        "type": "object",
        "description": "The same layers several times, one after the other.",
        "properties": {
            "times": {
                "description": "How many times.",
                **_or_parameter({"type": "integer", "minimum": 1}),
            },
            "layers": {
                "description": "The layers that are repeated.",
                "type": "array",
                "items": {"$ref": "#/$defs/layer"},
            },
        },
        "required": ["times", "layers"],
        "additionalProperties": False,
    }
    mapping["patternProperties"] = {_BLOCK_NAME: {"type": ["object", "null"]}}
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "File or shipped config to start from; what is given here "
        "is laid upon it.",
    }
    schema["properties"]["blocks"] = {
        "type": ["object", "null"],
        "description": "Lists of layers with a name and parameters.",
        "additionalProperties": {
            "type": "object",
            "properties": {
                "parameters": {
                    "type": ["object", "null"],
                    "description": "Defaults by name; null: must be given.",
                },
                "layers": {
                    "description": "The layers, with $name where a parameter goes.",
                    "type": "array",
                    "items": {"$ref": "#/$defs/layer"},
                },
            },
            "required": ["layers"],
            "additionalProperties": False,
        },
    }
    # What extends another file may leave the model out.
    schema.pop("required", None)


def _or_parameter(schema: Schema) -> Schema:
    kept: Schema = {
        key: schema[key] for key in ("description", "default") if key in schema
    }
    rest = {key: value for key, value in schema.items() if key not in (*kept, "title")}
    return {**kept, "anyOf": [rest, _PARAMETER]}


class _DescribedSchema(GenerateJsonSchema):
    """Gives every model its docstring, and every property that under its field.

    pydantic can do so itself, but reads the sources at every start for it: 0.15 s.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        described = super().model_schema(schema)
        for owner in reversed(schema["cls"].__mro__):
            if issubclass(owner, BaseModel) and owner is not BaseModel:
                for key, text in field_docstrings(owner).items():
                    if key in described.get("properties", {}):
                        described["properties"][key]["description"] = text
        if schema["cls"].__doc__:
            described["description"] = inspect.cleandoc(schema["cls"].__doc__)
        return described


def field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The text under each field of one class, by the name of the field."""
    source = inspect.getsource(sys.modules[model.__module__])
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == model.__name__:
            return {
                field.target.id: inspect.cleandoc(text.value.value)
                for field, text in zip(node.body, node.body[1:], strict=False)
                if isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            }
    return {}
