"""The entry: finds the command, and turns every failure into words and an exit code."""

from __future__ import annotations

import importlib
import io
import sys
import traceback
import warnings
from collections.abc import Sequence

import click

from cifarcnn.cli.console import print_message, standard_streams
from cifarcnn.cli.options import Settings, common
from cifarcnn.cli.repeated_options import refuse_repeated_options
from cifarcnn.cli.unexpected_errors import (
    WORKING_FOLDER_GONE,
    describe_unexpected,
    working_folder_is_gone,
)
from cifarcnn.cli.usage_hints import with_hint
from cifarcnn.errors import CifarcnnError, ConfigError, Stopped
from cifarcnn.signals import ending_signals_handled

_INTERRUPTED = "interrupted"
# Each lies in a module of its name, which is imported when it is called.
COMMANDS = {
    "train": "Train the network of a config.",
    "evaluate": "Judge a trained network on its test pictures, or on your own.",
    "predict": "Say what is on pictures.",
    "explain": "Show what happens inside a network, as a page to read.",
    "compare": "Compare trained networks, and say whether they really differ.",
    "search": "Look for better settings of a config.",
    "export": "Write a trained network as a file for other programs.",
    "runs": "List the runs here, or remove some.",
    "data": "Fetch or import the data set, and show what is here.",
    "check": "Show a config's layers and every mistake in it.",
    "init": "Copy a shipped config to start from.",
    "doctor": "Say what is here, and how to mend what does not work.",
    "schema": "Print the JSON Schema of the config, for editors.",
}


class LazyGroup(click.Group):
    """Imports the module of a command only when that command is called."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        refuse_repeated_options(self, context, args)
        return super().parse_args(context, args)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cifarcnn.cli.{name}").command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from cifarcnn.config.spelling import suggest

            context.fail(f"there is no command '{name}'; {suggest(name, COMMANDS)}")
        return super().resolve_command(context, args)

    def format_commands(
        self, context: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name="cifarcnn", message="cifarcnn %(version)s", help="Print the version."
)
@common
def cli() -> None:
    """From a YAML description of a convolutional network to a trained Keras model.

    Begin with: cifarcnn train --config quickstart
    """


def main() -> None:
    """Run the command line and leave with its exit code (see docs/commands.md)."""
    signals: list[int] = []

    def stop(number: int) -> None:
        """Turn a signal into ``Stopped``, so that nothing half-written stays behind."""
        signals.append(number)
        raise Stopped(number, _INTERRUPTED)

    with (
        standard_streams(),
        ending_signals_handled(stop),
        warnings.catch_warnings(),
    ):
        if any(option.startswith("e") for option in sys.warnoptions):
            # PYTHONWARNINGS=error makes errors of what libraries only remark.
            warnings.simplefilter("default")
        # Also of a command that cannot be loaded, whose options nobody reads.
        code = _run(Settings(debug="--debug" in sys.argv), signals)
        if code in (1, 2) and working_folder_is_gone():
            print_message(WORKING_FOLDER_GONE)
    sys.exit(code)


def _run(settings: Settings, signals: Sequence[int]) -> int:
    try:
        result = cli.main(prog_name="cifarcnn", standalone_mode=False, obj=settings)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        # It quotes the command line, and so the names of files.
        text = io.StringIO()
        with_hint(error).show(text)
        print_message(text.getvalue().rstrip("\n"))
        return error.exit_code
    except Stopped as stopped:
        # Nobody needs to be told that the reader went away.
        if str(stopped):
            print_message(str(stopped))
        return stopped.exit_code
    except Exception as error:
        if signals:
            # A library that was loading caught it, and is left half-loaded.
            print_message(_INTERRUPTED)
            return 128 + signals[0]
        if settings.debug:
            print_message(traceback.format_exc().rstrip("\n"))
        if isinstance(error, CifarcnnError | OSError) or not settings.debug:
            print_message(_describe_error(error))
        return error.exit_code if isinstance(error, CifarcnnError) else 1
    return result if isinstance(result, int) else 0


def _describe_error(error: Exception) -> str:
    if isinstance(error, ConfigError):
        count = len(error.problems)
        return f"{error}\n{count} problem{'s' if count != 1 else ''}"
    if isinstance(error, CifarcnnError):
        # What was done before, of a command that does several things.
        return "\n".join([f"error: {error}", *getattr(error, "__notes__", ())])
    return f"error: {describe_unexpected(error)}"
