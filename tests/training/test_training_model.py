from __future__ import annotations

from dataclasses import replace

import pytest

from cifarcnn.errors import UsageError
from cifarcnn.training.compilation import uses_xla
from cifarcnn.training.learning_rate_schedules import monitor_mode


@pytest.mark.parametrize("choice", ["auto", True, False])
def test_xla_is_chosen_by_the_device_in_use(device, choice):
    gpu, jax = replace(device, kind="gpu"), replace(device, backend="jax")
    assert uses_xla(choice, device) is (choice is True)
    assert uses_xla(choice, gpu) is (choice is not False)
    assert uses_xla(choice, jax) is True


def test_steps_that_tensorflow_is_to_repeat_to_the_bit_are_not_compiled(device):
    gpu, jax = replace(device, kind="gpu"), replace(device, backend="jax")
    assert not uses_xla("auto", gpu, deterministic=True)
    assert not uses_xla(False, gpu, deterministic=True)
    assert uses_xla(True, device, deterministic=True)
    assert uses_xla("auto", replace(jax, kind="gpu"), deterministic=True)
    with pytest.raises(UsageError) as caught:
        uses_xla(True, gpu, deterministic=True)
    assert str(caught.value) == (
        "On a GPU TensorFlow cannot keep training.deterministic in steps that XLA "
        "compiles. Leave training.jit_compile at auto, or train on Keras's other "
        "backend (--backend jax)."
    )


def test_losses_should_fall_and_accuracies_rise():
    assert monitor_mode("val_loss") == "min"
    assert monitor_mode("val_accuracy") == "max"
