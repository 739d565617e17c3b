"""The entry of ``python -m cifarcnn`` and of the command ``cifarcnn``.

Imports nothing that Python itself has not, before it is sure where modules come from.
"""

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code (see docs/commands.md)."""
    try:
        from cifarcnn.cli.main import main as run
    except Exception as error:
        # Whatever a module raises that took the place of one of Python's or click.
        if "--debug" in sys.argv:
            raise
        from cifarcnn.cli.unexpected_errors import describe_unexpected

        sys.exit(f"error: {describe_unexpected(error)}")
    run()


def leave_out_working_folder() -> None:
    """Look for modules where they are installed, not among the user's own files.

    With ``-m`` Python looks into the working folder first, so that a ``random.py``
    there would be taken for Python's.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        first = not sys.flags.safe_path and sys.path[0] == os.getcwd()
    except OSError:
        return  # The folder was removed; then Python does not look there.
    if first:
        folder = sys.path.pop(0)
        if folder == package:
            # Run from its sources, without being installed.
            sys.path.append(folder)


if __name__ == "__main__":
    leave_out_working_folder()
    main()
