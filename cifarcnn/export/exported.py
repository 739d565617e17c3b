"""What an export came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cifarcnn.literals import ExportFormat, ExportPrecision


@dataclass(frozen=True)
class Figures:
    """What a network costs and achieves, as Keras has it or as a file.

    Attributes:
        size_bytes: Of the file; of Keras's network that of its weights in float32.
        images_per_second: On the CPU; None where the file's runtime is not here.
        accuracy: Share of the images that it names rightly; None where their classes
            are not known or it learnt from them.
    """

    size_bytes: int
    images_per_second: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Exported:
    """A file, and how it was proven.

    Attributes:
        path: Of the file, or of the folder of a SavedModel.
        example: A short program that uses it; None where it needs none.
        file_format: What it is.
        precision: What its numbers are.
        examples: How many images it was asked about.
        origin: What these are.
        largest_difference: Of a probability, between the file and the network.
        mean_difference: The mean over the images of the largest of each.
        tolerance: What the largest may be; with int8, the mean.
        labels_agreeing: On how many of the images both name the same class.
        load_seconds: From the file to its first answer, the runtime being imported;
            None where that is not here.
        file: What the file costs and achieves.
        network: What the network as Keras has it does.
        notes: What there is to know of the comparison, as sentences.
        warning: That it is less accurate or names other classes, a sentence; or None.
    """

    path: Path
    example: Path | None
    file_format: ExportFormat
    precision: ExportPrecision
    examples: int
    origin: str
    largest_difference: float
    mean_difference: float
    tolerance: float
    labels_agreeing: int
    load_seconds: float | None
    file: Figures
    network: Figures
    notes: tuple[str, ...]
    warning: str | None

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        content = {**vars(self), "path": str(self.path)}
        content["example"] = None if self.example is None else str(self.example)
        for name in ("file", "network"):
            content[name] = {
                after: getattr(content[name], before)
                for before, after in _FIGURE_KEYS.items()
            }
        return {_KEYS.get(name, name): value for name, value in content.items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Exported:
        """From what :meth:`to_dict` gave, after JSON."""
        names = {key: name for name, key in _KEYS.items()}
        given = {names.get(key, key): value for key, value in content.items()}
        for name in ("file", "network"):
            figures = given[name]
            given[name] = Figures(
                **{before: figures[after] for before, after in _FIGURE_KEYS.items()}
            )
        for name in ("path", "example"):
            given[name] = None if given[name] is None else Path(given[name])
        return cls(**{**given, "notes": tuple(given["notes"])})


# Names of attributes that JSON has otherwise.
_KEYS = {"file_format": "format", "origin": "examples_from"}
_FIGURE_KEYS = {
    "size_bytes": "bytes",
    "images_per_second": "pictures_per_second",
    "accuracy": "accuracy",
}
