"""``--set``: what it changes, and where it says that it is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cifarcnn.config import load_config
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.config.layers.dense import Dropout
from cifarcnn.config.layers.pooling import MaxPooling2D
from cifarcnn.config.optimizers import SGD, Adam, AdamW

if TYPE_CHECKING:
    from conftest import Check

    from cifarcnn.config import Config

TEXT = """name: small
data: {dataset: folder, path: pets, classes: [Cat, Dog]}
model:
  layers:
    - Conv2D: {filters: 16, kernel_size: 3}
    - Dropout: 0.5
    - Flatten
    - Dense: 2
training:
  epochs: 2
  optimizer: {Adam: {learning_rate: 0.01, beta_1: 0.8}}
  class_weights: {Cat: 1, Dog: 2}
"""


def changed(check: Check, *settings: str) -> Config:
    checked = check(TEXT, *settings)
    assert [str(problem) for problem in checked.problems] == []
    assert checked.config is not None
    return checked.config


def test_a_key_is_replaced_and_a_missing_one_is_made(check: Check) -> None:
    config = changed(check, "training.epochs=5", "training.early_stopping.patience=7")
    assert config.training.epochs == 5
    stopping = config.training.early_stopping
    assert stopping is not None and stopping.patience == 7


def test_the_last_of_two_settings_wins(check: Check) -> None:
    assert changed(check, "training.epochs=5", "training.epochs=6").training.epochs == 6


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), (" 0.25 ", 0.25), ("1", 1.0), ("0x1", 1.0)],
)
def test_a_value_has_its_type_by_the_rules_of_yaml(
    text: str, value: float, check: Check
) -> None:
    config = changed(check, f"training.optimizer.Adam.learning_rate={text}")
    assert config.training.optimizer.learning_rate == value


def test_an_argument_that_is_called_like_its_owner_is_replaced(check: Check) -> None:
    layer = "{Dense: {units: 10, kernel_regularizer: {L2: {l2: 0.01}}}}"
    text = f"model: {{layers: [Flatten, {layer}]}}\n"
    setting = "model.layers[1].Dense.kernel_regularizer.L2.l2=0.2"
    assert check(text, setting).config == check(text.replace("0.01", "0.2")).config


def test_what_follows_the_first_equals_sign_is_the_value(check: Check) -> None:
    assert changed(check, "data.path=a=b").data.path == "a=b"
    assert changed(check, "data.path=C:\\pets: x".replace(": ", ":")).data.path == (
        "C:\\pets:x"
    )
    assert changed(check, "name=no").name == "no"


def test_a_value_may_be_a_list_a_mapping_or_nothing(check: Check) -> None:
    config = changed(
        check,
        "data.classes=[Dog, Cat]",
        "training.class_weights={Cat: 3}",
        "training.early_stopping=",
        "model.layers[0].Conv2D.kernel_size=[3, 5]",
    )
    assert config.data.classes == ["Dog", "Cat"]
    assert config.training.class_weights == {"Cat": 3, "Dog": 2}
    assert config.training.early_stopping is None
    first = config.model.layers[0]
    assert isinstance(first, Conv2D) and first.kernel_size == (3, 5)


@pytest.mark.parametrize(
    ("optimizer", "setting", "hint"),
    [
        ("{}", "training.optimizer.lr=0.1",
         "write training.optimizer.Adam.learning_rate=0.1"),
        ("{optimizer: {SGD: {momentum: 0.9}}}", "training.optimizer.lr=0.1",
         "write training.optimizer.SGD.lr=..."),
        ("{optimizer: {SGD: {momentum: 0.9}}}", "training.optimizer.SGD.lr=0.1",
         "write learning_rate"),
        ("{}", "training.epochs=5,training.seed=3",
         "give each value a --set of its own"),
        ("{}", "training.class_weights={cat:2}", "put a space after the colon: cat: 2"),
    ],
)  # fmt: skip
def test_the_way_out_is_a_setting(
    optimizer: str, setting: str, hint: str, check: Check
) -> None:
    text = f"model: {{layers: [Flatten, Dense: 10]}}\ntraining: {optimizer}\n"
    assert [problem.hint for problem in check(text, setting).problems] == [hint]


def test_an_item_of_a_list_is_named_by_its_number(check: Check) -> None:
    config = changed(
        check, "model.layers[0].Conv2D.filters=7", "model.layers[1].Dropout.rate=0.25"
    )
    first, second = config.model.layers[:2]
    assert isinstance(first, Conv2D) and first.filters == 7
    assert isinstance(second, Dropout) and second.rate == 0.25


@pytest.mark.parametrize("key", ["model.layers.0", "model.layers[0]"])
def test_the_number_of_an_item_may_follow_a_point(key: str, check: Check) -> None:
    config = changed(check, f"{key}.Conv2D.filters=9")
    first = config.model.layers[0]
    assert isinstance(first, Conv2D) and first.filters == 9


def test_a_key_that_is_a_number_stays_a_key(check: Check) -> None:
    text = TEXT.replace("[Cat, Dog]", "['7', '8']").replace("Cat: 1, Dog: 2", "'7': 1")
    checked = check(text, "training.class_weights.7=5", "data.classes.1='9'")
    assert checked.config is not None
    assert checked.config.training.class_weights == {"7": 5}
    assert checked.config.data.classes == ["7", "9"]


def test_another_optimizer_takes_the_place_of_the_one_in_the_file(check: Check) -> None:
    config = changed(check, "training.optimizer.SGD.momentum=0.9")
    assert config.training.optimizer == SGD(momentum=0.9)
    assert changed(check, "training.optimizer=adamw").training.optimizer == AdamW()


@pytest.mark.parametrize("name", ["Adam", "adam"])
def test_the_same_optimizer_keeps_its_other_arguments(name: str, check: Check) -> None:
    config = changed(check, f"training.optimizer.{name}.learning_rate=0.5")
    assert config.training.optimizer == Adam(learning_rate=0.5, beta_1=0.8)


def test_an_argument_that_was_given_by_itself_stays(check: Check) -> None:
    layers = "[MaxPooling2D: 4, Flatten, Dense: 2]"
    checked = check(
        f"model: {{layers: {layers}}}\ntraining: {{optimizer: {{Adam: 0.02}}}}\n",
        "model.layers[2].Dense.units=10",
        "training.optimizer.adam.beta_1=0.8",
        "model.layers[0].MaxPooling2D.padding=same",
    )
    assert checked.config is not None
    assert checked.config.training.optimizer == Adam(learning_rate=0.02, beta_1=0.8)
    pooling = checked.config.model.layers[0]
    assert isinstance(pooling, MaxPooling2D)
    assert (pooling.pool_size, pooling.padding) == ((4, 4), "same")


def test_a_weight_of_one_class_leaves_the_others(check: Check) -> None:
    config = changed(check, "training.class_weights.Dog=5")
    assert config.training.class_weights == {"Cat": 1, "Dog": 5}


def test_settings_work_on_the_file_as_written_with_its_blocks(check: Check) -> None:
    text = (
        "blocks:\n  b: {parameters: {n: 4}, layers: [Conv2D: {filters: $n, "
        "kernel_size: 1}]}\nmodel:\n  layers: [b, Flatten, Dense: 10]\n"
    )
    checked = check(text, "blocks.b.parameters.n=6", "model.layers[1]=Flatten")
    assert checked.config is not None
    first = checked.config.model.layers[0]
    assert isinstance(first, Conv2D) and first.filters == 6


def test_a_config_may_come_from_settings_alone(check: Check) -> None:
    checked = check("name: x\n", "model.layers=[Flatten, Dense: 10]")
    assert checked.config is not None and len(checked.summary.rows) == 2


FORM = (
    "expected KEY=VALUE",
    "such as training.epochs=5 or model.layers[0].Conv2D.filters=64",
)
WRONG = [
    ("training.epochs", 1, "", *FORM),
    ("=5", 1, "", *FORM),
    ("", 1, "", *FORM),
    ("training..epochs=5", 1, "", *FORM),
    (".training=5", 1, "", *FORM),
    ("training.epochs =5", 1, "", FORM[0], "write training.epochs=5, without spaces"),
    ("training.epochs: 5", 1, "", FORM[0], "write training.epochs=5, without spaces"),
    ("model.layers[-1].Dense.units=5", 1, "", *FORM),
    ("model.layers[a].Dense.units=5", 1, "", *FORM),
    ("model.layers[].Dense.units=5", 1, "", *FORM),
    ("[0]=5", 1, "", *FORM),
    ("model.layers[9999999].Dense=5", 1, "", *FORM),
    ("a." * 40 + "b=5", 1, "", "nested more than 32 levels deep", ""),
    ("extends=article", 1, "extends", "only a file can extend another one", ""),
    ("model.layers[4]=5", 1, "model.layers[4]",
     "there is no item 4; the list has 4", "they count from 0"),
    ("name[0]=5", 1, "name", "expected a list, found 'small'", ""),
    ("training.nothing[0]=5", 1, "training.nothing", "expected a list, found nothing",
     ""),
    ("model.layers.9.Dense.units=5", 1, "model.layers[9]",
     "there is no item 9; the list has 4", "they count from 0"),
    ("model.layers.Dense.units=5", 1, "model.layers", "this is a list",
     "name an item by its number: model.layers[3].Dense"),
    ("model.layers.GRU.units=5", 1, "model.layers", "this is a list",
     "name an item by its number, from 0: model.layers[0]"),
    ("model.layers[3].units=5", 1, "model.layers[3]",
     "'units' is an argument of Dense", "write model.layers[3].Dense.units=..."),
    ("training[0]=5", 1, "training", "expected a list, found a mapping",
     "name a key, such as training.epochs"),
    ("training.lr=0.5", 1, "training.lr", "there is no key 'lr'",
     "write training.optimizer.Adam.learning_rate=0.5"),
    ("data.augmentation={RandomFlip: vertical}", 19, "data.augmentation",
     "expected a list, found a mapping",
     "write data.augmentation=[{RandomFlip: vertical}]"),
    ("training.epochs=two", 17, "training.epochs",
     "expected a whole number, found 'two'", ""),
    ("training.epochs='2'", 17, "training.epochs",
     "expected a whole number, found '2'", "remove the quotes"),
    ("training.epochs=", 17, "training.epochs", "expected a whole number, found null",
     "give a value after the ="),
    ("training.epochs=# five", 17, "training.epochs",
     "expected a whole number, found null",
     "give a value after the ="),
    ("training.epohs=2", 1, "training.epohs", "there is no key 'epohs'",
     "did you mean epochs?"),
    ("epochs=2", 1, "epochs", "there is no key 'epochs'",
     "write training.epochs=2"),
    ("training={epohs: 2}", 11, "training.epohs", "there is no key 'epohs'",
     "did you mean epochs?"),
    ("training.epochs.x=2", 1, "training.epochs",
     "expected a whole number, found a mapping", ""),
    ("training.optimizer.learning_rate=1", 1, "training.optimizer",
     "'learning_rate' is an argument of Adam",
     "write training.optimizer.Adam.learning_rate=..."),
    ("training.optimizer={", 21, "",
     "not valid YAML: the text ends inside a list or mapping that is never closed",
     "close it with ] or }"),
    ("data.path=*.jpg", 11, "",
     "not valid YAML: a value that begins with * is an alias, which is not allowed",
     "put the value in quotes"),
    ("data={path: x, path: y}", 16, "path", "the key is given twice; first in line 1",
     "keep one of them"),
    ("name=\x07", 6, "", "the character U+0007 is not allowed in YAML", "remove it"),
    ("name=\udcff", 6, "", "the character U+DCFF is not allowed in YAML", "remove it"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "column", "path", "message", "hint"),
    WRONG,
    ids=[ascii(row[0][:40]) for row in WRONG],
)
def test_a_wrong_setting_is_told_with_its_column(
    setting: str, column: int, path: str, message: str, hint: str, check: Check
) -> None:
    (problem,) = check(TEXT, setting).problems
    assert (problem.file, problem.line, problem.column) == ("--set", 1, column)
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)


def test_the_caret_stands_under_the_value(check: Check) -> None:
    (problem,) = check(TEXT, "training.epochs=two").problems
    assert str(problem) == (
        "--set:1:17: training.epochs: expected a whole number, found 'two'\n"
        "    1 | training.epochs=two\n"
        "      |                 ^"
    )


def test_the_second_line_of_a_value_has_its_own_columns(check: Check) -> None:
    (problem,) = check(TEXT, "training={seed: 1,\n epohs: 3}").problems
    assert (problem.line, problem.column, problem.text) == (2, 2, " epohs: 3}")


def test_all_wrong_settings_are_told_at_once(check: Check) -> None:
    checked = check(TEXT, "epochs", "training.epochs=3", "name[0]=1")
    assert [problem.text for problem in checked.problems] == ["epochs", "name[0]=1"]


@pytest.mark.parametrize(
    "value", ["é猫😀", "no", "1e-3", "a: b", "C:\\pets", "'", '"', " x", "", "*", "[a"]
)
def test_a_text_given_from_python_arrives_as_it_is(value: str, check: Check) -> None:
    check(TEXT)
    assert load_config("c.yaml", {"data.path": value}).data.path == value


def test_values_of_python_arrive_with_their_types(check: Check) -> None:
    check(TEXT)
    config = load_config(
        "c.yaml",
        {
            "training.optimizer": {"SGD": {"learning_rate": 1e-07, "nesterov": True}},
            "training.class_weights": None,
            "model.layers[0].Conv2D.kernel_size": (3, 1),
        },
    )
    assert config.training.optimizer == SGD(learning_rate=1e-7, nesterov=True)
    assert config.training.class_weights is None
