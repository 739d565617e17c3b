"""What ``--seeds`` means."""

from __future__ import annotations

import click

from cifarcnn.runs.seeds_folder import MOST_SEEDS


def parse_seeds(text: str, first: int) -> list[int]:
    """The seeds that ``--seeds`` means.

    Args:
        text: How many, or several with commas between them.
        first: Where a number of them begins.

    Raises:
        click.UsageError: It means none.
    """
    parts = [part.strip() for part in text.split(",")]
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(numbers) < len(parts):
        raise click.UsageError(
            f"--seeds takes a number of seeds, such as 5, or a list, such as 1,2,7; "
            f"found {text!r}."
        )
    if len(numbers) == 1:
        if not 2 <= numbers[0] <= MOST_SEEDS:
            raise click.UsageError(
                f"--seeds {text} is a number of seeds, 2 to {MOST_SEEDS:,}. One seed "
                "alone is --set training.seed=..."
            )
        return [(first + number) % 2**32 for number in range(numbers[0])]
    if len(set(numbers)) < len(numbers) or len(numbers) > MOST_SEEDS:
        raise click.UsageError(
            f"--seeds {text} has a seed twice, or more than {MOST_SEEDS:,}."
        )
    if max(numbers) >= 2**32:
        raise click.UsageError(f"A seed of --seeds {text} is not below 2**32.")
    return numbers
