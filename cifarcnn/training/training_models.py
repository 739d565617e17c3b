"""What each fit of a training trains, with its batches."""

from __future__ import annotations

from collections.abc import Sequence

from cifarcnn.runs.checkpoints import Checkpoint
from cifarcnn.training.fits import Fit, find_fit
from cifarcnn.training.input_pipeline import (
    TrainingBatches,
    build_batches,
    stack_images,
)
from cifarcnn.training.model_state import describe_variables, name_variables
from cifarcnn.training.networks import Networks
from cifarcnn.training.observer import Observer
from cifarcnn.training.training_data import TrainingData
from cifarcnn.training.training_model import TrainingModel, connect_rows


class TrainingModels:
    """Builds a model for one fit after the other; all share one network.

    Attributes:
        networks: The network, as it is saved and as it is trained.
    """

    def __init__(
        self,
        networks: Networks,
        data: TrainingData,
        fits: Sequence[Fit],
        observer: Observer,
    ) -> None:
        self.networks = networks
        self._data = data
        self._fits = fits
        self._observer = observer
        self._model: TrainingModel | None = None

    def find_fit(self, checkpoint: Checkpoint | None) -> Fit:
        """The fit that a checkpoint is of; the first one without a checkpoint."""
        if checkpoint is None:
            return self._fits[0]
        state = checkpoint.state
        return find_fit(self._fits, state.epoch, state.step)

    def next_fit(self, fit: Fit) -> Fit | None:
        """The one behind it, if there is any."""
        return next((f for f in self._fits if f.initial_epoch == fit.epochs), None)

    def restore_network(self, checkpoint: Checkpoint) -> None:
        """Give the network the values of a checkpoint, for what is computed by it.

        Raises:
            RunError: The checkpoint is not of this network.
        """
        networks = self.networks
        averaged = networks.config.training.averaging is not None
        first = len(networks.moving_weights()) if averaged else 0
        variables = name_variables("model", networks.logits.variables, first)
        arrays = checkpoint.load(describe_variables(variables), others=True)
        for name, variable in variables.items():
            variable.assign(arrays[name])

    def build(self, fit: Fit) -> tuple[TrainingModel, TrainingBatches]:
        """A model that learns from the images of the data, and its batches.

        The network has the weights that the fit before came to: the averages, where
        those are what is judged and saved.
        """
        before = self._model
        if before is not None and before.weight_averages is not None:
            before.weight_averages.swap()
        if fit.fine_tuned:
            tuning = fit.config.training.fine_tune
            self.networks.unfreeze(tuning.layers if tuning else None)
        batches = build_batches(fit.config, self._data)
        rows, network = stack_images(self._data), self.networks.logits
        model = connect_rows(network, rows, batches.augmentation)
        self._model = self.networks.compile(model, fit, batches.steps_per_epoch)
        return self._model, batches
