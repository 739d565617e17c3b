"""``python -m cifarcnn``: the same as the command ``cifarcnn``."""

from cifarcnn.cli.main import main

main()
