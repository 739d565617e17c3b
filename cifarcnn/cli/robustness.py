"""``cifarcnn evaluate --robustness``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.decoding_display import describe_progress
from cifarcnn.cli.progress_bars import make_bar
from cifarcnn.cli.tables import format_table
from cifarcnn.literals import Views
from cifarcnn.trained_run import SplitChoice

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.evaluation.robustness import Robustness
    from cifarcnn.loaded_run import LoadedRun

    Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


def judge_robustness(
    runs: Sequence[LoadedRun], split: SplitChoice, views: Views | None
) -> Robustness:
    """Judge runs, of several the mean of their probabilities, and show how far it is.

    Args:
        runs: Of the same classes, judged on the same images.
        split: The images.
        views: Test-time augmentation; None takes what the config of each says.

    Raises:
        CifarcnnError: As ``LoadedRun.evaluate``.
    """
    from cifarcnn.ensemble import mean_probabilities
    from cifarcnn.evaluation.corruptions import CORRUPTIONS, STRENGTHS
    from cifarcnn.evaluation.robustness import evaluate_robustness

    def answer(images: Array) -> Array:
        return mean_probabilities([run.predict(images, views=views) for run in runs])

    times = len(CORRUPTIONS) * len(STRENGTHS)
    live = console.stderr_is_live()
    if not live:
        console.print_message(f"judging the pictures {times} times, corrupted ...")
    bar = make_bar("corrupted")
    bar.disable = not live
    with bar:
        task, start = bar.add_task("", figures=""), time.perf_counter()

        def progress(done: int, total: int) -> None:
            figures = describe_progress(done, total, time.perf_counter() - start)
            bar.update(task, completed=done, total=total, figures=figures)

        return evaluate_robustness(answer, runs[0].split(split), progress)


def robustness_table(found: Robustness, clean: float) -> str:
    """What is printed for people.

    Args:
        found: The accuracies.
        clean: The accuracy on the images as they are, 0 to 1.
    """
    strengths = [str(n + 1) for n in range(5)]
    rows = [
        [kind.replace("_", " "), *(f"{n:.2%}" for n in (*shares, found.mean_of(kind)))]
        for kind, shares in found.accuracies.items()
    ]
    return "\n".join(
        [
            f"accuracy on corrupted pictures {found.mean:.2%} on average (as they are "
            f"{clean:.2%}),",
            "by strength, with kinds and strengths of CIFAR-10-C, drawn anew:",
            format_table(["corruption", *strengths, "mean"], rows, numbers=6),
        ]
    )
