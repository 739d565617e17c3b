"""The settings of a trial in a line: short, and never a half of something."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from cifarcnn.cli.trial_text import describe_settings, name_settings
from cifarcnn.config.search_space import SearchSpace, read_search_space
from cifarcnn.search.samplers import suggest
from cifarcnn.search.trials import list_trials

NET = """\
name: net
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3}
    - Conv2D: {filters: 8, kernel_size: 3}
    - MaxPooling2D: 2
    - Flatten
    - Dense: {units: 10, activation: softmax}
training: {optimizer: {Adam: 0.01}}
"""
SPACE = """\
optimizer.learning_rate: [0.01, 0.02]
model.layers[0].filters: [16, 24]
model.layers[1].filters: [32, 48]
model.layers[2]:
  - - Conv2D: {filters: 8, kernel_size: 3, padding: same}
    - BatchNormalization
    - Activation: relu
  - MaxPooling2D
learning_rate_schedule:
  - Triangle: {start_fraction: 0.1, peak_at_fraction: 0.25, final_fraction: 0.05}
  - Constant
early_stopping:
  - {patience: 3, monitor: val_loss}
  - null
training.averaging:
  - Lookahead: {every_steps: 5, momentum: 0.95}
  - Lookahead: {every_steps: 6, momentum: 0.95}
  - null
"""


def test_spaces_are_told_by_the_names_of_their_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    space = read(SPACE)
    study = optuna.create_study()
    for fixed in ("first", "last"):
        values = {
            each.key: each.choices[0 if fixed == "first" else -1]  # type: ignore[union-attr]
            for each in space.parameters
        }
        study.enqueue_trial(values)
        suggest(study.ask(), space)
    first, last = list_trials(study)
    names = name_settings(space)
    assert describe_settings(first, names) == (
        "learning_rate 0.01, layers[0].Conv2D.filters 16, layers[1].Conv2D.filters 32, "
        "layers[2] Conv2D + BatchNormalization + Activation, learning_rate_schedule "
        "Triangle, early_stopping {patience: 3, monitor: val_loss}, averaging "
        "Lookahead #1"
    )
    assert describe_settings(last, names) == (
        "learning_rate 0.02, layers[0].Conv2D.filters 24, layers[1].Conv2D.filters 48, "
        "layers[2] MaxPooling2D, learning_rate_schedule Constant, early_stopping null, "
        "averaging null"
    )


def read(space: str) -> SearchSpace:
    Path("net.yaml").write_text(NET)
    Path("space.yaml").write_text(space)
    return read_search_space("net.yaml", (), Path("space.yaml"))
