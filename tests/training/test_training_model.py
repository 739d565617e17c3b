from __future__ import annotations

from dataclasses import replace

import pytest

from cifarcnn.training.learning_rate_schedules import monitor_mode
from cifarcnn.training.training_model import uses_xla


@pytest.mark.parametrize("choice", ["auto", True, False])
def test_xla_is_chosen_by_the_device_in_use(device, choice):
    gpu, jax = replace(device, kind="gpu"), replace(device, backend="jax")
    assert uses_xla(choice, False, device) is (choice is True)
    assert uses_xla(choice, False, gpu) is (choice is not False)
    assert uses_xla(choice, False, jax) is True


def test_deterministic_steps_are_left_to_tensorflow_unless_xla_is_asked_for(device):
    gpu, jax = replace(device, kind="gpu"), replace(device, backend="jax")
    assert [uses_xla(choice, True, gpu) for choice in ("auto", True)] == [False, True]
    assert uses_xla("auto", True, jax)


def test_losses_should_fall_and_accuracies_rise():
    assert monitor_mode("val_loss") == "min"
    assert monitor_mode("val_accuracy") == "max"
