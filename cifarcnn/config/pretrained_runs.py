"""``Pretrained: {run: runs/big-1}``: the layers of a finished run, written out.

They become part of the config, with what the pictures were normalized by, so that the
new run can be built again when the old one is gone. Its weights are read only at the
start of a training.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cifarcnn.config.layers import flatten_layers
from cifarcnn.config.layers.base import Layer
from cifarcnn.config.layers.run_layers import walk_shapes
from cifarcnn.config.named_choice import external
from cifarcnn.config.schema import Config
from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_text import dump, parse
from cifarcnn.config.yaml_tree import SETTING, Node, quote
from cifarcnn.errors import ConfigError, Problem

_KIND = "Pretrained"
# Of a run, as in ``runs``, which stands above this part.
_CONFIG, _METRICS = "config.yaml", "metrics.json"
_SHIPPED = Path(__file__).resolve().parent.parent / "shipped_runs"

# From the folder of a run to its config.
ReadConfig = Callable[[Path], Config]


def write_out_runs(root: Node, read: ReadConfig) -> tuple[Node, list[Problem]]:
    """The tree of a config with the layers of the runs that it names.

    Args:
        root: With its layers unfolded. Where the layers of a run stand beside its name
            already, as in the config of a run, it is not looked at.
        read: Reads the checked config of a file; raises ``ConfigError``.

    Returns:
        The tree, and what is wrong with the runs.
    """
    problems: list[Problem] = []

    def visit(node: Node) -> Node:
        value = node.value
        if isinstance(value, list):
            return replace(node, value=[visit(item) for item in value])
        if not isinstance(value, dict):
            return node
        members = {key: visit(item) for key, item in value.items()}
        arguments = members.get(_KIND)
        if (
            arguments is not None
            and isinstance(arguments.value, dict)
            and _names_run(arguments)
        ):
            try:
                members[_KIND] = _write_out(arguments, arguments.value["run"], read)
            except ConfigError as error:
                problems.extend(error.problems)
        return replace(node, value=members)

    model = root.child("model")
    if model is None or not isinstance(root.value, dict):
        return root, []
    return replace(root, value=root.value | {"model": visit(model)}), problems


def _names_run(arguments: Node) -> bool:
    run, layers = arguments.child("run"), arguments.child("layers")
    if run is None or not isinstance(run.value, str):
        return False
    # Another run that was set later is read.
    return layers is None or layers.place.source != run.place.source


def _write_out(arguments: Node, run: Node, read: ReadConfig) -> Node:
    """The arguments of ``Pretrained`` with all that is to be known of the run.

    Raises:
        ConfigError: It is no finished run, or has no layer of that name.
    """
    wanted = arguments.child("up_to")
    folder = _find_folder(run)
    try:
        config = read(folder / _CONFIG)
    except ConfigError as error:
        first = error.problems[0]
        message = f"{first.file}:{first.line} cannot be used: {first.message}"
        raise run.place.error(run.path, message, first.hint) from None
    layers = config.model.layers
    if wanted is None or wanted.value is None:
        end = _last_with_maps(config, run)
    else:
        end = _find_layer(layers, wanted)
    plain: dict[str, object] = {
        "run": str(folder),
        "up_to": layers[end].name,
        "layers": external(layers[: end + 1]),
        "normalization": external(config.data.normalization),
        "input_shape": list(config.image_shape),
    }
    # Their places are those of the run's name: nothing else in the file is to blame.
    written = {
        key: _at(parse(dump(value), run.place.source.name), run)
        for key, value in plain.items()
    }
    members = arguments.value if isinstance(arguments.value, dict) else {}
    return replace(arguments, value=members | written)


def _at(node: Node, other: Node) -> Node:
    value = node.value
    if isinstance(value, dict):
        value = {key: _at(item, other) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_at(item, other) for item in value]
    return Node(value, other.place, other.path, other.key)


def _find_folder(run: Node) -> Path:
    """The folder that is meant: beside the config, from here, or a shipped one.

    Raises:
        ConfigError: There is none, it is no run, or its training is not finished.
    """
    name = os.path.expanduser(str(run.value))
    source = run.place.source.name
    beside = "" if source == SETTING else os.path.dirname(source)
    places = [os.path.join(beside, name), name]
    if os.path.basename(name) == name:
        places.append(str(_SHIPPED / name))
    for path in places:
        if name and os.path.isdir(path):
            break
    else:
        raise run.place.error(
            run.path,
            f"there is no folder {quote(run.value)}",
            "name the folder of a finished run, such as runs/article-1",
        )
    # A link such as runs/latest will name another one tomorrow.
    folder = Path(os.path.realpath(path))
    if not os.path.isfile(folder / _CONFIG):
        message = f"{quote(run.value)} is not the folder of a run: it has no {_CONFIG}"
        raise run.place.error(run.path, message)
    if not os.path.isfile(folder / _METRICS):
        raise run.place.error(
            run.path,
            f"the training of {quote(run.value)} is not finished",
            f"finish it with: cifarcnn train --resume {run.value}",
        )
    return folder


def _last_with_maps(config: Config, run: Node) -> int:
    """The place of the last layer that gives maps, as of ``include_top=False``."""
    layers = config.model.layers
    for end in reversed(range(len(layers))):
        if len(walk_shapes(layers[: end + 1], config.image_shape)[0]) == 3:
            return end
    raise run.place.error(
        run.path,
        f"no layer of {quote(run.value)} gives maps (height, width, channels)",
        f"name the last layer to take, such as up_to: {layers[0].name}",
    )


def _find_layer(layers: Sequence[Layer], wanted: Node) -> int:
    names = [layer.name for layer in layers]
    if wanted.value in names:
        return names.index(str(wanted.value))
    for layer in layers:
        inside = [found.name for found in flatten_layers([layer])]
        if wanted.value in inside:
            raise wanted.place.error(
                wanted.path,
                f"the layer {quote(wanted.value)} lies in a branch of {layer.name}",
                f"use up_to: {layer.name}",
            )
    raise wanted.place.error(
        wanted.path,
        f"the run has no layer {quote(wanted.value)}",
        suggest(str(wanted.value), names),
    )
