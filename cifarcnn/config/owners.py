"""Which model of the schema reads the mapping at a place of a config."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, get_args

from pydantic import BaseModel

from cifarcnn.config.named_choice import NamedChoice
from cifarcnn.config.schema import Config


def known_keys(owner: type[BaseModel]) -> Iterable[str]:
    """The keys that a mapping may have."""
    # Two keys of a file are gone once it is read.
    return [*owner.model_fields, *(("extends", "blocks") if owner is Config else ())]


def find_owner(loc: Sequence[str | int]) -> type[BaseModel]:
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
