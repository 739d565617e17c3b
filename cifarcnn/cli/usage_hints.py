"""The way out where a command is given what it does not take."""

from __future__ import annotations

import click

# What is given without the name of its option, by command.
_NAMELESS = {
    "train": "A config is given with --config, a run to go on with --resume.",
    "evaluate": "A run is given with --run, pictures of your own with --data.",
    "data show": "A config is given with --config.",
}


def with_hint(error: click.ClickException) -> click.ClickException:
    """An error of click's with what was probably meant, where that is known.

    Its own suggestions are by the look of words: ``--fetch`` for ``--epochs``.
    """
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return error
    if isinstance(error, click.NoSuchOption):
        hint = _explain_option(error.option_name, context)
    elif "extra argument" in error.message:
        hint = _NAMELESS.get(context.command_path.partition(" ")[2], "")
    else:
        return error
    message = error.message
    if hint:
        message = f"{message.rstrip('.')}. {hint}"
    return click.UsageError(message, context)


def _explain_option(name: str, context: click.Context) -> str:
    from cifarcnn.config.spelling import find_near

    parameters = context.command.get_params(context)
    options = {
        option.lstrip("-"): option
        for parameter in parameters
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }
    name = name.lstrip("-")
    if near := find_near(name, options):
        meant = " or ".join(f"'{options[option]}'" for option in near)
        return f"Did you mean {meant}?"
    if all(parameter.name != "settings" for parameter in parameters):
        return ""
    if key := _find_key(name):
        return f"The config has this: --set {key}=VALUE."
    return "Values of the config are changed with --set KEY=VALUE."


def _find_key(name: str) -> str:
    """The key of a config that an option is called like; empty for none."""
    # Takes a while to load, which only a mistake is worth.
    from cifarcnn.config.schema import find_owner, known_keys
    from cifarcnn.config.spelling import fold

    for section in ("training", "data", "evaluation"):
        for key in known_keys(find_owner([section])):
            if fold(key) == fold(name):
                return f"{section}.{key}"
    return ""
