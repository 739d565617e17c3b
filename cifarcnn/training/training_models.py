"""What each fit of a training trains, with its batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cifarcnn.engine import Device
from cifarcnn.runs.checkpoints import Checkpoint
from cifarcnn.training.feature_table import FeatureTable
from cifarcnn.training.features import (
    FeatureBatches,
    FeatureRows,
    count_fixed_layers,
    cut_network,
    split_flips,
)
from cifarcnn.training.fits import Fit, find_fit
from cifarcnn.training.input_pipeline import (
    TrainingBatches,
    build_batches,
    build_config_augmentation,
    input_rows,
)
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.model_state import describe_variables, name_variables
from cifarcnn.training.networks import Networks
from cifarcnn.training.observer import Observer
from cifarcnn.training.streaming import choose_streamed
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
        device: Device,
        observer: Observer,
        signals: Sequence[int],
        make_table: Callable[..., FeatureTable] = FeatureTable,
    ) -> None:
        """Prepare to.

        Args:
            networks: What all of them share.
            data: The images.
            fits: Of the training.
            device: What Keras was started on.
            observer: Is told of features that are computed.
            signals: Those that ask the process to end.
            make_table: Makes what the features of frozen layers come from.
        """
        self.networks = networks
        self._device = device
        self._signals = signals
        self._data = data
        self._fits = fits
        self._observer = observer
        self._make_table = make_table
        self._model: TrainingModel | None = None

    def next_fit(self, fit: Fit) -> Fit | None:
        """The one behind it, if there is any."""
        return next((f for f in self._fits if f.initial_epoch == fit.epochs), None)

    def restore_network(self, checkpoint: Checkpoint) -> None:
        """Give the network the values of a checkpoint before features are computed.

        Raises:
            RunError: The checkpoint is not of this network.
        """
        if not _count_fixed(find_fit(self._fits, checkpoint)):
            return
        networks = self.networks
        averaged = networks.config.training.averaging is not None
        first = len(networks.moving_weights()) if averaged else 0
        variables = name_variables("model", networks.logits.variables, first)
        arrays = checkpoint.load(describe_variables(variables), others=True)
        for name, variable in variables.items():
            variable.assign(arrays[name])

    def build(self, fit: Fit) -> tuple[TrainingModel, TrainingBatches]:
        """A model that learns from the images of the data, and its batches.

        Where frozen layers give the same in every epoch, it learns from what they give.
        The network has the weights that the fit before came to: the averages, where
        those are what is judged and saved.

        Raises:
            Stopped: A signal came while features were computed.
        """
        before = self._model
        if before is not None and before.weight_averages is not None:
            before.weight_averages.swap()
        if fit.fine_tuned:
            tuning = fit.config.training.fine_tune
            self.networks.unfreeze(tuning.layers if tuning else None)
        model, batches = self._connect_features(fit) or self._connect_images(fit)
        self._model = self.networks.compile(model, fit, batches.steps_per_epoch)
        return self._model, batches

    def _connect_images(self, fit: Fit) -> tuple[TrainingModel, TrainingBatches]:
        rows = input_rows(self._data)
        streamed = self._choose_streamed(rows, "pictures")
        batches = build_batches(fit.config, self._data, streamed)
        model = connect_rows(
            self.networks.logits,
            rows,
            batches.augmentation,
            streamed=streamed is not None,
        )
        return model, batches

    def _choose_streamed(self, rows: InputRows, what: str) -> InputRows | None:
        return choose_streamed(
            rows, what, self._device, self._observer, wanted=self._data.streamed
        )

    def _connect_features(
        self, fit: Fit
    ) -> tuple[TrainingModel, TrainingBatches] | None:
        layers, count = fit.config.model.layers, _count_fixed(fit)
        if not count:
            return None
        augmentation = build_config_augmentation(fit.config, self._data)
        flips, moving = split_flips(augmentation)
        if moving is not None:
            self._observer.noted(
                f"{moving} changes the pictures anew in every epoch, which thus "
                "computes the frozen layers; with RandomFlip alone they would be "
                "computed once."
            )
            return None
        rows = FeatureRows(self._data, flips)
        networks, name = self.networks, layers[count - 1].name
        parts = cut_network(networks.trained, networks.logits, name)
        table = self._make_table(parts, rows, self._observer, self._signals)
        features = table.load(layers[:count], self._device, networks.precision)
        if features is None:
            return None
        inputs = InputRows([features])
        streamed = self._choose_streamed(inputs, "features")
        model = connect_rows(parts.rest, inputs, streamed=streamed is not None)
        return model, FeatureBatches(fit.config, rows, streamed)


def _count_fixed(fit: Fit) -> int:
    """How many layers, from the first one on, do not change during a fit."""
    return 0 if fit.fine_tuned else count_fixed_layers(fit.config.model.layers)
