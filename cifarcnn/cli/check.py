"""``cifarcnn check``: the table of layers and every mistake, without TensorFlow."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from cifarcnn.cli.console import print_message, print_raw, print_result
from cifarcnn.cli.options import common, set_option
from cifarcnn.cli.tables import align_columns
from cifarcnn.config.layers.base import show
from cifarcnn.config.loading import Checked, check_config
from cifarcnn.config.summary import INPUT_SHAPE, Summary
from cifarcnn.errors import Problem, UsageError

WRONG_CONFIG = 2


@click.command("check")
@click.argument("configs", metavar="FILE|NAME...", nargs=-1, required=True)
@set_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@common
def command(configs: tuple[str, ...], settings: tuple[str, ...], as_json: bool) -> int:
    """Show a config's layers and every mistake in it.

    FILE is a YAML file, NAME a shipped config. Nothing heavy is loaded: the shapes,
    parameters and multiply-accumulates are worked out from the text.
    """
    results = [_check(config, list(settings)) for config in configs]
    if as_json:
        documents = [_document(result) for result in results]
        print_raw(
            json.dumps(documents[0] if len(documents) == 1 else documents, indent=2)
        )
    else:
        for result in results:
            _print(result)
    return 0 if all(result.config is not None for result in results) else WRONG_CONFIG


def _check(config: str, settings: list[str]) -> Checked:
    try:
        return check_config(config, settings)
    except UsageError as error:
        # One missing file must not hide what is wrong with the others.
        return Checked(
            config, None, Summary(), (Problem(config, 1, 1, "", str(error)),)
        )


def _document(checked: Checked) -> dict[str, Any]:
    return {
        "file": checked.file,
        "ok": checked.config is not None,
        "problems": [
            {
                key: value
                for key, value in asdict(problem).items()
                if key not in ("text", "caret")
            }
            for problem in checked.problems
        ],
        "layers": [
            {
                "name": row.name,
                "type": row.type,
                "output_shape": list(row.output_shape),
                "parameters": row.parameters,
                "macs": row.macs,
            }
            for row in checked.summary.rows
        ],
        "parameters": checked.summary.parameters,
        "macs": checked.summary.macs,
    }


def _print(checked: Checked) -> None:
    if checked.config is None:
        print_message("\n".join(str(problem) for problem in checked.problems))
        count = len(checked.problems)
        print_message(f"{checked.file}: {count} problem{'s' if count != 1 else ''}")
        return
    print_result(_table(checked))


def _table(checked: Checked) -> str:
    summary = checked.summary
    rows = [("layer", "type", "output", "parameters", "multiply-accumulates")]
    rows.append(("images", "Input", show(INPUT_SHAPE), "", ""))
    for row in summary.rows:
        indent = "  " * row.depth
        rows.append(
            (
                indent + row.name,
                row.type,
                show(row.output_shape),
                f"{row.parameters:,}",
                f"{row.macs:,}",
            )
        )
    rows.append(("total", "", "", f"{summary.parameters:,}", f"{summary.macs:,}"))
    return f"{checked.file}: no problems\n{align_columns(rows, right=(3, 4))}"
