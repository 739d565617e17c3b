"""The packages that a format needs, looked for before anything is computed."""

from __future__ import annotations

import re

from cifarcnn.errors import RunError
from cifarcnn.installed import find_module, installed_version
from cifarcnn.literals import ExportFormat

# The formats that are written without TensorFlow.
ANY_BACKEND: tuple[ExportFormat, ...] = ("keras", "web")
# The lowest versions that were tried; those of the extra `export` are the same.
_ONNX = {"onnx": "1.17", "tf2onnx": "1.17", "onnxruntime": "1.20"}


def require_packages(file_format: ExportFormat) -> None:
    """See that what writes and reads a format is installed.

    Raises:
        RunError: A package is missing or too old.
    """
    if file_format not in ANY_BACKEND and find_module("tensorflow") is None:
        raise RunError(
            f"Only TensorFlow can write {file_format}, and it is not installed: `pip "
            "install tensorflow` brings it. `--format keras` and `--format web` do "
            "without."
        )
    if file_format == "litert" and find_module("ai_edge_litert") is None:
        raise RunError(
            "litert needs the package ai-edge-litert, which is not installed: `pip "
            "install ai-edge-litert` brings it."
        )
    if file_format == "onnx":
        _require_onnx()


def _require_onnx() -> None:
    found = {name: installed_version(name) for name in _ONNX}
    missing = [name for name, version in found.items() if version is None]
    old = [
        f"{name} {version} is too old, {_ONNX[name]} or newer is needed"
        for name, version in found.items()
        if version is not None and _numbers(version) < _numbers(_ONNX[name])
    ]
    if missing:
        noun, verb = ("package", "is") if len(missing) == 1 else ("packages", "are")
        old.insert(0, f"the {noun} {', '.join(missing)} {verb} not installed")
    if old:
        raise RunError(
            f"onnx cannot be written here: {'; '.join(old)}. `pip install --upgrade "
            "'cifarcnn[export]'` brings what is needed."
        )


def _numbers(version: str) -> list[int]:
    """The numbers of a version's release, such as 1, 17, 0."""
    release = re.match(r"[\d.]*", version)
    return [int(part) for part in release[0].split(".") if part] if release else []
