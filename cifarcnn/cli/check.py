"""``cifarcnn check``: the table of layers and every problem, without TensorFlow."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from cifarcnn.cli.console import print_message, print_raw, print_result
from cifarcnn.cli.options import (
    NamedPath,
    backend_option,
    common,
    device_option,
    set_option,
)
from cifarcnn.cli.tables import align_columns
from cifarcnn.config.layers.base import show
from cifarcnn.config.loading import Checked, check_config
from cifarcnn.config.summary import Row, Summary
from cifarcnn.errors import ConfigError, Problem, UsageError

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.literals import BackendChoice


@click.command("check")
@click.argument(
    "configs",
    metavar="FILE|NAME...",
    type=NamedPath(readable=False),
    nargs=-1,
    required=True,
)
@set_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option(
    "--estimate",
    is_flag=True,
    help="Also do a few steps of the training, of which nothing is kept, and say how "
    "long it will take and how much memory. The pictures are made up: no data set is "
    "needed. Takes some seconds; --device, --backend and --seeds belong to it.",
)
@click.option(
    "--seeds",
    metavar="COUNT|LIST",
    default=None,
    help="As of train: how long all of them take.",
)
@device_option
@backend_option
@common
def command(
    configs: tuple[str, ...],
    settings: tuple[str, ...],
    as_json: bool,
    estimate: bool,
    seeds: str | None,
    device: DeviceChoice,
    backend: BackendChoice | None,
) -> int:
    """Show a config's layers and every mistake in it.

    FILE is a YAML file, NAME a shipped config. Nothing heavy is loaded: the shapes,
    parameters and multiply-accumulates are worked out from the text.
    """
    if estimate:
        if len(configs) > 1:
            raise click.UsageError(
                "--estimate takes one config at a time: the memory that one takes "
                "would be counted to the next."
            )
        from cifarcnn.cli.estimate import check_and_estimate

        return check_and_estimate(
            _check(configs[0], list(settings)), seeds, device, backend, as_json
        )
    if seeds is not None or device != "auto" or backend is not None:
        raise click.UsageError("--seeds, --device and --backend belong to --estimate.")
    results = [_check(config, list(settings)) for config in configs]
    if as_json:
        documents = [describe_as_json(result) for result in results]
        print_raw(
            json.dumps(documents[0] if len(documents) == 1 else documents, indent=2)
        )
    else:
        for result in results:
            print_checked(result)
    return max(0 if result.config else ConfigError.exit_code for result in results)


def _check(config: str, settings: list[str]) -> Checked:
    try:
        return check_config(config, settings, installed=True)
    except UsageError as error:
        # One missing file must not hide the problems of the others.
        return Checked(config, (Problem(config, 1, 1, "", str(error)),))


def describe_as_json(checked: Checked) -> dict[str, Any]:
    """The document of one config."""
    summary = checked.summary
    told = ("file", "line", "column", "path", "message", "hint")
    counted = ("name", "type", "output_shape", "parameters", "macs")
    return {
        "file": checked.file,
        "ok": checked.config is not None,
        "problems": [
            {name: getattr(problem, name) for name in told}
            for problem in checked.problems
        ],
        "layers": [
            {name: getattr(row, name) for name in counted} for row in summary.rows
        ],
        "parameters": summary.parameters,
        "macs": summary.macs,
    }


def print_checked(checked: Checked) -> None:
    """The table of a config, or its problems."""
    if checked.config is None:
        print_message("\n".join(str(problem) for problem in checked.problems))
        count = len(checked.problems)
        print_message(f"{checked.file}: {count} problem{'s' if count != 1 else ''}")
        return
    print_result(f"{checked.file}: no problems\n{_table(checked.summary)}")


def _table(summary: Summary) -> str:
    rows = [
        ("layer", "type", "output", "parameters", "multiply-accumulates"),
        ("images", "Input", show(summary.input_shape), "", ""),
        *(
            (
                _mark(row, before) + row.name,
                row.type,
                show(row.output_shape),
                f"{row.parameters:,}",
                f"{row.macs:,}",
            )
            for before, row in pairwise([None, *summary.rows])
            if row is not None
        ),
        ("total", "", "", f"{summary.parameters:,}", f"{summary.macs:,}"),
    ]
    return align_columns(rows, right=(3, 4))


def _mark(row: Row, before: Row | None) -> str:
    """How a layer is indented: ``- `` where a branch begins, as in the config."""
    known = before.branch if before else ()
    return "".join(
        "  " if row.branch[: level + 1] == known[: level + 1] else "- "
        for level in range(row.depth)
    )
