"""Every name that Keras has is known to the schema or told as what it is."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, get_args

import pytest

from cifarcnn import engine
from cifarcnn.config import keras_arguments, keras_names
from cifarcnn.config.augmentation import AUGMENTATIONS
from cifarcnn.config.constraints import CONSTRAINTS
from cifarcnn.config.initializers import CONV_INITIALIZERS, INITIALIZERS, REGULARIZERS
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.base import Activation
from cifarcnn.config.learning_rate_schedules import SCHEDULES
from cifarcnn.config.name_hints import (
    hint_for_choice,
    hint_for_key,
    hint_for_value,
)
from cifarcnn.config.named_choice import Choice, NamedChoice
from cifarcnn.config.optimizers import AVERAGINGS, OPTIMIZERS
from cifarcnn.config.schema import SPELLINGS, Config, Training
from cifarcnn.config.spelling import fold
from cifarcnn.config.translation import translate

if TYPE_CHECKING:
    from conftest import Check

# The base classes, and functions that make or store one.
MACHINERY = frozenset({"get", "serialize", "deserialize"})
FOLDERS: dict[str, tuple[NamedChoice, ...]] = {
    "layers": (LAYERS, AUGMENTATIONS),
    "optimizers": (OPTIMIZERS,),
    "optimizers.schedules": (SCHEDULES,),
    "callbacks": (SCHEDULES,),
    "initializers": (INITIALIZERS, CONV_INITIALIZERS),
    "regularizers": (REGULARIZERS,),
    "constraints": (CONSTRAINTS, REGULARIZERS),
    "applications": (LAYERS,),
}


@pytest.fixture(scope="module")
def keras() -> Any:
    engine.start("cpu")
    import keras

    return keras


def members(keras: Any, folder: str) -> Iterator[str]:
    module = keras
    for part in folder.split("."):
        module = getattr(module, part)
    for name in dir(module):
        if callable(getattr(module, name)) and name not in MACHINERY:
            if not name.startswith("_"):
                yield name


def misleads(hint: str, name: str) -> bool:
    """Whether a hint gives a guess, or nothing but a list, for a name of Keras."""
    guess = re.fullmatch(r"did you mean (\w+)\?", hint)
    if guess is not None:
        return fold(guess[1]) != fold(name)
    return not hint or hint.startswith(("did you mean", "known:"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_class_of_keras_is_known_or_told(folder: str, keras: Any) -> None:
    names = [*members(keras, folder)]
    assert len(names) >= 4
    wrong = [
        (name, hint)
        for name in names
        for choices in FOLDERS[folder]
        if name not in choices.by_spelling
        and misleads(hint := hint_for_choice(name, choices.by_name), name)
    ]
    assert wrong == []


def test_every_activation_of_keras_is_known_or_told(keras: Any) -> None:
    known = get_args(Activation)
    names = [*members(keras, "activations")]
    assert len(names) >= 30
    wrong = [
        (name, hint)
        for name in names
        if name not in known and misleads(hint := hint_for_value(name, known), name)
    ]
    assert wrong == []


def parameters(function: Callable[..., Any]) -> list[str]:
    found = inspect.signature(function).parameters.values()
    kinds = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return [p.name for p in found if p.kind not in kinds and p.name != "self"]


def arguments(keras: Any) -> Iterator[tuple[type[Choice], str]]:
    everywhere = parameters(keras.layers.Layer.__init__)
    for folder, sets in FOLDERS.items():
        for choice in (choice for choices in sets for choice in choices):
            module = keras
            for part in folder.split("."):
                module = getattr(module, part)
            theirs = getattr(module, choice.__name__, None)
            if theirs is not None:
                names = parameters(theirs.__init__)
                names += everywhere if folder == "layers" else []
                yield from ((choice, name) for name in names)


def test_every_argument_of_keras_is_known_or_told(keras: Any) -> None:
    pairs = [*arguments(keras)]
    assert len(pairs) >= 300
    wrong = [
        (choice.__name__, name, hint)
        for choice, name in pairs
        if name not in choice.model_fields
        if misleads(hint := hint_for_key(choice, name, choice.model_fields), name)
    ]
    assert wrong == []


@pytest.mark.parametrize("owner", [Training, Config])
def test_what_fit_and_compile_take_is_known_or_told(owner: Any, keras: Any) -> None:
    stopping = keras.callbacks.EarlyStopping.__init__
    functions = (keras.Model.fit, keras.Model.compile, stopping)
    names = [name for function in functions for name in parameters(function)]
    assert len(names) >= 30
    wrong = [
        (name, hint)
        for name in names
        if name not in owner.model_fields
        if misleads(hint := hint_for_key(owner, name, owner.model_fields), name)
    ]
    assert wrong == []


def tables() -> Iterator[tuple[str, dict[str, str]]]:
    for module in (keras_names, keras_arguments):
        for name, table in vars(module).items():
            if isinstance(table, dict) and name.isupper():
                yield name, table


@pytest.mark.parametrize("name", [name for name, _ in tables()])
def test_no_name_stands_in_a_table_twice(name: str) -> None:
    names = [word for words in dict(tables())[name] for word in words.split()]
    # Of positional arguments, case tells Keras's names from PyTorch's.
    counts = Counter(names if name == "POSITIONAL" else map(fold, names))
    assert [word for word, count in counts.items() if count > 1] == []


def test_nothing_that_the_schema_has_is_told_to_be_missing() -> None:
    spellings = {fold(name) for name in SPELLINGS}
    missing = {name for names in keras_names.MISSING_CHOICES for name in names.split()}
    assert [name for name in sorted(missing) if fold(name) in spellings] == []


NETWORK = "model: {layers: [Flatten, Dense: 10]}\n"
PLACES = (
    (LAYERS, "model: {layers: [Dense: 32, TEXT, Flatten, Dense: 10]}\n"),
    (AUGMENTATIONS, NETWORK + "data: {augmentation: [TEXT]}\n"),
    (OPTIMIZERS, NETWORK + "training: {optimizer: TEXT}\n"),
    (SCHEDULES, NETWORK + "training: {learning_rate_schedule: TEXT}\n"),
    (AVERAGINGS, NETWORK + "training: {averaging: TEXT}\n"),
    (
        CONV_INITIALIZERS,
        "model: {layers: [Conv2D: {filters: 64, kernel_size: 3, "
        "kernel_initializer: TEXT}, Flatten, Dense: 10]}\n",
    ),
)


@pytest.mark.parametrize("written", sorted({*keras_names.RENAMED_CHOICES.values()}))
def test_what_is_to_be_written_instead_passes_the_check(
    written: str, check: Check
) -> None:
    name = written.strip("{}").partition(":")[0]
    choices, text = next(pair for pair in PLACES if name in pair[0].by_name)
    checked = check(text.replace("TEXT", written))
    # A name alone stands for itself, and its arguments go with it.
    needed = choices.by_name[name].required() if ":" not in written else []
    assert [problem.message for problem in checked.problems] == [
        f"{name} needs '{argument}'" for argument in needed
    ]


CALLS = [
    (
        "Conv2D",
        {"filters": 8, "kernel_size": 3},
        "{Conv2D: {filters: 8, kernel_size: 3}}",
    ),
    (
        "Conv2D",
        {"in_channels": 3, "out_channels": 8, "kernel_size": 5, "padding": 2},
        "{Conv2D: {filters: 8, kernel_size: 5, padding: same}}",
    ),
    ("Conv2D", {"out_channels": 8, "kernel_size": 5, "padding": 1}, ""),
    ("Conv2D", {"filters": 8, "kernel_size": 3, "stride": 2, "padding": 1}, ""),
    ("Dense", {"units": 10}, "{Dense: 10}"),
    ("Dense", 10, "{Dense: 10}"),
    ("Dense", {"units": -10}, ""),
    ("Dense", {}, ""),
    ("Flatten", 3, ""),
]


@pytest.mark.parametrize(("name", "given", "written"), CALLS)
def test_arguments_are_translated_where_they_mean_the_same(
    name: str, given: object, written: str
) -> None:
    assert translate(LAYERS.by_name[name], given) == written
