"""What can never exist is told before the first trial; what may not, is not trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifarcnn.config.schema import Config
from cifarcnn.config.search_space import SearchSpace, read_search_space
from cifarcnn.config.search_space.fixed_keys import FIXED_KEYS, find_fixed
from cifarcnn.errors import ConfigError

NET = """data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3}
    - MaxPooling2D: 2
    - MaxPooling2D: 2
    - Flatten
    - Dense: 10
training: {optimizer: {Adam: {clipvalue: 1}}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, encoding="utf-8")


def read(*vary: str) -> SearchSpace:
    return read_search_space("net.yaml", vary)


def refuse(*vary: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(*vary)
    return [problem.message for problem in refused.value.problems]


FIRST, SECOND = (f"model.layers[{number}].MaxPooling2D.pool_size" for number in (1, 2))


def test_what_cannot_exist_together_is_told_of_the_combination() -> None:
    space = read("layers.1.pool_size=2,8", "layers.2.pool_size=2,8")
    for first, second, fits in (("2", "8", True), ("8", "2", True), ("8", "8", False)):
        values = {FIRST: first, SECOND: second}
        if fits:
            assert space.apply(values).model.layers[1].output_shape((30, 30, 8))
            continue
        with pytest.raises(ConfigError, match="a window of 8x8 does not fit into"):
            space.apply(values)


def test_a_value_that_only_others_make_possible_may_be_tried() -> None:
    # By itself each is refused: there is a clipvalue already.
    space = read("optimizer.clipnorm=1..2", "optimizer.clipvalue=null,0.5")
    rate = "training.optimizer.Adam"
    values = {f"{rate}.clipnorm": 1.5, f"{rate}.clipvalue": "null"}
    assert space.apply(values).training.optimizer.clipnorm == 1.5
    with pytest.raises(ConfigError, match="cannot be used together"):
        space.apply(values | {f"{rate}.clipvalue": "0.5"})


def test_a_value_that_nothing_makes_possible_is_told_at_its_place() -> None:
    told = "40 cannot be here: a window of 40x40 does not fit into maps of 30x30"
    assert refuse("layers.1.pool_size=2,40", "layers.2.pool_size=2,3") == [told]
    # There may be a combination that was not looked at.
    assert read("layers.1.pool_size=2,40", "label_smoothing=0..0.5").parameters


def test_it_is_told_when_nothing_at_all_can_exist() -> None:
    both = refuse("layers.1.pool_size=8,9", "layers.2.pool_size=8,9")
    assert both == [
        "none of the 4 combinations can exist; of the first: model.layers[2]: a window "
        "of 8x8 does not fit into maps of 3x3"
    ]
    drawn = refuse(
        "layers.1.pool_size=8..9", "layers.2.pool_size=8..9", "label_smoothing=0..0.5"
    )
    assert drawn == [
        "none of 12 combinations that were drawn can exist; of the first: "
        "model.layers[2]: a window of 8x8 does not fit into maps of 3x3"
    ]
    # It is told which it is, where it is one alone.
    fits_not = "cannot be here: a window of {0}x{0} does not fit into maps of 30x30"
    assert refuse("layers.1.pool_size=40..50", "label_smoothing=0..0.5") == [
        f"{size} {fits_not.format(size)}" for size in (40, 50)
    ]


def test_a_space_of_which_little_can_exist_is_one() -> None:
    # The last layer must give ten numbers; one in 91 is right.
    space = read("layers.4.units=10..100", "label_smoothing=0..0.5")
    units, smoothing = (parameter.key for parameter in space.parameters)
    assert space.apply({units: 10, smoothing: 0.1}).training.label_smoothing == 0.1


def test_nothing_is_said_of_combinations_while_a_parameter_is_wrong() -> None:
    told = refuse("layers.1.pool_size=8..9", "layers.2.pool_size=8..9", "zzz=1,2")
    assert told == ["there is no key 'zzz'"]


def test_wide_ranges_and_fine_steps_take_no_time() -> None:
    space = read("epochs=1..100000", "label_smoothing=0..0.5:step=1e-9")
    assert [parameter.count for parameter in space.parameters] == [100_000, 500_000_001]
    assert space.parameters[1].value(3) == 3e-9


def test_a_parameter_of_a_block_that_only_a_choice_uses_may_vary() -> None:
    blocks = "blocks: {conv: {parameters: {filters: 8}, layers: [Conv2D: {filters: "
    blocks += "$filters, kernel_size: 3, padding: same}]}}\n"
    Path("net.yaml").write_text(blocks + NET, encoding="utf-8")
    filters = "blocks.conv.parameters.filters"
    space = read(f"{filters}=4..8", "layers.1=MaxPooling2D,conv")
    layer = space.apply({filters: 5, "model.layers[1]": "conv"}).model.layers[1]
    assert layer.arguments()["filters"] == 5
    with pytest.raises(ConfigError, match="8 makes the same config as 4"):
        read(f"{filters}=4,8")


def test_every_fixed_key_is_one_of_the_config_and_says_why() -> None:
    for key, reason in FIXED_KEYS.items():
        value: object = Config
        for step in key:
            value = value.model_fields[step].annotation  # type: ignore[attr-defined]
        found = find_fixed((*key, "further"))
        assert found == (key, reason)
        assert refuse(f"{'.'.join(key)}=1,2") == [f"this may not vary: {reason}"]


@pytest.mark.parametrize(
    "values",
    [{}, {FIRST: "2", SECOND: "2"}, {FIRST: "3"}, {FIRST: 2}, {FIRST: "nothing"}],
)
def test_values_that_are_none_of_the_space_are_the_callers_mistake(
    values: dict[str, str],
) -> None:
    with pytest.raises(ValueError, match="pool_size"):
        read("layers.1.pool_size=2,4").apply(values)


def test_the_fingerprint_is_that_of_config_and_space() -> None:
    before = read("layers.1.pool_size=2,4", "epochs=1..3").fingerprint()

    def changed(old: str, new: str) -> str:
        Path("net.yaml").write_text(NET.replace(old, new), encoding="utf-8")
        return read("layers[1].pool_size=[2, 4]", "training.epochs=1..3").fingerprint()

    assert changed("data:", "# the same\nname: other\ndata:") == before
    assert changed("training: {", "training: {max_minutes: 3, backend: jax, ") == before
    assert changed("clipvalue: 1", "clipvalue: 2") != before
    assert changed("synthetic", "cifar10") != before
    Path("net.yaml").write_text(NET, encoding="utf-8")
    assert read("layers.1.pool_size=2,4", "epochs=1..4").fingerprint() != before
    assert read("layers.1.pool_size=2,4", "epochs=1..3:log").fingerprint() != before
    assert read("layers.1.pool_size=2,3", "epochs=1..3").fingerprint() != before
    assert read("layers.1.pool_size=2,4").fingerprint() != before
