"""Configs that were trained with several seeds each, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.config.config_differences import (
    ConfigDifference,
    find_config_differences,
)
from cifarcnn.config.datasets import Normalization
from cifarcnn.config.loading import load_config
from cifarcnn.config.schema import Config
from cifarcnn.errors import CifarcnnError, RunError, UsageError
from cifarcnn.hypothesis_tests import PairedTest, holm_correction, paired_t_test
from cifarcnn.intervals import MeanWithInterval, mean_of_shares
from cifarcnn.runs.folder import Run
from cifarcnn.runs.manifest import Origin, read_manifest
from cifarcnn.runs.seeds_folder import (
    SeedsFolder,
    is_seeds_folder,
    open_seeds_folder,
    read_val_accuracy,
)


@dataclass(frozen=True)
class ComparedSeeds:
    """What a config came to.

    Attributes:
        paths: The folder of its runs, or those of single runs.
        runs: The finished ones by seed.
        config: Of all, but for the seed.
        accuracies: On the validation images of each seed, 0 to 1; of runs that have
            some.
    """

    paths: tuple[Path, ...]
    runs: dict[int, Run]
    config: Config
    accuracies: dict[int, float]

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        more = len(self.paths) - 1
        return f"{self.paths[0]} and {more} more" if more else str(self.paths[0])

    @property
    def spread(self) -> MeanWithInterval | None:
        """Of the accuracies; None of fewer than two."""
        return mean_of_shares([*self.accuracies.values()])


@dataclass(frozen=True)
class SeedsPair:
    """A config against the first one.

    Attributes:
        name: Of the config.
        seeds: That both were trained with.
        test: Of the accuracies of these seeds, this one less the first.
        corrected_p_value: By Holm's method, for all that are compared with the first;
            ``None`` where every seed differs by the same.
    """

    name: str
    seeds: tuple[int, ...]
    test: PairedTest
    corrected_p_value: float | None


@dataclass(frozen=True)
class SeedsComparison:
    """Configs side by side.

    Attributes:
        configs: In the order given; single runs in the place of their first.
        differences: Of the configs, without name and seed.
        pairs: Each of the others against the first.
    """

    configs: tuple[ComparedSeeds, ...]
    differences: tuple[ConfigDifference, ...]
    pairs: tuple[SeedsPair, ...]


def have_several_seeds(paths: Sequence[Path]) -> bool:
    """Whether single runs are of several configs, and of some with several seeds."""
    try:
        configs = [Run.open(path).config for path in paths]
    except CifarcnnError:
        return False
    found = [_describe_config(config) for config in configs]
    normalizations: dict[tuple[str, int], Normalization] = {}
    for key, config in zip(found, configs, strict=True):
        own = config.data.normalization
        # One seed measures the same numbers: somebody wrote these.
        if normalizations.setdefault((key, config.training.seed), own) != own:
            return False
    return 1 < len(set(found)) < len(found)


def compare_seeds(paths: Sequence[Path]) -> SeedsComparison:
    """Compare configs that were trained with several seeds; no network is built.

    Runs of one seed see the same validation images, so that they make pairs.

    Args:
        paths: Folders of ``train --seeds``, and single runs, of which those that differ
            in their seed alone are taken together.

    Raises:
        RunError: A file is missing or damaged; with every problem.
        UsageError: They cannot be compared; likewise.
    """
    problems: list[CifarcnnError] = []
    opened: list[SeedsFolder | list[Run]] = []
    by_config: dict[str, list[Run]] = {}
    for path in paths:
        try:
            if is_seeds_folder(path):
                opened.append(open_seeds_folder(path))
                continue
            run = Run.open_finished(path)
            key = _describe_config(run.config)
        except CifarcnnError as error:
            problems.append(error)
            continue
        if key not in by_config:
            by_config[key] = []
            opened.append(by_config[key])
        by_config[key].append(run)
    groups: list[ComparedSeeds] = []
    for each in opened:
        try:
            groups.append(_read(each))
        except CifarcnnError as error:
            problems.append(error)
    if len(groups) < 2 and not problems:
        problems.append(UsageError("One config alone cannot be compared."))
    problems += map(UsageError, _find_problems(groups))
    if problems:
        broken = any(isinstance(problem, RunError) for problem in problems)
        raise (RunError if broken else UsageError)("\n".join(map(str, problems)))
    differences = find_config_differences([group.config for group in groups])
    return SeedsComparison(
        tuple(groups),
        tuple(each for each in differences if each.path != "training.seed"),
        tuple(_test_pairs(groups)),
    )


def _describe_config(config: Config) -> str:
    """The same for configs that differ in their name and seed alone.

    The numbers of ``data.normalization`` are left out: ``standard`` measures them on
    the training images, which the seed chooses. So is what changes no result.
    """
    same = {"seed": 0, "tracking": [], "checkpoint_minutes": 1.0}
    training = config.training.model_copy(update=same)
    config = _with_standard(config)
    return config.model_copy(update={"name": "", "training": training}).to_yaml()


def _with_standard(config: Config) -> Config:
    """The config as it was before its normalization was measured."""
    if isinstance(config.data.normalization, str):
        return config
    data = config.data.model_copy(update={"normalization": "standard"})
    return config.model_copy(update={"data": data})


def _read(opened: SeedsFolder | Sequence[Run]) -> ComparedSeeds:
    if isinstance(opened, SeedsFolder):
        paths: tuple[Path, ...] = (opened.path,)
        runs = opened.finished_runs()
        config = load_config(opened.base_path)
    else:
        paths = tuple(run.path for run in opened)
        runs = _sort_by_seed(opened)
        config = opened[0].config
        if len({str(run.config.data.normalization) for run in opened}) > 1:
            config = _with_standard(config)
    found = {seed: read_val_accuracy(run) for seed, run in runs.items()}
    known = {seed: share for seed, share in found.items() if share is not None}
    if not known:
        raise UsageError(
            f"{paths[0]} has no finished run with validation pictures to compare by."
        )
    return ComparedSeeds(paths, runs, config, known)


def _sort_by_seed(runs: Sequence[Run]) -> dict[int, Run]:
    found: dict[int, Run] = {}
    for run in runs:
        twin = found.setdefault(run.config.training.seed, run)
        if twin is not run and twin.path.samefile(run.path):
            raise UsageError(f"{run.path} is given twice.")
        if twin is not run:
            raise UsageError(
                f"{twin.path} and {run.path} have the same config and the same seed. "
                "Name one of them."
            )
    return found


def _read_origin(group: ComparedSeeds) -> Origin:
    return read_manifest(next(iter(group.runs.values())).path).origin


def _find_problems(groups: Sequence[ComparedSeeds]) -> Iterator[str]:
    for number, each in enumerate(groups[1:], start=1):
        if any(each.paths[0].samefile(other.paths[0]) for other in groups[:number]):
            yield f"{each.paths[0]} is given twice."
        first = groups[0]
        origin, expected = _read_origin(each), _read_origin(first)
        if (origin.class_names, origin.data.checksum) != (
            expected.class_names,
            expected.data.checksum,
        ):
            yield (
                f"{each.name} and {first.name} were trained on other data: "
                f"{origin.data.name} with the checksum {origin.data.checksum[:12]} and "
                f"{expected.data.name} with {expected.data.checksum[:12]}."
            )
        elif len(each.accuracies.keys() & first.accuracies.keys()) < 2:
            yield (
                f"{each.name} and {first.name} have fewer than two seeds in common "
                "that are finished and have validation pictures: nothing can be "
                "paired."
            )


def _test_pairs(compared: Sequence[ComparedSeeds]) -> list[SeedsPair]:
    first, *others = compared
    tests = []
    for other in others:
        seeds = tuple(seed for seed in first.accuracies if seed in other.accuracies)
        before = [first.accuracies[seed] for seed in seeds]
        after = [other.accuracies[seed] for seed in seeds]
        test = paired_t_test(before, after)
        if test is None:
            raise UsageError(f"{other.name} and {first.name} share one seed alone.")
        tests.append((other.name, seeds, test))
    known = [test.p_value for *_, test in tests if test.p_value is not None]
    corrected = iter(holm_correction(known))
    return [
        SeedsPair(name, seeds, test, None if test.p_value is None else next(corrected))
        for name, seeds, test in tests
    ]
