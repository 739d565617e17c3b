"""Muon for the filters of convolutions, which Keras's own leaves to AdamW."""

from __future__ import annotations

from typing import Any


def muon_for_filters() -> Any:
    """``keras.optimizers.Muon`` as a class that treats filters as a matrix.

    A kernel ``(height, width, channels, filters)`` is seen as one row for each value
    that a filter looks at and one column for each filter, as K. Jordan does
    ("Muon: an optimizer for hidden layers in neural networks", 2024). Weights with
    fewer than two axes, and the single filters of a depthwise convolution, go by AdamW.
    """
    import keras

    class Muon(keras.optimizers.Muon):  # type: ignore[misc]
        """Steps along an orthogonal matrix near the gradient."""

        def _should_use_adamw(self, variable: Any) -> bool:
            # As plain words: Keras takes them for patterns.
            excluded = any(word in variable.path for word in self.exclude_layers)
            single = len(variable.shape) == 4 and variable.shape[-1] == 1
            return excluded or single or len(variable.shape) not in (2, 4)

        def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
            matrix = keras.ops.reshape(x, (-1, x.shape[-1]))
            found = super().zeropower_via_newtonschulz5(matrix, steps)
            # Scaled here, by the sides of the matrix: those of the filters say nothing.
            return keras.ops.reshape(super().lr_adjust(found), x.shape)

        def lr_adjust(self, x: Any) -> Any:
            return x

    return Muon
