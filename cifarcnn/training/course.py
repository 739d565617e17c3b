"""The course of a training through Keras's ``fit``, from wherever it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cifarcnn.config.summary import EVALUATION_BATCH_SIZE
from cifarcnn.training import hindsight
from cifarcnn.training.batch_order import as_keras_dataset
from cifarcnn.training.reaction import Reaction, as_keras_callback

if TYPE_CHECKING:
    from cifarcnn.runs.checkpoints import CheckpointState
    from cifarcnn.training.pupil import Pupil
    from cifarcnn.training.training_data import Material


class Course:
    """Leads a pupil through the epochs that are left.

    An epoch that was cut short is a ``fit`` of its own, since Keras asks only once how
    many batches an epoch has.
    """

    def __init__(
        self,
        material: Material,
        pupil: Pupil,
        reaction: Reaction,
        keras_callbacks: Sequence[Any],
        first_rate: float | None,
    ) -> None:
        """Connect the parts.

        Args:
            material: What is learnt from.
            pupil: What learns, brought to where the training begins.
            reaction: Hears of each step.
            keras_callbacks: Keras's own, which follow the figures of the epochs.
            first_rate: The learning rate of the first epoch, where one of them moves
                it; ``None`` where none does.
        """
        self.material = material
        self.pupil = pupil
        self.reaction = reaction
        self.keras_callbacks = tuple(keras_callbacks)
        self.first_rate = first_rate

    def is_over(self) -> bool:
        """Whether a callback of Keras's ended the training after the last epoch."""
        return hindsight.tell_again(
            self.keras_callbacks,
            self.pupil.model,
            self.reaction.keeper.records,
            self.first_rate,
        )

    def run(self, state: CheckpointState | None = None) -> None:
        """Learn until the last epoch is over, or something ends it before.

        Args:
            state: Where the training begins; ``None`` for the beginning.

        Raises:
            DivergedError: A loss or a weight is not finite any more.
            RunError: The files of the run cannot be written.
            Stopped: A signal came; what was trained is saved.
        """
        epoch = state.epoch if state else 0
        if state is not None and state.step:
            if state.logs is not None:
                self._validate(state)
            else:
                self._fit(epoch, epoch + 1, state)
            epoch += 1
        if epoch < self.reaction.plan.epochs and not self.is_over():
            self._fit(epoch, self.reaction.plan.epochs)

    def _fit(self, first: int, end: int, state: CheckpointState | None = None) -> None:
        feed = as_keras_dataset(self.material.batches, state.step if state else 0)

        def epoch_began(epoch: int) -> None:
            if state is None:
                self.reaction.epoch_began(epoch)
            else:
                # Here, because Keras has just set them to nothing.
                self.pupil.state.write_metrics(state.metrics)
                self.reaction.epoch_resumed(state)

        self.pupil.model.fit(
            feed,
            initial_epoch=first,
            epochs=end,
            # Ours first: an epoch is saved before anything may end the training.
            callbacks=[
                *self.pupil.callbacks,
                as_keras_callback(self.reaction, feed, epoch_began),
                *self.keras_callbacks,
                hindsight.as_keras_callback(self.is_over),
            ],
            validation_data=self.material.validation_data(),
            validation_batch_size=EVALUATION_BATCH_SIZE,
            shuffle=False,
            verbose=0,
        )

    def _validate(self, state: CheckpointState) -> None:
        """What is left of an epoch whose steps are all done."""
        self.reaction.epoch_resumed(state)
        figures: dict[str, float] = dict((state.logs or {}).items())
        data = self.material.validation_data()
        if data is not None:
            feed = as_keras_dataset(self.material.batches)
            found = self.pupil.model.evaluate(
                *data,
                batch_size=EVALUATION_BATCH_SIZE,
                callbacks=[
                    *self.pupil.callbacks,
                    as_keras_callback(self.reaction, feed, self.reaction.epoch_began),
                ],
                return_dict=True,
                verbose=0,
            )
            figures |= {f"val_{name}": value for name, value in found.items()}
        self.reaction.epoch_ended(figures)
