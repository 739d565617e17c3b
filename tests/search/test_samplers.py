"""Optuna's samplers and pruners by name, over a space of ours."""

from __future__ import annotations

from typing import Any, get_args

import optuna
import pytest

from cifarcnn.config.search_space import read_search_space
from cifarcnn.search.folder import Pruner, Sampler
from cifarcnn.search.samplers import (
    count_grid,
    grid_of,
    make_pruner,
    make_sampler,
    suggest,
)
from cifarcnn.search.storage import quiet_optuna

VARY = (
    "optimizer.learning_rate=1e-4..1e-1:log",
    "training.batch_size=16..256:log",
    "training.label_smoothing=0..0.2:step=0.1",
    "training.epochs=4,9",
)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_optuna()


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_what_is_suggested_fits_the_config(sampler: Any):
    space = read_search_space("quickstart", VARY)
    study = optuna.create_study(direction="maximize")
    for number in range(15):
        study.sampler = make_sampler(sampler, space, number)
        trial = study.ask()
        values = suggest(trial, space)
        config = space.apply(values)
        rate = config.training.optimizer.learning_rate
        assert isinstance(rate, float) and 1e-4 <= rate <= 1e-1
        assert 16 <= config.training.batch_size <= 256
        assert config.training.epochs in (4, 9)
        study.tell(trial, rate)


def test_equal_seeds_draw_equal_settings_and_others_do_not():
    space = read_search_space("quickstart", VARY)

    def draw(seed: int) -> Any:
        study = optuna.create_study(sampler=make_sampler("tpe", space, seed))
        return suggest(study.ask(), space)

    assert draw(3) == draw(3) != draw(4)


def test_a_grid_has_every_combination_once():
    vary = ("training.batch_size=16,32", "training.label_smoothing=0..0.2:step=0.1")
    space = read_search_space("quickstart", vary)
    assert count_grid(space) == 6
    assert grid_of(space) == {
        "training.batch_size": ["16", "32"],
        "training.label_smoothing": pytest.approx([0.0, 0.1, 0.2]),
    }
    study = optuna.create_study(sampler=make_sampler("grid", space, 0))
    drawn = [suggest(study.ask(), space) for _ in range(6)]
    assert len({tuple(values.values()) for values in drawn}) == 6
    for values in drawn:
        space.apply(values)


@pytest.mark.parametrize("name", get_args(Pruner))
def test_a_pruner_ends_what_falls_behind_but_for_none(name: Pruner):
    space = read_search_space("quickstart", VARY)
    study = optuna.create_study(
        direction="maximize",
        sampler=make_sampler("random", space, 0),
        pruner=make_pruner(name, space),
        study_name="pruned",
    )
    ended = 0
    for number in range(30):
        trial = study.ask()
        for epoch in range(1, 10):
            trial.report(0.9 if number < 6 else 0.1 / number, epoch)
            if trial.should_prune():
                ended += 1
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, 0.5)
    assert (ended > 0) == (name != "none")


def test_every_sampler_of_the_command_line_is_there():
    space = read_search_space("quickstart", ("training.batch_size=16,32",))
    for name in get_args(Sampler):
        assert isinstance(make_sampler(name, space, 1), optuna.samplers.BaseSampler)
