"""A config to start from for a folder of one's own images, as YAML text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from cifarcnn.config.shipped import shipped_folder
from cifarcnn.config.yaml_text import dump_inline

# Height and width that pictures get, from the largest that their own size allows on.
_SIZES = (128, 96, 64, 48, 32)
_SMALLEST_SIZE = 8
# From this size on the first convolution halves the maps, or it would take most of all.
_HALVED_FROM = 48
# The maps are halved until they have no more rows than that.
_LAST_ROWS = 7
_MOST_FILTERS = 256
# Multiply-accumulates of all pictures in five minutes of two cores, by what
# benchmarks/results/ has of `article`: a step takes three times those of a prediction.
_MOST_MACS = 5e12
_EPOCHS = (5, 40)
# From this ratio of the largest class to the smallest on, they are called uneven.
UNEVEN = 5

_TEXT = """\
# yaml-language-server: $schema={schema}
#
# {class_count:,} classes of pictures in {path}: a small network to start from.
#
# Written by `cifarcnn init --from-folder`, for {image_count:,} pictures.
# docs/config.md explains every key, docs/folder.md what to try next.
#
#     cifarcnn train --config {file}

name: {name}
data:
  dataset: folder
  path: {path}
  image_size: {size}  # height and width that every picture is brought to
  normalization: standard
  augmentation:
    - RandomFlip  # left for right; take it out where that changes the class
    - RandomTranslation: {{pixels: {shift}, fill: reflect}}
blocks:
  convolution:
    parameters: {{filters: null, strides: 1}}
    layers:
      - Conv2D:
          filters: $filters
          kernel_size: 3
          strides: $strides
          padding: same
          use_bias: false
          kernel_initializer: HeNormal
      - BatchNormalization: {{momentum: 0.9}}
      - Activation: relu
model:
  layers:
{layers}
    - GlobalAveragePooling2D
    - Dropout: {{rate: 0.2}}
    - Dense: {{units: {class_count}, activation: softmax}}  # one for each class
training:
  epochs: {epochs}
  batch_size: {batch_size}
  optimizer: {{AdamW: {{learning_rate: 0.002, weight_decay: 0.05}}}}
  learning_rate_schedule: {{CosineDecay: {{warmup_epochs: 1}}}}
{class_weights}"""


def write_folder_config(
    path: str, file: str, class_counts: Mapping[str, int], short_side: int
) -> str:
    """The text of a config that fits the images, with comments.

    Args:
        path: The folder, as a config names it.
        file: Where the text will lie.
        class_counts: How many training images each class has.
        short_side: Of an ordinary one, in pixels.
    """
    count = sum(class_counts.values())
    size = _choose_size(short_side, count)
    few, many = min(class_counts.values()), max(class_counts.values())
    class_weights = ""
    if many >= UNEVEN * few:
        remark = f"# a class has {few:,} to {many:,} pictures"
        class_weights = f"  class_weights: balanced  {remark}\n"
    least, most = _EPOCHS
    return _TEXT.format(
        schema=shipped_folder() / "config.schema.json",
        class_count=len(class_counts),
        image_count=count,
        path=_as_scalar(_as_path(path)),
        file=file,
        name=_as_scalar(run_name(path)),
        size=size,
        shift=max(1, size // 10),
        layers="\n".join(f"    - {line}" for line in _layers(size)),
        epochs=min(most, max(least, int(_MOST_MACS / (_macs(size) * count)))),
        # Some 64 steps an epoch, where there are so many pictures.
        batch_size=min(128, max(8, 2 ** ((count // 64).bit_length() - 1))),
        class_weights=class_weights,
    )


def run_name(path: str) -> str:
    """What runs on the images of a folder are called: as it is, as far as that goes."""
    name = Path(path).resolve().name.removesuffix(".csv")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("._-")
    return name[:60] or "pictures"


def _as_path(path: str) -> str:
    """As a config takes it, where it begins like a variable, an address or null."""
    strange = re.match(r"[$%~]|[A-Za-z][A-Za-z0-9+.-]*:|None$", path)
    return f"./{path}" if strange else path


def _as_scalar(text: str) -> str:
    """In one line of YAML, which also knows JSON's strings."""
    return dump_inline(text) if text.isprintable() else json.dumps(text)


def _choose_size(short_side: int, count: int) -> int:
    if short_side < min(_SIZES):
        return max(_SMALLEST_SIZE, short_side // 4 * 4)
    fitting = [size for size in _SIZES if size <= short_side]
    affordable = (s for s in fitting if _EPOCHS[0] * _macs(s) * count <= _MOST_MACS)
    return next(affordable, fitting[-1])


def _layers(size: int) -> list[str]:
    lines = []
    for number, (_, filters) in enumerate(_convolutions(size)):
        if number:
            lines.append("MaxPooling2D")
        strides = ", strides: 2" if size >= _HALVED_FROM and not number else ""
        lines.append(f"convolution: {{filters: {filters}{strides}}}")
    return lines


def _convolutions(size: int) -> list[tuple[int, int]]:
    """Rows of the maps after each, and filters."""
    rows, filters = size // 2 if size >= _HALVED_FROM else size, 32
    found = [(rows, filters)]
    while rows > _LAST_ROWS:
        rows, filters = rows // 2, min(2 * filters, _MOST_FILTERS)
        found.append((rows, filters))
    return found


def _macs(size: int) -> int:
    """Multiply-accumulates of the convolutions for one image."""
    total, channels = 0, 3
    for rows, filters in _convolutions(size):
        total += rows * rows * 9 * channels * filters
        channels = filters
    return total
