"""Every option of every command, given twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from cifarcnn.cli.main import cli

Call = Callable[..., Any]


def options(
    command: click.Command,
    names: tuple[str, ...] = (),
    parent: click.Context | None = None,
) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    """Each option with the command that it belongs to, all the way down."""
    context = click.Context(command, parent=parent, **command.context_settings)
    for option in command.get_params(context):
        if isinstance(option, click.Option):
            yield names, option
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from options(inner, (*names, name), context)


ALL = list(options(cli))
SINGLE = [(names, option) for names, option in ALL if not option.multiple]
REPEATED = {(names, option.opts[0]) for names, option in ALL if option.multiple}


def test_only_these_are_meant_to_be_repeated() -> None:
    for names, name in REPEATED:
        assert name in ("--set", "--from", "--state", "--run", "--vary"), names


@pytest.mark.parametrize(
    ("names", "option"), SINGLE, ids=[" ".join((*n, o.opts[0])) for n, o in SINGLE]
)
def test_it_is_refused_by_its_name_and_with_both_values(
    names: tuple[str, ...], option: click.Option, call: Call
) -> None:
    name = max(option.opts, key=len)
    spelled = [*option.opts, option.opts[0]][:2]
    values = [[], []] if option.is_flag else [["one"], ["two"]]
    words = [spelled[0], *values[0], spelled[1], *values[1]]
    ended = call(*names, *words)
    assert (ended.code, ended.out) == (2, "")
    usage, _, sentence = ended.err.partition("\n\n")
    assert usage.startswith(f"Usage: {' '.join(('cifarcnn', *names))} ")
    expected = "leave all but one out"
    if not option.is_flag:
        expected = ".*'one'.*'two'.*"
    assert re.match(f"Error: {name} is given twice[;,].*{expected}", sentence)


def test_what_stands_behind_two_dashes_is_no_option(call: Call) -> None:
    ended = call("check", "article", "--", "--json", "--json")
    assert ended.err.count("there is no file '--json'") == 2
