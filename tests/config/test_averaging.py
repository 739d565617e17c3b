"""What a config can say about start values, rates, averages and views."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifarcnn.config import check_config, load_config
from cifarcnn.config.optimizers import (
    ExponentialMovingAverage,
    Lookahead,
    matches,
    multiplier_of,
)
from cifarcnn.errors import ConfigError

NETWORK = """model:
  layers:
    - Conv2D: {filters: 24, kernel_size: 2, name: first}
    - BatchNormalization: {scale: false}
    - Flatten
    - Dense: 10
"""


@pytest.fixture
def said(tmp_path: Path):
    """What ``check`` says of a text: line, column, message and hint."""

    def check(text: str) -> list[tuple[int, int, str, str]]:
        file = tmp_path / "config.yaml"
        file.write_text(text)
        problems = check_config(file, []).problems
        return [(p.line, p.column, p.message, p.hint) for p in problems]

    return check


def with_start(start: str) -> str:
    return NETWORK.replace("name: first", f"kernel_initializer: {start}")


# --- patterns ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("beta", "batch_normalization_1/beta", True),
        ("beta", "beta/kernel", False),
        ("*eta", "norm/beta", True),
        ("*/beta", "norm/beta", True),
        ("norm_*/beta", "norm_2/beta", True),
        ("norm_*/beta", "other/beta", False),
        ("norm/bet", "norm/beta", False),
        ("Beta", "norm/beta", False),
    ],
)
def test_a_pattern_means_names_or_whole_paths(pattern, path, meant):
    assert matches(pattern, path) is meant


def test_the_last_pattern_that_means_a_weight_counts():
    multipliers = {"beta": 64.0, "norm_2/beta": 2.0}
    assert multiplier_of(multipliers, "norm_1/beta") == 64
    assert multiplier_of(multipliers, "norm_2/beta") == 2
    assert multiplier_of(multipliers, "norm_2/gamma") == 1


def test_patterns_that_mean_a_weight_are_accepted(said):
    text = (
        NETWORK
        + """training:
  learning_rate_multipliers: {"*/beta": 64, first/kernel: 2}
  optimizer: {AdamW: {exclude_from_weight_decay: [bias, beta]}}
"""
    )
    assert said(text) == []


def test_a_pattern_without_a_weight_is_shown_in_its_line(said):
    text = (
        NETWORK
        + """training:
  learning_rate_multipliers: {betta: 64}
  optimizer: {AdamW: {exclude_from_weight_decay: [bias, gamma]}}
"""
    )
    assert said(text) == [
        (8, 31, "no weight of the network is called 'betta'", "did you mean beta?"),
        (
            9,
            57,
            "no weight of the network is called 'gamma'",
            "known: beta, bias, kernel",
        ),
    ]


def test_a_whole_path_is_compared_with_whole_paths(said):
    text = NETWORK + "training: {learning_rate_multipliers: {first/kernal: 2}}\n"
    assert said(text)[0][2:] == (
        "no weight of the network is called 'first/kernal'",
        "did you mean first/kernel?",
    )


# --- start values --------------------------------------------------------------------


@pytest.mark.parametrize(
    "start", ["Whitening", "identity", "{Whitening: {trainable: false}}"]
)
def test_whitening_and_identity_are_initializers_of_a_convolution(said, start):
    assert said(with_start(start)) == []


def test_a_dense_layer_has_no_whitening(said):
    text = NETWORK.replace(
        "Dense: 10", "Dense: {units: 10, kernel_initializer: Whitening}"
    )
    assert said(text)[0][2] == "there is no initializer 'Whitening'"


def test_whitening_needs_a_filter_for_every_value(said):
    text = with_start("Whitening").replace("kernel_size: 2", "kernel_size: 3")
    assert said(text) == [
        (
            3,
            45,
            "Whitening of 3x3 windows gives 27 filters and their negatives, but the "
            "layer has 24 filters",
            "use at least 27 filters, best 54",
        )
    ]


def test_whitening_belongs_to_the_first_layer(said):
    text = with_start("Whitening").replace("layers:\n", "layers:\n    - Dropout: 0.1\n")
    assert said(text) == [
        (
            4,
            45,
            "Whitening is worked out from the pictures, but the layer is not the first "
            "of the network and does not see them",
            "use Identity or HeNormal here",
        )
    ]


def test_a_layer_inside_a_residual_is_not_the_first(said):
    text = NETWORK.replace(
        "- BatchNormalization: {scale: false}",
        "- Residual: [Conv2D: {filters: 24, kernel_size: 2, padding: same, "
        "kernel_initializer: Whitening}]",
    )
    assert said(text)[0][:2] == (4, 71)


def test_whitening_has_no_gaps(said):
    text = with_start("Whitening, dilation_rate: 2")
    assert said(text)[0][2:] == (
        "Whitening looks at windows without gaps, but the layer has a dilation_rate "
        "of 2",
        "use dilation_rate: 1",
    )


def test_identity_needs_all_channels(said):
    text = with_start("Identity, groups: 3")
    assert said(text)[0][2:] == (
        "Identity needs filters that look at all channels, but the layer has 3 groups",
        "use groups: 1, or another initializer",
    )


# --- the other keys ------------------------------------------------------------------


def test_averages_are_chosen_by_name():
    config = load_config("article", {"training.averaging": "Lookahead"})
    assert config.training.averaging == Lookahead(every_steps=5, momentum=0.95)
    config = load_config(
        "article", {"training.averaging": {"ExponentialMovingAverage": 0.9}}
    )
    assert config.training.averaging == ExponentialMovingAverage(momentum=0.9)


def test_an_unknown_average_names_the_known_ones():
    with pytest.raises(ConfigError) as raised:
        load_config("article", {"training.averaging": "Polyak"})
    problem = raised.value.problems[0]
    assert problem.message == "there is no averaging 'Polyak'"
    assert problem.hint == "known: ExponentialMovingAverage, Lookahead"


def test_the_defaults_change_nothing():
    config = load_config("article")
    assert config.training.precision == "float32"
    assert config.training.averaging is None
    assert config.training.drop_remainder is False
    assert config.training.steps_per_execution is None
    assert config.training.learning_rate_multipliers == {}
    assert config.evaluation.test_time_augmentation == "none"


@pytest.mark.parametrize(
    "name", ["article-tuned", "article-regularized", "fast", "speedrun", "resnet18"]
)
def test_the_resolved_recipe_reads_back_the_same(name, tmp_path: Path):
    config = load_config(name)
    file = tmp_path / "config.yaml"
    file.write_text(config.to_yaml())
    assert load_config(file) == config


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        # airbench94's 1,971,640, and the moving statistics of six normalizations.
        ("speedrun", 1_971_640 + 2 * (2 * 64 + 4 * 256), 118_147_360),
        # PyTorch's 11,173,962 for ten classes, and the statistics of 4,800 channels.
        ("resnet18", 11_173_962 + 2 * 4_800, 555_422_720),
    ],
)
def test_the_networks_have_the_size_of_the_originals(name, parameters, macs):
    summary = check_config(name, []).summary
    assert (summary.parameters, summary.macs) == (parameters, macs)


def test_the_tuned_article_has_the_layers_of_the_article():
    def sizes(name):
        rows = check_config(name, []).summary.rows
        kinds = ("Conv2D", "MaxPooling2D", "Flatten", "Dense")
        return [(r.type, r.output_shape, r.macs) for r in rows if r.type in kinds]

    assert sizes("article-tuned") == sizes("article")
    assert load_config("article-tuned").training.epochs == 3


def test_the_regularized_article_has_at_most_three_times_the_parameters():
    regularized, article = (
        check_config(name, []).summary.parameters
        for name in ("article-regularized", "article")
    )
    assert regularized <= 3 * article
