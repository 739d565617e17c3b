"""``cifarcnn compare`` of configs with several seeds, and what all comparisons say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.compare_page import write_page
from cifarcnn.cli.compare_seeds_page import describe_seeds_page, list_accuracies
from cifarcnn.cli.tables import format_table
from cifarcnn.errors import UsageError

if TYPE_CHECKING:
    from cifarcnn.config.config_differences import ConfigDifference
    from cifarcnn.seeds_comparison import SeedsComparison, SeedsPair


def print_compared_seeds(
    paths: Sequence[Path], split: str, as_json: bool, page: Path | None
) -> None:
    """Print what several seeds say of their configs.

    Args:
        paths: Folders of ``train --seeds``, and single runs.
        split: What the user wants them to be judged on.
        as_json: Whether a document is printed.
        page: Where a page is written, too.

    Raises:
        RunError: A file is missing or damaged.
        UsageError: They cannot be compared, or the page cannot be written.
    """
    from cifarcnn.seeds_comparison import compare_seeds

    if split != "validation":
        raise UsageError(
            "Folders of several seeds are compared by the validation accuracies of "
            "their runs. Compare single runs by --split test."
        )
    comparison = compare_seeds(paths)
    if as_json:
        console.print_raw(json.dumps(seeds_to_json(comparison), indent=2))
    else:
        console.print_result("\n".join(describe_seeds(comparison)))
    if page is not None:
        verdicts = [describe_seeds_pair(comparison, p) for p in comparison.pairs]
        write_page(page, describe_seeds_page(comparison, verdicts))


def seeds_to_json(comparison: SeedsComparison) -> dict[str, object]:
    """What ``compare --json`` prints."""
    return {
        "split": "validation",
        "configs": [
            {
                "path": str(each.paths[0]),
                "runs": {str(seed): str(run.path) for seed, run in each.runs.items()},
                "val_accuracy": {str(s): share for s, share in each.accuracies.items()},
                "spread": None if each.spread is None else asdict(each.spread),
            }
            for each in comparison.configs
        ],
        "config_differences": [asdict(each) for each in comparison.differences],
        "against_first": [
            {
                "path": str(each.paths[0]),
                "seeds": pair.seeds,
                "difference": asdict(pair.test.differences),
                "test": "Student's t, paired, two-sided",
                "t": pair.test.t,
                "p_value": pair.test.p_value,
                "corrected_p_value": pair.corrected_p_value,
                "meaning": describe_seeds_pair(comparison, pair),
            }
            for each, pair in zip(comparison.configs[1:], comparison.pairs, strict=True)
        ],
    }


def describe_seeds(comparison: SeedsComparison) -> Iterator[str]:
    """The accuracies, the differences of the configs, and what the tests say."""
    numbers = [f"{n}" for n in range(1, len(comparison.configs) + 1)]
    yield "validation accuracy by seed"
    rows = list(list_accuracies(comparison))
    yield format_table(["seed", *numbers], rows, len(numbers))
    yield ""
    for number, each in zip(numbers, comparison.configs, strict=True):
        yield console.printable(f"{number}: {', '.join(map(str, each.paths))}")
    yield ""
    yield from describe_differences(comparison.differences, numbers)
    for pair in comparison.pairs:
        yield ""
        yield console.printable(describe_seeds_pair(comparison, pair))


def describe_seeds_pair(comparison: SeedsComparison, pair: SeedsPair) -> str:
    """What the seeds say of two configs, in plain sentences."""
    from cifarcnn.hypothesis_tests import SIGNIFICANCE_LEVEL

    first, found = comparison.configs[0].name, pair.test.differences
    low, high = (100 * share for share in found.interval)
    text = (
        f"{pair.name} is {100 * found.mean:+.2f} points from {first} on average over "
        f"{len(pair.seeds)} seeds (95% interval {low:+.2f} to {high:+.2f}"
    )
    if pair.test.p_value is None or pair.corrected_p_value is None:
        return f"{text}): every seed differs by the same, which leaves nothing to test."
    text += f"; paired t test: p = {describe_p_value(pair.test.p_value)}"
    if len(comparison.pairs) > 1:
        text += (
            f", by Holm's correction for {len(comparison.pairs)} comparisons "
            f"{describe_p_value(pair.corrected_p_value)}"
        )
    if pair.corrected_p_value < SIGNIFICANCE_LEVEL:
        better = pair.name if found.mean > 0 else first
        return (
            f"{text}). {better} is better: were both equally good, luck with the seeds "
            "would seldom make such a difference."
        )
    return (
        f"{text}). That may be luck with the seeds: it does not show that one is "
        "better, nor that both are equally good. More seeds tell more."
    )


def describe_differences(
    differences: Sequence[ConfigDifference], numbers: Sequence[str]
) -> Iterator[str]:
    """A table of the values that configs do not share."""
    if not differences:
        yield "The configs do not differ but in their names."
        return
    yield "in what the configs differ"
    rows = [[each.path, *each.values] for each in differences]
    yield format_table(["", *numbers], rows, 0)


def describe_p_value(value: float) -> str:
    """As people say it."""
    return "below 0.0001" if value < 0.0001 else f"{value:.4f}"
