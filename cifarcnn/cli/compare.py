"""``cifarcnn compare``: which of several runs is better, and whether it really is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cifarcnn.cli import console
from cifarcnn.cli.activity import activity
from cifarcnn.cli.compare_page import (
    FIGURES,
    check_page_path,
    describe_figures,
    describe_page,
    write_page,
)
from cifarcnn.cli.compare_seeds import (
    describe_differences,
    describe_p_value,
    print_compared_seeds,
)
from cifarcnn.cli.decoding_display import decoding_shown
from cifarcnn.cli.options import NamedPath, backend_option, common, device_option
from cifarcnn.cli.tables import format_table
from cifarcnn.cli.which_network import tell_which
from cifarcnn.literals import BackendChoice

if TYPE_CHECKING:
    from cifarcnn.comparison import Comparison, PairResult
    from cifarcnn.engine import DeviceChoice

_SHOWN_DISAGREEMENTS = 5


@click.command("compare")
@click.argument(
    "paths",
    metavar="RUN RUN...",
    nargs=-1,
    required=True,
    type=NamedPath(path_type=Path),
)
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    default="validation",
    show_default=True,
    help="The pictures to judge on. Choose settings by validation, report test.",
)
@device_option
@backend_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--out",
    metavar="FILE",
    type=NamedPath(path_type=Path),
    help="Write a page with curves and pictures, such as compared.html, too.",
)
@common
def command(
    paths: tuple[Path, ...],
    split: Literal["validation", "test"],
    device: DeviceChoice,
    backend: BackendChoice | None,
    as_json: bool,
    out: Path | None,
) -> None:
    """Compare trained networks on the same pictures.

    Shows in what their configs differ, what each costs and achieves, the pictures on
    which they do not say the same, and whether the difference may be luck with these
    pictures (McNemar's exact test, each against the first).

    Of folders of `train --seeds`, and of runs some of which differ in their seed alone,
    it compares the validation accuracies that the runs kept, seed by seed (paired t
    test).
    """
    from cifarcnn.runs.seeds_folder import is_seeds_folder
    from cifarcnn.seeds_comparison import have_several_seeds

    page = None if out is None else check_page_path(out)
    if any(map(is_seeds_folder, paths)) or (
        split == "validation" and have_several_seeds(paths)
    ):
        print_compared_seeds(paths, split, as_json, page)
        return
    from cifarcnn import api
    from cifarcnn.comparison import compare_runs, open_comparable_runs

    with console.native_output(), decoding_shown():
        runs = open_comparable_runs(paths, split)
        for each in runs:
            tell_which(each.path)
            # Whatever is missing is said before the framework is started.
            each.split(split)
        what = f"loading and judging {len(runs)} runs"
        with activity(what, shown=not as_json):
            comparison = compare_runs(
                runs,
                split,
                lambda run: api.load_run(run, device=device, backend=backend),
            )
    for run in comparison.runs:
        if run.smoke:
            console.print_message(
                f"warning: {run.path} is a trial on few pictures (--smoke). Its "
                "figures say nothing about the network."
            )
    if as_json:
        console.print_raw(json.dumps(_to_json(comparison), indent=2))
    else:
        console.print_result("\n".join(_describe(comparison)))
    if page is not None:
        verdicts = [describe_pair(comparison, pair) for pair in comparison.pairs]
        write_page(page, describe_page(runs, comparison, verdicts))


def _to_json(comparison: Comparison) -> dict[str, object]:
    return {
        "split": comparison.split,
        "examples": comparison.runs[0].evaluation.examples,
        "runs": [
            {
                "run": str(run.path),
                "accuracy": run.evaluation.accuracy,
                "accuracy_interval": run.evaluation.accuracy_interval,
                "loss": run.evaluation.loss,
                "parameters": run.parameters,
                "macs": run.macs,
                "training_seconds": run.training_seconds,
                "weights_bytes": run.weights_bytes,
                "smoke": run.smoke,
            }
            for run in comparison.runs
        ],
        "config_differences": [asdict(each) for each in comparison.differences],
        "against_first": [
            {
                **{k: v for k, v in asdict(pair).items() if k != "path"},
                "run": str(pair.path),
                "test": "McNemar, exact, two-sided",
                "meaning": describe_pair(comparison, pair),
            }
            for pair in comparison.pairs
        ],
        "disagreements": [asdict(each) for each in comparison.disagreements],
    }


def _describe(comparison: Comparison) -> Iterator[str]:
    # Folders of the same name are told apart by their numbers.
    numbers = [f"{n}" for n in range(1, len(comparison.runs) + 1)]
    examples = comparison.runs[0].evaluation.examples
    yield f"{len(numbers)} runs on the same {examples:,} {comparison.split} pictures"
    yield format_table(
        ["", *FIGURES],
        [
            [number, *describe_figures(run)]
            for number, run in zip(numbers, comparison.runs, strict=True)
        ],
        7,
    )
    yield ""
    yield from describe_differences(comparison.differences, numbers)
    for pair in comparison.pairs:
        yield ""
        yield console.printable(describe_pair(comparison, pair))
    yield ""
    found = comparison.disagreements
    if not found:
        yield f"The runs say the same of all {examples:,} {comparison.split} pictures."
    else:
        yield f"The runs do not all say the same of {len(found):,} pictures."
        shown = found[:_SHOWN_DISAGREEMENTS]
        rows = [[str(each.index), each.label, *each.answers] for each in shown]
        yield format_table(["picture", "label", *numbers], rows, 0)
    if len(found) > _SHOWN_DISAGREEMENTS:
        yield f"and {len(found) - _SHOWN_DISAGREEMENTS:,} more, all of them by --json"


def describe_pair(comparison: Comparison, pair: PairResult) -> str:
    """What a test found, and what it does and does not mean, in plain sentences."""
    from cifarcnn.hypothesis_tests import SIGNIFICANCE_LEVEL

    first = comparison.runs[0].path
    if not pair.other_answers:
        return (
            f"{first} and {pair.path} give every picture the same answer, which leaves "
            "nothing to test."
        )
    lost, gained = pair.only_first_right, pair.only_this_right
    found = (
        f"{first} and {pair.path} answer differently on {pair.other_answers:,} "
        f"pictures: on {lost:,} only the first is right, on {gained:,} only the "
        f"second (McNemar's exact test: p = {describe_p_value(pair.p_value)}"
    )
    if len(comparison.pairs) > 1:
        found += (
            f", by Holm's correction for {len(comparison.pairs)} comparisons "
            f"{describe_p_value(pair.corrected_p_value)}"
        )
    found += "). "
    if pair.corrected_p_value < SIGNIFICANCE_LEVEL:
        better = first if lost > gained else pair.path
        return found + (
            f"{better} is better: were both equally good, luck with the pictures would "
            "seldom make such a difference. That holds for these two trainings; with "
            "another seed the same configs may come out otherwise."
        )
    return found + (
        "That may be luck with these pictures: it does not show that one is better, "
        "nor that both are equally good. More pictures, or several seeds, tell more."
    )
