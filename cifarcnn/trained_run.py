"""The files of a trained run, and the images to ask it about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cifarcnn.errors import DataError, RunError, UsageError
from cifarcnn.literals import Views
from cifarcnn.runs import Manifest, Run
from cifarcnn.runs.manifest import read_manifest

if TYPE_CHECKING:
    import numpy as np

    # The schema of configs takes longer to load than a prediction by LiteRT.
    from cifarcnn.config import Config
    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.folder.labelled_folder import LabelledFolder
    from cifarcnn.data.splits import Split
    from cifarcnn.runs.manifest import WeightsKind

    Array = np.ndarray[Any, Any]

SplitChoice = Literal["test", "validation", "train"]


@dataclass(eq=False, repr=False)
class TrainedRun:
    """The files of a trained run, and the data set that its config names.

    Attributes:
        run: The files.
        manifest: What the weights are and what they were trained on.
        data_path: Where the data set lies, when not where the config says; or the
            user's own images, with a folder for each class (see ``labelled_folder``).
        temperature: Of the answers; None leaves them as the network gives them.
        unsure_below: The score below which an answer is unsure; None: not read.
        opened: The same run, by which the images are opened; None: by this one.
    """

    run: Run
    manifest: Manifest
    _: KW_ONLY
    data_path: Path | None = None
    temperature: float | None = None
    unsure_below: float | None = None
    opened: TrainedRun | None = None

    @property
    def path(self) -> Path:
        """The folder of the run."""
        return self.run.path

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class, in the order of the network's outputs."""
        return self.manifest.origin.class_names

    @property
    def config(self) -> Config:
        """The config, as it was trained.

        Raises:
            ConfigError: It is not valid.
        """
        return self.run.config

    @property
    def views(self) -> Views:
        """What an answer rests on: ``evaluation.test_time_augmentation``."""
        return self.config.evaluation.test_time_augmentation

    @cached_property
    def dataset(self) -> Dataset:
        """The data set that the config names, as it is on this machine.

        Raises:
            ConfigError: The config is not valid.
            DataError: It is not here, is damaged, or has other classes.
        """
        if self.opened is not None:
            return self.opened.dataset
        from cifarcnn.data.dataset import open_config_dataset

        if self.labelled_folder:
            raise DataError(
                f"{self.data_path} holds pictures to judge on, and not the data set "
                "that the network was trained on."
            )
        config = self.config
        if self.data_path is not None:
            config = config.with_data(path=str(self.data_path))
        return open_config_dataset(config, self.class_names)

    @cached_property
    def labelled_folder(self) -> LabelledFolder | None:
        """Images of the user's own in ``data_path``; None where the data set is there.

        Raises:
            ConfigError: The config is not valid.
            DataError: Neither is there, or images cannot be read.
        """
        if self.opened is not None:
            return self.opened.labelled_folder
        if self.data_path is None:
            return None
        from cifarcnn.data.folder.labelled_folder import open_labelled_folder

        trained_on = self.manifest.origin.data.checksum
        return open_labelled_folder(
            self.data_path, self.config, self.class_names, trained_on
        )

    def split(self, choice: SplitChoice = "test") -> Split:
        """The images of a split: of ``validation`` the very ones of the training.

        Those of ``train`` are what the network learnt from, as they are: without the
        validation images, and without augmentation. Images of the user's own are a test
        split.

        Raises:
            ConfigError: The config is not valid.
            DataError: The data set is not here, or has no such split.
            UsageError: The run was trained without validation images, or the images
                are the user's own and have no such split.
        """
        if self.labelled_folder:
            if choice != "test":
                raise UsageError(
                    f"{self.data_path} holds pictures to judge on, which are no "
                    f"{choice} split. Leave --split out."
                )
            return self.labelled_folder.split
        if choice == "test":
            return self.dataset.test()
        training, validation = self.training_splits()
        if choice == "train":
            return training
        if validation is None:
            raise UsageError(
                f"{self.path} was trained without validation pictures "
                "(data.validation_fraction is 0). Judge it on the test split."
            )
        return validation

    def image_names(self, choice: SplitChoice = "test") -> Sequence[str] | None:
        """The files of the images of a split, in the order of ``split(choice)``.

        Returns:
            Paths relative to the folder that they lie in, or as the list of images has
            them; ``None`` where images have no files of their own.

        Raises:
            ConfigError: The config is not valid.
            DataError: The data set is not here.
        """
        if self.labelled_folder:
            return self.labelled_folder.image_names
        return self.dataset.image_names(choice, self.config)

    def is_unsure(self, probabilities: Array) -> Array:
        """Which answers are unsure: nothing that the network knows fits the image.

        Args:
            probabilities: float32 ``(n, classes)`` from ``predict``.

        Returns:
            bool ``(n,)``.

        Raises:
            UsageError: It was opened without ``unsure=True``.
        """
        if self.unsure_below is None:
            raise UsageError(
                f"{self.path} was opened without what it takes to say when it is "
                "unsure. Open it with unsure=True."
            )
        from cifarcnn.unsure import find_unsure

        return find_unsure(probabilities, self.unsure_below, self.temperature)

    def split_for_temperature(self) -> Split:
        """The validation images of the training, also where others are to be judged.

        Raises:
            ConfigError: The config is not valid.
            DataError: The data set is not here.
            UsageError: The run was trained without validation images.
        """
        trained = TrainedRun(self.run, self.manifest) if self.labelled_folder else self
        validation = trained.training_splits()[1]
        if validation is None:
            raise UsageError(
                f"{self.path} was trained without validation pictures "
                "(data.validation_fraction is 0), and a temperature is fitted on these "
                "alone: the network is too sure of those that it learnt from, and "
                "those of the test are for judging."
            )
        return validation

    def training_splits(self) -> tuple[Split, Split | None]:
        """The images that the network learnt from, and those of the validation.

        Raises:
            ConfigError: The config is not valid.
            DataError: The data set is not here.
        """
        fraction = self.config.data.validation_fraction
        return self.dataset.training(fraction, self.config.training.seed)


def open_trained(
    path: str | Path | None = None, data_path: Path | None = None
) -> TrainedRun:
    """The files of a run, without its network.

    Args:
        path: The folder; None takes the newest under ``./runs``.
        data_path: Where the data set lies, or images to judge on.

    Raises:
        RunError: There is no run, or a file of it is missing, damaged or foreign.
    """
    run = Run.open(path)
    return TrainedRun(run, read_manifest(run.path), data_path=data_path)


def read_kept(
    folder: Path,
    manifest: Manifest,
    kind: WeightsKind,
    temperature: bool,
    unsure: bool,
) -> tuple[float | None, float | None]:
    """The temperature and the threshold of unsure answers that are kept with a run.

    Args:
        folder: Of the run, and so is ``manifest``.
        kind: The weights that answer.
        temperature: Whether the first is wanted; it is None otherwise.
        unsure: Whether the second is.

    Raises:
        RunError: One that is wanted is not there, damaged, or for other weights.
    """
    if not (temperature or unsure):
        return None, None
    from cifarcnn.runs.temperature_file import read_temperature, read_threshold

    return (
        read_temperature(folder, manifest, kind).temperature if temperature else None,
        read_threshold(folder, manifest, kind) if unsure else None,
    )


def require_classes(run: Run, count: int) -> None:
    """See that a run's config has as many classes as its manifest names.

    Raises:
        ConfigError: The config of the run is not valid.
        RunError: It has others.
    """
    if run.config.class_count not in (None, count):
        raise RunError(
            f"{run.path / 'manifest.json'} names {count} classes, but config.yaml has "
            f"{run.config.class_count}. The files do not belong together."
        )


def require_best(run: Run) -> None:
    """See that a run kept the weights of its best epoch.

    Raises:
        ConfigError: The config of the run is not valid.
        UsageError: It kept those of its last epoch only.
    """
    if run.config.training.weights == "last":
        raise UsageError(
            f"{run.title} kept the weights of its last epoch, as training.weights "
            "says, and not those of its best one. Leave --weights out."
        )
