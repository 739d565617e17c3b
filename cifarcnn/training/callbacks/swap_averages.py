"""Validation with the averages of the weights."""

from __future__ import annotations

from typing import Any

import keras


class SwapAverages(keras.callbacks.Callback):  # type: ignore[misc]
    """Puts the averages in the place of the weights for a validation, and back."""

    def on_test_begin(self, logs: Any = None) -> None:
        self.model.weight_averages.swap()

    def on_test_end(self, logs: Any = None) -> None:
        self.model.weight_averages.swap()
