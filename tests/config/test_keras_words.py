"""Names, arguments and defaults of the schema are Keras's own."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import pytest

from cifarcnn import engine
from cifarcnn.config.constraints import CONSTRAINTS
from cifarcnn.config.initializers import INITIALIZERS, REGULARIZERS
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.base import Activation
from cifarcnn.config.learning_rate_schedules import ReduceLROnPlateau
from cifarcnn.config.named_choice import Choice, NamedChoice
from cifarcnn.config.optimizers import OPTIMIZERS

# Not Keras's own: layers that stand for others.
OURS = ("Residual", "Pretrained")
CHOICES = [
    *(("layers", choice) for choice in LAYERS if choice.__name__ not in OURS),
    *(("optimizers", choice) for choice in OPTIMIZERS),
    *(("initializers", choice) for choice in INITIALIZERS),
    *(("regularizers", choice) for choice in REGULARIZERS),
    *(("constraints", choice) for choice in CONSTRAINTS),
    ("callbacks", ReduceLROnPlateau),
]


@pytest.fixture(scope="module")
def keras() -> Any:
    engine.start("cpu")
    import keras

    return keras


def plain(value: object) -> object:
    """A default as Keras writes it."""
    if isinstance(value, Choice):
        return value.type.lower()
    if isinstance(value, str):
        return value.replace("_", "").lower()
    if value == []:
        # No list and an empty one mean the same to Keras.
        return None
    if isinstance(value, tuple) and len(set(value)) == 1:
        return plain(value[0])
    return value


@pytest.mark.parametrize(
    ("module", "choice"), CHOICES, ids=[f"{m}.{c.__name__}" for m, c in CHOICES]
)
def test_a_choice_has_the_arguments_and_defaults_of_its_keras_class(
    module: str, choice: type[Choice], keras: Any
) -> None:
    theirs = inspect.signature(getattr(getattr(keras, module), choice.__name__))
    for name, field in choice.model_fields.items():
        # Not arguments of the class: a layer's name, and what Keras takes by a method
        # or by a call.
        if name in ("name", "exclude_from_weight_decay", "branches"):
            continue
        default = theirs.parameters[name].default
        if field.is_required():
            assert default is inspect.Parameter.empty, name
            continue
        if (choice.__name__, name) == ("AveragePooling2D", "pool_size"):
            # Keras wants it given; its default is that of MaxPooling2D here.
            assert (default, field.default) == (inspect.Parameter.empty, (2, 2))
            continue
        if name == "activation" and default is None:
            default = "linear"
        assert plain(field.default) == plain(default), name


@pytest.mark.parametrize(
    ("module", "choices"),
    [
        ("optimizers", OPTIMIZERS),
        ("initializers", INITIALIZERS),
        ("regularizers", REGULARIZERS),
        ("constraints", CONSTRAINTS),
    ],
)
def test_the_short_spellings_are_those_of_keras(
    module: str, choices: NamedChoice, keras: Any
) -> None:
    spellings = choices.by_spelling
    assert len(spellings) == 2 * len(choices.by_name)
    for spelling, choice in spellings.items():
        if choice.__name__ == "Constant":
            continue  # Keras cannot make it by name: it wants the value.
        found = getattr(keras, module).get(spelling)
        found = found if isinstance(found, type) else type(found)
        assert found is getattr(getattr(keras, module), choice.__name__)


@pytest.mark.parametrize("name", get_args(Activation))
def test_every_activation_is_known_to_keras(name: str, keras: Any) -> None:
    assert callable(keras.activations.get(name))


@pytest.mark.parametrize("choice", list(INITIALIZERS))
def test_an_initializer_makes_filters_and_only_orthogonal_no_biases(
    choice: type[Choice], keras: Any
) -> None:
    initializer = getattr(keras.initializers, choice.__name__)()
    assert tuple(initializer((3, 3, 2, 4)).shape) == (3, 3, 2, 4)
    if choice.__name__ == "Orthogonal":
        with pytest.raises(ValueError, match="at least two-dimensional"):
            initializer((4,))
    else:
        assert tuple(initializer((4,)).shape) == (4,)


def test_adamw_needs_its_weight_decay(keras: Any) -> None:
    with pytest.raises(ValueError, match="must be a float"):
        keras.optimizers.AdamW(weight_decay=None)
