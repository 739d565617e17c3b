from __future__ import annotations

from dataclasses import replace

import pytest

from cifarcnn.training.learning_rate_schedules import monitor_mode
from cifarcnn.training.training_model import uses_xla


@pytest.mark.parametrize("choice", ["auto", True, False])
def test_xla_is_chosen_by_the_device_in_use(device, choice):
    gpu, jax = replace(device, kind="gpu"), replace(device, backend="jax")
    assert uses_xla(choice, device) is (choice is True)
    assert uses_xla(choice, gpu) is (choice is not False)
    assert uses_xla(choice, jax) is True


def test_losses_should_fall_and_accuracies_rise():
    assert monitor_mode("val_loss") == "min"
    assert monitor_mode("val_accuracy") == "max"
