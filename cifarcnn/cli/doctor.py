"""``cifarcnn doctor``: what is here, and what keeps the program from working."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cifarcnn.cli import console
from cifarcnn.cli.options import common

if TYPE_CHECKING:
    from cifarcnn.doctor.section import Finding

# Changes when a key of the document changes its meaning.
_FORMAT = 1
_INDENT = "  "
# Columns of the labels, where there is room for as many.
_LABEL = 21
_NARROWEST, _WIDEST = 30, 100


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--clear-caches",
    is_flag=True,
    help="Remove what can be made again, and do nothing else: decoded pictures, "
    "compiled programs and features of frozen layers. Data that was fetched or brought "
    "stays.",
)
@common
def command(as_json: bool, clear_caches: bool) -> int:
    """Say what is here, what keeps it from working, and how to mend that.

    Versions, the NVIDIA driver and its cards, whether TensorFlow and JAX see them and
    if not why, the CPU, data sets, caches, a small convolution on each device, and
    what a training would run on. Each library is tried in a process of its own, so
    this takes half a minute.

    The exit code is 1 where no training would work, not even on the CPU. For a report
    of a bug, send what --json prints; the home folder is shown as ~.
    """
    if clear_caches:
        if as_json:
            raise click.UsageError(
                "--clear-caches does nothing else; leave --json out."
            )
        return _clear_caches()
    from cifarcnn.doctor.examination import can_train, examine, list_findings
    from cifarcnn.doctor.home import hide_home

    sections = []
    with console.stderr_console().status("") as status:
        for section in examine(status.update):
            sections.append(section)
            if not as_json:
                text = _format_lines(section.title, section.lines)
                status.stop()
                console.print_result(f"{hide_home(text)}\n")
                status.start()
    findings, works = list_findings(sections), can_train(sections)
    if as_json:
        document = {
            "format": _FORMAT,
            **{section.key: section.facts for section in sections},
            "problems": [
                {"message": each.message, "command": each.command} for each in findings
            ],
            "can_train": works,
        }
        console.print_raw(json.dumps(hide_home(document), indent=2))
    else:
        console.print_result(hide_home(_format_findings(findings, works)))
    return 0 if works else 1


def _clear_caches() -> int:
    from cifarcnn.doctor.files_here import clear_caches, describe_caches
    from cifarcnn.doctor.home import hide_home

    console.print_result(hide_home(_format_lines("Removing", describe_caches())))
    if not (left := clear_caches()):
        return 0
    why = "This user may not remove it, or another process is just writing it."
    console.print_result(hide_home(_format_lines("Left", [*left, ("", why)])))
    return 1


def _format_lines(title: str, lines: Sequence[tuple[str, str]]) -> str:
    width = _width()
    column = min(_LABEL, width // 3)
    text = [title]
    for label, value in lines:
        begin = f"{_INDENT}{console.printable(label)}"
        if not label:
            text += _wrap(value, _INDENT, len(_INDENT))
            continue
        begin = f"{begin:{column - 1}} "
        longest = max(map(len, value.split()), default=0)
        in_one_line = len(begin) + len(value) <= width
        if in_one_line or (len(begin) == column and column + longest <= width):
            text += _wrap(value, begin, column)
        else:
            text += [begin.rstrip(), *_wrap(value, _INDENT * 2, len(_INDENT * 2))]
    return "\n".join(text)


def _format_findings(findings: Sequence[Finding], works: bool) -> str:
    text = []
    for number, finding in enumerate(findings, start=1):
        text += _wrap(finding.message, f"{_INDENT}{number}. ", len(_INDENT) + 3)
        # In one line, to be copied.
        text += [f"{_INDENT * 3}{finding.command}"] if finding.command else []
    if findings:
        text.insert(0, "To mend")
    if not works:
        text += ["", "No training would work here, not even on the CPU."]
    return "\n".join(text) if text else "Everything is in order."


def _wrap(text: str, begin: str, indent: int) -> list[str]:
    return textwrap.wrap(
        console.printable(text),
        _width(),
        initial_indent=begin,
        subsequent_indent=" " * indent,
        # Paths and commands stay whole.
        break_long_words=False,
        break_on_hyphens=False,
    )


def _width() -> int:
    return min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
