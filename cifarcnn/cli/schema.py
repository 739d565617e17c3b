"""``cifarcnn schema``: what an editor needs to complete and check a config."""

from __future__ import annotations

import json

import click

from cifarcnn.cli.console import print_raw
from cifarcnn.cli.options import common


@click.command("schema")
@common
def command() -> None:
    """Print the JSON Schema of the config, for editors.

    Editors with the YAML language server use it for files that begin with
    "# yaml-language-server: $schema=FILE", as the shipped configs do.
    """
    from cifarcnn.config.json_schema import config_schema

    print_raw(json.dumps(config_schema(), separators=(",", ":")))
