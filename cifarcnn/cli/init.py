"""``cifarcnn init``: a config to start from, shipped or for one's own pictures."""

from __future__ import annotations

import json
import os.path
import re
from pathlib import Path

import click

from cifarcnn.cli.console import print_message, print_raw, print_result, printable
from cifarcnn.cli.options import NamedPath, common
from cifarcnn.cli.shell_words import quote_path
from cifarcnn.cli.tables import format_table
from cifarcnn.config.loading import check_config
from cifarcnn.config.shipped import (
    find_shipped,
    read_headline,
    shipped_files,
    shipped_folder,
    suggest_shipped,
)
from cifarcnn.errors import UsageError
from cifarcnn.files import os_error_as_usage_error, write_atomically

_MODELINE = re.compile(r"(?m)^(# yaml-language-server: \$schema=).*$")


@click.command("init")
@click.argument("name", metavar="NAME", required=False, type=NamedPath())
@click.argument("file", required=False, type=NamedPath(path_type=Path))
@click.option(
    "--from-folder",
    "folder",
    type=NamedPath(),
    metavar="DIR",
    help="Write a config that fits your own pictures, in a folder for each class.",
)
@click.option("--list", "as_list", is_flag=True, help="Show all shipped configs.")
@click.option("--json", "as_json", is_flag=True, help="The list as one JSON document.")
@click.pass_context
@common
def command(
    context: click.Context,
    name: str | None,
    file: Path | None,
    folder: str | None,
    as_list: bool,
    as_json: bool,
) -> None:
    """Copy the shipped config NAME to FILE, to start from.

    FILE left out, the copy is called NAME.yaml. An existing file is never replaced.
    With --from-folder the first argument is FILE, and there is no NAME.
    """
    if folder is not None:
        if as_list or as_json or file is not None:
            raise UsageError("--from-folder takes FILE alone, and no other option")
        _write_for_folder(folder, None if name is None else Path(name))
    elif as_list or as_json:
        if name is not None:
            raise UsageError("--list shows all configs: leave out NAME, or --list")
        _print_list(as_json)
    elif name is None:
        raise click.MissingParameter(
            ctx=context, param_type="argument", param_hint="'NAME'"
        )
    else:
        _copy(name, file)


def _print_list(as_json: bool) -> None:
    rows = []
    for name, path in shipped_files().items():
        summary = check_config(path).summary
        rows.append((name, summary.parameters, summary.macs, read_headline(path)))
    keys = ("name", "parameters", "macs", "description")
    if as_json:
        documents = [dict(zip(keys, row, strict=True)) for row in rows]
        print_raw(json.dumps(documents, indent=2))
        return
    shown = [
        (name, f"{count:,}", f"{macs:,}", text) for name, count, macs, text in rows
    ]
    headings = ("config", "parameters", "multiply-accumulates", "what it is")
    print_result(format_table(headings, shown, numbers=2))


def _copy(name: str, file: Path | None) -> None:
    source = find_shipped(name)
    if source is None and os.path.isdir(name):
        raise UsageError(
            f"'{name}' is a folder and no config; to write one for the pictures in it "
            f"call: cifarcnn init --from-folder {quote_path(name)}"
        )
    if source is None:
        raise UsageError(
            f"there is no shipped config '{name}'; {suggest_shipped(name)}"
        )
    target = _free_target(file, source.name)
    schema = shipped_folder() / "config.schema.json"
    text = _MODELINE.sub(
        lambda match: f"{match[1]}{schema}", source.read_text(encoding="utf-8")
    )
    _write(target, text)
    print_raw(str(target))
    written = quote_path(target)
    print_message(
        f"next: cifarcnn check {written}, then cifarcnn train --config {written}"
    )


def _write_for_folder(folder: str, file: Path | None) -> None:
    from cifarcnn.config.folder_config import run_name, write_folder_config
    from cifarcnn.data.folder.survey import survey_folder

    target = _free_target(file, f"{run_name(folder)}.yaml")
    survey = survey_folder(Path(folder))
    written = quote_path(target)
    counts = survey.class_counts
    text = write_folder_config(folder, printable(written), counts, survey.short_side)
    sides = _describe_range(min(survey.sizes[0]), min(survey.sizes[-1]))
    each = _describe_range(min(counts.values()), max(counts.values()))
    _write(target, text)
    print_message(
        f"{folder}: {len(counts):,} classes of {each} pictures, "
        f"{sum(counts.values()):,} in all; their shorter side has {sides} pixels"
    )
    print_message(
        f"next: cifarcnn data show --config {written}, then cifarcnn train --config "
        f"{written}"
    )
    print_raw(str(target))


def _describe_range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _free_target(file: Path | None, name: str) -> Path:
    """Where a config goes; ``name`` is its own where ``file`` says none."""
    target = file or Path(name)
    if os.path.isdir(target):
        target = target / name
    if os.path.lexists(target):
        raise UsageError(f"'{target}' exists; give another file name")
    if not os.path.isdir(target.parent):
        raise UsageError(f"there is no folder '{target.parent}'")
    return target


def _write(target: Path, text: str) -> None:
    with os_error_as_usage_error(f"'{target}' cannot be written"):
        write_atomically(target, text.encode())
