"""``cifarcnn init``: a shipped config, copied to be changed."""

from __future__ import annotations

import os.path
import re
import shlex
from pathlib import Path

import click

from cifarcnn.cli.console import print_message, print_raw
from cifarcnn.cli.options import common
from cifarcnn.config.shipped import find_shipped, shipped_folder, shipped_names
from cifarcnn.config.spelling import suggest
from cifarcnn.errors import UsageError
from cifarcnn.files import os_error_as_usage_error, write_atomically

_MODELINE = re.compile(r"(?m)^(# yaml-language-server: \$schema=).*$")


@click.command("init")
@click.argument("name")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common
def command(name: str, file: Path | None) -> None:
    """Copy the shipped config NAME to FILE, to start from.

    FILE left out, the copy is called NAME.yaml. An existing file is never replaced.
    """
    source = find_shipped(name)
    if source is None:
        hint = suggest(name.removesuffix(".yaml"), shipped_names())
        raise UsageError(f"there is no shipped config '{name}'; {hint}")
    target = file or Path(f"{name}.yaml")
    if os.path.isdir(target):
        target = target / f"{name}.yaml"
    if os.path.lexists(target):
        raise UsageError(f"'{target}' exists; give another file name")
    if not os.path.isdir(target.parent):
        raise UsageError(f"there is no folder '{target.parent}'")
    schema = shipped_folder() / "config.schema.json"
    text = _MODELINE.sub(
        lambda match: f"{match[1]}{schema}", source.read_text(encoding="utf-8")
    )
    with os_error_as_usage_error(f"'{target}' cannot be written"):
        write_atomically(target, text.encode())
    print_raw(str(target))
    written = shlex.quote(str(target))
    print_message(
        f"next: cifarcnn check {written}, then cifarcnn train --config {written}"
    )
