"""The Keras callbacks that a user of the program from Python brings."""

from __future__ import annotations

from collections.abc import Sequence

from keras.callbacks import Callback

from cifarcnn.errors import UsageError


def require_callbacks(callbacks: Sequence[Callback]) -> None:
    """See that a list holds Keras callbacks.

    Raises:
        UsageError: It is no list, or holds something else.
    """
    if not isinstance(callbacks, Sequence):
        raise UsageError(
            f"callbacks is {callbacks!r:.80}, but must be a list of Keras callbacks."
        )
    for item in callbacks:
        if not isinstance(item, Callback):
            raise UsageError(
                f"callbacks holds {item!r:.80}, which is not an instance of "
                "keras.callbacks.Callback."
            )
