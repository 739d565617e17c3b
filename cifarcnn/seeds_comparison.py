"""Configs that were trained with several seeds each, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.config.config_differences import (
    ConfigDifference,
    find_config_differences,
)
from cifarcnn.config.loading import load_config
from cifarcnn.errors import CifarcnnError, RunError, UsageError
from cifarcnn.hypothesis_tests import PairedTest, holm_correction, paired_t_test
from cifarcnn.intervals import MeanWithInterval, mean_with_interval
from cifarcnn.runs.manifest import Origin, read_manifest
from cifarcnn.runs.seeds_folder import (
    SeedsFolder,
    open_seeds_folder,
    read_val_accuracy,
)


@dataclass(frozen=True)
class ComparedSeeds:
    """What a config came to.

    Attributes:
        path: The folder of its runs.
        accuracies: On the validation images of each seed, 0 to 1; finished runs alone.
        spread: Of these.
    """

    path: Path
    accuracies: dict[int, float]
    spread: MeanWithInterval | None


@dataclass(frozen=True)
class SeedsPair:
    """A config against the first one.

    Attributes:
        path: Of its folder.
        seeds: That both were trained with.
        test: Of the accuracies of these seeds, this one less the first.
        corrected_p_value: By Holm's method, for all that are compared with the first;
            ``None`` where every seed differs by the same.
    """

    path: Path
    seeds: tuple[int, ...]
    test: PairedTest
    corrected_p_value: float | None


@dataclass(frozen=True)
class SeedsComparison:
    """Configs side by side.

    Attributes:
        configs: In the order given.
        differences: Of the configs, without name and seed.
        pairs: Each of the others against the first.
    """

    configs: tuple[ComparedSeeds, ...]
    differences: tuple[ConfigDifference, ...]
    pairs: tuple[SeedsPair, ...]


def compare_seeds(paths: Sequence[Path]) -> SeedsComparison:
    """Compare folders of ``train --seeds``; no network is built.

    Runs of one seed see the same validation images, so that they make pairs.

    Args:
        paths: Of the folders, two at least.

    Raises:
        RunError: A file is missing or damaged; with every problem.
        UsageError: They cannot be compared; likewise.
    """
    problems: list[CifarcnnError] = []
    opened: list[tuple[ComparedSeeds, Origin]] = []
    for path in paths:
        try:
            folder = open_seeds_folder(path)
            opened.append((_read(folder), _read_origin(folder)))
        except CifarcnnError as error:
            problems.append(error)
    problems += map(UsageError, _find_problems(opened))
    if problems:
        broken = any(isinstance(problem, RunError) for problem in problems)
        raise (RunError if broken else UsageError)("\n".join(map(str, problems)))
    compared = [each for each, _ in opened]
    configs = [load_config(open_seeds_folder(path).base_path) for path in paths]
    differences = find_config_differences(configs)
    return SeedsComparison(
        tuple(compared),
        tuple(each for each in differences if each.path != "training.seed"),
        tuple(_test_pairs(compared)),
    )


def _read(folder: SeedsFolder) -> ComparedSeeds:
    found = {
        seed: read_val_accuracy(run) for seed, run in folder.finished_runs().items()
    }
    known = {seed: share for seed, share in found.items() if share is not None}
    if not known:
        raise UsageError(
            f"{folder.path} has no finished run with validation pictures to compare by."
        )
    return ComparedSeeds(folder.path, known, mean_with_interval([*known.values()]))


def _read_origin(folder: SeedsFolder) -> Origin:
    first = next(iter(folder.finished_runs().values()))
    return read_manifest(first.path).origin


def _find_problems(opened: Sequence[tuple[ComparedSeeds, Origin]]) -> list[str]:
    found = []
    for number, (each, origin) in enumerate(opened):
        if any(each.path.samefile(other.path) for other, _ in opened[:number]):
            found.append(f"{each.path} is given twice.")
        first, expected = opened[0]
        if (origin.class_names, origin.data.checksum) != (
            expected.class_names,
            expected.data.checksum,
        ):
            found.append(
                f"{each.path} and {first.path} were trained on other data: "
                f"{origin.data.name} with the checksum {origin.data.checksum[:12]} and "
                f"{expected.data.name} with {expected.data.checksum[:12]}."
            )
        elif len(each.accuracies.keys() & first.accuracies.keys()) < 2:
            found.append(
                f"{each.path} and {first.path} have fewer than two seeds in common "
                "that are finished and have validation pictures: nothing can be "
                "paired."
            )
    return found


def _test_pairs(compared: Sequence[ComparedSeeds]) -> list[SeedsPair]:
    first, *others = compared
    tests = []
    for other in others:
        seeds = tuple(seed for seed in first.accuracies if seed in other.accuracies)
        before = [first.accuracies[seed] for seed in seeds]
        after = [other.accuracies[seed] for seed in seeds]
        test = paired_t_test(before, after)
        if test is None:
            raise UsageError(f"{other.path} and {first.path} share one seed alone.")
        tests.append((other.path, seeds, test))
    known = [test.p_value for *_, test in tests if test.p_value is not None]
    corrected = iter(holm_correction(known))
    return [
        SeedsPair(path, seeds, test, None if test.p_value is None else next(corrected))
        for path, seeds, test in tests
    ]
