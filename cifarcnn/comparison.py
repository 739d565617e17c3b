"""Several trained runs side by side, and whether they really differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cifarcnn.config.config_differences import (
    ConfigDifference,
    find_config_differences,
)
from cifarcnn.config.summary import summarize
from cifarcnn.errors import CifarcnnError, RunError, UsageError
from cifarcnn.hypothesis_tests import holm_correction, mcnemar_exact
from cifarcnn.runs import Run
from cifarcnn.runs.manifest import WEIGHTS_FILES, read_manifest
from cifarcnn.trained_run import SplitChoice, TrainedRun

if TYPE_CHECKING:
    from cifarcnn.evaluation import Evaluation
    from cifarcnn.loaded_run import LoadedRun


@dataclass(frozen=True)
class ComparedRun:
    """What one run costs and achieves.

    Attributes:
        path: Its folder.
        evaluation: On the images of the comparison.
        parameters: Of the network, trained or not.
        macs: Multiply-accumulates of one image.
        training_seconds: That its training took.
        weights_bytes: Size of the file of its weights.
        smoke: Whether it is only a trial on few images.
    """

    path: Path
    evaluation: Evaluation
    parameters: int
    macs: int
    training_seconds: float
    weights_bytes: int
    smoke: bool


@dataclass(frozen=True)
class PairResult:
    """A run against the first one, on the same images.

    Attributes:
        path: Of the run.
        other_answers: On how many images the two answer differently.
        only_first_right: On how many of them the first is right and this one wrong.
        only_this_right: The other way round.
        p_value: Of McNemar's exact test.
        corrected_p_value: By Holm's method, for all runs that are compared with the
            first one; the same where there is one.
    """

    path: Path
    other_answers: int
    only_first_right: int
    only_this_right: int
    p_value: float
    corrected_p_value: float


@dataclass(frozen=True)
class Disagreement:
    """An image on which the runs do not all say the same.

    Attributes:
        index: Its place in the split, from 0 on.
        label: The true class.
        answers: Of each run.
    """

    index: int
    label: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        split: The images that they are judged on.
        runs: In the order given.
        differences: Of their configs, without the name.
        pairs: Each of the others against the first.
        disagreements: In the order of the split.
    """

    split: SplitChoice
    runs: tuple[ComparedRun, ...]
    differences: tuple[ConfigDifference, ...]
    pairs: tuple[PairResult, ...]
    disagreements: tuple[Disagreement, ...]


def open_comparable_runs(paths: Sequence[Path], split: SplitChoice) -> list[TrainedRun]:
    """The files of runs that can be compared; no network is built.

    Args:
        paths: Their folders, two at least.
        split: The images to judge on.

    Raises:
        UsageError: There is but one, one is named twice, or they are not judged on
            the same images and classes; with every problem.
        RunError: One is missing, damaged or unfinished; likewise.
    """
    problems: list[CifarcnnError] = []
    runs: list[TrainedRun] = []
    if len(paths) < 2:
        problems.append(
            UsageError("One run cannot be compared. Name two at least: RUN RUN...")
        )
    for path in paths:
        try:
            run = _open(path)
        except CifarcnnError as error:
            problems.append(error)
            continue
        problems.extend(map(UsageError, _describe_problems(run, runs, split)))
        runs.append(run)
    if problems:
        kind = (
            RunError if any(isinstance(e, RunError) for e in problems) else UsageError
        )
        raise kind("\n".join(map(str, problems)))
    return runs


def compare_runs(
    runs: Sequence[TrainedRun],
    split: SplitChoice,
    load: Callable[[TrainedRun], LoadedRun],
) -> Comparison:
    """Judge each run once, and compare the answers.

    Args:
        runs: From :func:`open_comparable_runs`.
        split: The images to judge on.
        load: Gives a run with its network.

    Raises:
        CifarcnnError: As ``loaded_run.load_run`` and ``LoadedRun.evaluate``.
    """
    compared = [_judge(run, split, load) for run in runs]
    names = runs[0].class_names
    evaluations = [each.evaluation for each in compared]
    return Comparison(
        split,
        tuple(compared),
        tuple(find_config_differences([run.config for run in runs])),
        tuple(_compare_with_first(compared)),
        tuple(_find_disagreements(evaluations, names)),
    )


def _open(path: Path) -> TrainedRun:
    run = Run.open_finished(path)
    return TrainedRun(run, read_manifest(run.path))


def _describe_problems(
    run: TrainedRun, others: Sequence[TrainedRun], split: SplitChoice
) -> Iterator[str]:
    if any(run.path.samefile(other.path) for other in others):
        yield f"{run.run.title} is given twice."
        return
    if split == "validation" and not _has_validation(run):
        yield (
            f"{run.run.title} was trained without validation pictures "
            "(data.validation_fraction is 0). Compare by the test pictures: "
            "--split test."
        )
    if not others:
        return
    first = others[0]
    trained, expected = run.manifest.origin, first.manifest.origin
    if trained.class_names != expected.class_names:
        yield (
            f"{run.run.title} and {first.run.title} know other classes: "
            f"{', '.join(trained.class_names[:3])} ... "
            f"({len(trained.class_names):,}) and "
            f"{', '.join(expected.class_names[:3])} ... "
            f"({len(expected.class_names):,})."
        )
    elif trained.data.checksum != expected.data.checksum:
        yield (
            f"{run.run.title} and {first.run.title} were trained on other pictures: "
            f"{trained.data.name} with the checksum {trained.data.checksum[:12]} and "
            f"{expected.data.name} with {expected.data.checksum[:12]}."
        )
    elif split == "validation" and _cut(run) != _cut(first):
        yield (
            f"The validation pictures of {run.run.title} and {first.run.title} are not "
            "the same (data.validation_fraction, data.fold or training.seed differ): "
            "what one is judged on the other has learnt from. Compare by the test "
            "pictures: --split test."
        )


def _has_own_validation(run: TrainedRun) -> bool:
    """Whether a folder has a validation split, from which nothing is cut."""
    folder = run.config.data.dataset == "folder"
    return folder and run.dataset.store.validation() is not None


def _has_validation(run: TrainedRun) -> bool:
    data = run.config.data
    cut = data.validation_fraction > 0 or data.fold is not None
    return cut or _has_own_validation(run)


def _cut(run: TrainedRun) -> tuple[object, ...]:
    """What the choice of the validation images follows from."""
    data = run.config.data
    if _has_own_validation(run):
        return ("own",)
    if data.fold is not None:
        return ("fold", data.fold)
    return (data.validation_fraction, run.config.training.seed)


def _judge(
    run: TrainedRun, split: SplitChoice, load: Callable[[TrainedRun], LoadedRun]
) -> ComparedRun:
    evaluation = load(run).evaluate(split)
    metrics: dict[str, Any] = run.run.read_metrics()
    summary = summarize(run.config)
    weights = run.path / WEIGHTS_FILES["selected"]
    return ComparedRun(
        run.path,
        evaluation,
        int(metrics["parameters"]),
        summary.macs,
        float(metrics["duration_seconds"]),
        weights.stat().st_size,
        run.run.is_smoke(),
    )


def _compare_with_first(runs: Sequence[ComparedRun]) -> Iterator[PairResult]:
    first, *others = (run.evaluation.probabilities.argmax(axis=1) for run in runs)
    labels = runs[0].evaluation.labels
    right = first == labels
    counts = [
        (
            int((answers != first).sum()),
            int((right & (answers != labels)).sum()),
            int((~right & (answers == labels)).sum()),
        )
        for answers in others
    ]
    p_values = [mcnemar_exact(lost, gained) for _, lost, gained in counts]
    corrected = holm_correction(p_values)
    for run, count, p_value, raised in zip(
        runs[1:], counts, p_values, corrected, strict=True
    ):
        yield PairResult(run.path, *count, p_value, raised)


def _find_disagreements(
    evaluations: Sequence[Evaluation], names: Sequence[str]
) -> Iterator[Disagreement]:
    answers = [each.probabilities.argmax(axis=1) for each in evaluations]
    labels = evaluations[0].labels
    for index, given in enumerate(zip(*answers, strict=True)):
        if len(set(given)) > 1:
            said = tuple(names[answer] for answer in given)
            yield Disagreement(index, names[labels[index]], said)
