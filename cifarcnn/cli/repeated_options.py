"""An option that is given twice is a mistake, in every command."""

from __future__ import annotations

from collections.abc import Sequence

import click


def refuse_repeated_options(
    command: click.Command, context: click.Context, arguments: Sequence[str]
) -> None:
    """See that no option is given twice, but those that are declared ``multiple``.

    Click itself takes the last one and says nothing of the others.

    Args:
        command: The outermost one.
        context: Of ``command``.
        arguments: Of the whole command line; what click refuses is left to it.

    Raises:
        click.UsageError: An option is given twice; the message has both values.
    """
    before: set[str] = set()
    inner: click.Command | None = command
    rest = list(arguments)
    while inner is not None:
        try:
            found, rest = _parse(inner, context, rest)
        except click.ClickException:
            return
        problems = [
            _describe(option, values, name in before)
            for name, (option, values) in found.items()
            if len(values) > 1 or name in before
        ]
        before.update(found)
        if problems:
            raise click.UsageError("\n".join(problems), context)
        group, inner = inner, None
        if isinstance(group, click.Group) and rest:
            inner = group.get_command(context, rest[0])
            if inner is not None:
                context = inner.context_class(
                    inner, context, rest[0], **inner.context_settings
                )
                rest = rest[1:]


def _parse(
    command: click.Command, context: click.Context, arguments: list[str]
) -> tuple[dict[str, tuple[click.Option, list[str]]], list[str]]:
    """What is given of each option, by its name; and what is left for others.

    Of a flag the values are the names that it was given by.
    """
    parser = command.make_parser(context)
    options = {}
    for option in command.get_params(context):
        if not isinstance(option, click.Option) or option.multiple or option.count:
            continue
        options[key := _name(option)] = option
        # In place of the way in which click keeps the last value alone.
        for name in (*option.opts, *option.secondary_opts):
            if option.is_flag:
                parser.add_option(option, [name], key, "append_const", const=name)
            else:
                parser.add_option(option, [name], key, "append", nargs=option.nargs)
    values, rest, _ = parser.parse_args(arguments)
    found = {name: (options[name], values[name]) for name in options if name in values}
    return found, rest


def _name(option: click.Option) -> str:
    return max(option.opts, key=len)


def _describe(option: click.Option, values: Sequence[str], before: bool) -> str:
    """What is wrong, where it is given twice; ``before``: already to a command."""
    name, names = _name(option), [*dict.fromkeys(values)]
    if option.is_flag and {*option.secondary_opts} & {*names}:
        if len(names) > 1:
            return f"{' and '.join(names)} contradict each other; give one of them."
        [name] = names
    times = "twice" if len(values) + before == 2 else "several times"
    if option.is_flag:
        return f"{name} is given {times}; leave all but one out."
    listed = " and ".join(f"'{value}'" for value in values)
    return f"{name} is given {times}, with {listed}; it takes one value."
