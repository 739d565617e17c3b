"""``cifarcnn data``: the data set on this machine."""

from __future__ import annotations

import click

from cifarcnn.cli import data_fetch, data_import, data_show
from cifarcnn.cli.options import common


@click.group("data")
@common
def command() -> None:
    """The data set on this machine: bring it, bring your own copy, look at it."""


for _part in (data_fetch, data_import, data_show):
    command.add_command(_part.command)
