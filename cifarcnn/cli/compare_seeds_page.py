"""What runs with several seeds say of their configs, as tables and on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cifarcnn.cli.compare_page import to_table

if TYPE_CHECKING:
    from cifarcnn.page.comparison_page import ComparisonPage, Curves
    from cifarcnn.seeds_comparison import ComparedSeeds, SeedsComparison


def list_accuracies(comparison: SeedsComparison) -> Iterator[list[str]]:
    """A row for each seed with the accuracy of each config, and their means."""
    configs = comparison.configs
    for seed in dict.fromkeys(seed for each in configs for seed in each.accuracies):
        yield [str(seed), *(_share(each.accuracies.get(seed)) for each in configs)]
    means = [None if each.spread is None else each.spread.mean for each in configs]
    yield ["mean", *map(_share, means)]


def describe_seeds_page(
    comparison: SeedsComparison, verdicts: Sequence[str]
) -> ComparisonPage:
    """What the page says of configs with several seeds each.

    Args:
        comparison: What came of comparing them.
        verdicts: What the tests found, a paragraph each.

    Raises:
        RunError: A file of a run is missing or damaged.
    """
    from cifarcnn.page.comparison_page import ComparisonPage, Table

    configs = comparison.configs
    numbers = [f"{number}" for number in range(1, len(configs) + 1)]
    return ComparisonPage(
        title=f"{len(configs)} configs side by side, each with several seeds",
        verdicts=verdicts,
        notes=[
            "The figures are the accuracies on the validation pictures, the curves the "
            "means over the seeds of each config, as far as all of them went."
        ],
        figures=Table(
            ["seed", *numbers],
            [
                *list_accuracies(comparison),
                ["standard deviation, points", *map(_deviation, configs)],
                ["95 % interval of the mean", *map(_interval, configs)],
            ],
        ),
        differences=to_table(comparison.differences, numbers),
        curves=[
            _average(number, each)
            for number, each in zip(numbers, configs, strict=True)
        ],
        folders=[
            (number, ", ".join(map(str, each.paths)))
            for number, each in zip(numbers, configs, strict=True)
        ],
    )


def _average(number: str, config: ComparedSeeds) -> Curves:
    from cifarcnn.page.comparison_page import Curves
    from cifarcnn.runs.history import average_records, to_records

    runs = config.runs.values()
    records = average_records([to_records(run.read_history()) for run in runs])
    return Curves(f"{number} {config.paths[0].name}, {len(runs)} seeds", records)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _deviation(config: ComparedSeeds) -> str:
    return "" if config.spread is None else f"{100 * config.spread.deviation:.2f}"


def _interval(config: ComparedSeeds) -> str:
    if config.spread is None:
        return ""
    low, high = config.spread.interval
    return f"{low:.2%} to {high:.2%}"
