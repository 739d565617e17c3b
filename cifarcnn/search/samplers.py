"""Optuna's samplers and pruners, and our space as one of Optuna's."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler

from cifarcnn.config.search_space import Choices, Parameter, SearchSpace, Value
from cifarcnn.errors import UsageError
from cifarcnn.search.folder import Pruner, Sampler

_EPOCHS = "training.epochs"
# More could not be kept with each trial, nor trained.
MOST_OF_GRID = 100_000


def make_sampler(name: Sampler, space: SearchSpace, seed: int) -> BaseSampler:
    """The sampler of a name.

    Args:
        name: Which.
        space: What varies.
        seed: Of its draws, any whole number; a grid has none.
    """
    seed %= 2**32
    if name == "grid":
        return GridSampler(grid_of(space), seed=0)
    if name == "random":
        return RandomSampler(seed=seed)
    # Several processes choose at once, and shall not choose the same.
    return TPESampler(seed=seed, constant_liar=True)


def make_pruner(name: Pruner, space: SearchSpace) -> BasePruner:
    """The pruner of a name; hyperband's brackets reach to the most epochs there are."""
    if name == "none":
        return NopPruner()
    if name == "median":
        return MedianPruner()
    return HyperbandPruner(max_resource=_most_epochs(space))


def _most_epochs(space: SearchSpace) -> int:
    found = {each.key: each for each in space.parameters}.get(_EPOCHS)
    if found is None:
        return space.base.training.epochs
    if isinstance(found, Choices):
        return max(map(int, found.choices))
    return int(found.high)


def grid_of(space: SearchSpace) -> Mapping[str, list[Value]]:
    """All values of each parameter.

    Raises:
        UsageError: One has more than can be counted, or all together have too many.
    """
    endless = [each.key for each in space.parameters if each.count is None]
    if endless:
        raise UsageError(
            f"--sampler grid needs values that can be counted, and {endless[0]} is a "
            f"range without a step. Name them, as in --vary {endless[0]}=A,B,C, or "
            "give the range a step, as in LOW..HIGH:step=STEP."
        )
    if (count := count_grid(space)) > MOST_OF_GRID:
        raise UsageError(
            f"--sampler grid has {count:,} combinations here; {MOST_OF_GRID:,} are the "
            "most. Name fewer values, or take another sampler."
        )
    return {
        each.key: [each.value(number) for number in range(each.count or 0)]
        for each in space.parameters
    }


def count_grid(space: SearchSpace) -> int:
    """How many combinations a grid has."""
    return prod(each.count or 0 for each in space.parameters)


def suggest(trial: optuna.Trial, space: SearchSpace) -> dict[str, Value]:
    """A value for each parameter, as ``space.apply`` takes them."""
    return {each.key: _suggest_one(trial, each) for each in space.parameters}


def _suggest_one(trial: optuna.Trial, parameter: Parameter) -> Value:
    key = parameter.key
    if isinstance(parameter, Choices):
        chosen: str = trial.suggest_categorical(key, parameter.choices)
        return chosen
    low, high, log = parameter.low, parameter.high, parameter.log
    if parameter.is_integer:
        # Optuna knows no logarithmic range with a step of its own.
        step = 1 if log else int(parameter.step or 1)
        whole: int = trial.suggest_int(key, int(low), int(high), log=log, step=step)
        return whole
    step_size = None if log else parameter.step
    number: float = trial.suggest_float(key, low, high, log=log, step=step_size)
    return number
