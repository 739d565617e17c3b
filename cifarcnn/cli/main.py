"""The entry: finds the command, and turns every failure into words and an exit code."""

from __future__ import annotations

import contextlib
import importlib
import io
import signal
import sys
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

import click

from cifarcnn.cli.console import say, standard_streams
from cifarcnn.cli.options import Settings, common
from cifarcnn.errors import CifarcnnError, Stopped

# Each lies in a module of its name, which is imported when it is called.
COMMANDS = {
    "train": "Train the network of a config.",
    "evaluate": "Judge a trained network on the test or validation pictures.",
    "predict": "Say what is on pictures.",
    "explain": "Show what happens inside a network, as a page to read.",
    "data": "Fetch or import the data set, and show what is here.",
    "check": "Show a config's layers and every mistake in it.",
    "init": "Copy a shipped config to start from.",
    "schema": "Print the JSON Schema of the config, for editors.",
}
# Windows has no SIGHUP.
_ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class LazyGroup(click.Group):
    """Imports the module of a command only when that command is called."""

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
            from cifarcnn.config.named_choice import suggest

            context.fail(f"there is no command '{name}'; {suggest(name, COMMANDS)}")
        return super().resolve_command(context, args)

    def format_commands(
        self, context: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(
    context: click.Context, parameter: click.Parameter, value: bool
) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"cifarcnn {version('cifarcnn')}")
        context.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Print the version.",
)
@common
def cli() -> None:
    """From a YAML description of a convolutional network to a trained Keras model.

    Begin with: cifarcnn train --config quickstart
    """


def main() -> None:
    """Run the command line and leave with its exit code (see the README's table)."""
    with standard_streams(), _signals_raised():
        code = _run(Settings())
    sys.exit(code)


@contextlib.contextmanager
def _signals_raised() -> Iterator[None]:
    """Turn a signal into ``Stopped``, so that nothing half-written stays behind.

    A second one acts at once. A signal that the process ignores (``nohup``, jobs in the
    background) stays ignored.
    """
    before: dict[int, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise Stopped(number, "interrupted")

    for name in _ENDING_SIGNALS:
        number = getattr(signal, name, None)
        # No handler at all: one that does not come from Python cannot be put back.
        if number and signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(settings: Settings) -> int:
    try:
        result = cli.main(prog_name="cifarcnn", standalone_mode=False, obj=settings)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        # It quotes the command line, and so the names of files.
        text = io.StringIO()
        error.show(text)
        say(text.getvalue().rstrip("\n"))
        return error.exit_code
    except Stopped as stopped:
        # Nobody needs to be told that the reader went away.
        if str(stopped):
            say(str(stopped))
        return stopped.exit_code
    except CifarcnnError as error:
        if settings.debug:
            say(traceback.format_exc().rstrip("\n"))
        say(_sentence(error))
        return error.exit_code
    except OSError as error:
        if settings.debug:
            say(traceback.format_exc().rstrip("\n"))
        where = f"'{error.filename}': " if error.filename else ""
        say(f"error: {where}{error.strerror or error}")
        return 1
    except Exception as error:
        if settings.debug:
            say(traceback.format_exc().rstrip("\n"))
        else:
            say(
                f"error: {type(error).__name__}: {error}\n"
                "This is a fault of cifarcnn itself; --debug shows where it happened."
            )
        return 1
    return result if isinstance(result, int) else 0


def _sentence(error: CifarcnnError) -> str:
    from cifarcnn.errors import ConfigError

    if isinstance(error, ConfigError):
        return f"{error}\n{count_problems(len(error.problems))}"
    return f"error: {error}"


def count_problems(count: int) -> str:
    """``1 problem`` or ``3 problems``."""
    return f"{count} problem{'s' if count != 1 else ''}"
