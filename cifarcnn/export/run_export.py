"""The network of a trained run to a file, in this process or in another one."""

from __future__ import annotations

from pathlib import Path

import keras

from cifarcnn.export.check_images import choose_calibration_images, choose_check_images
from cifarcnn.export.export import export_network
from cifarcnn.export.exported import Exported
from cifarcnn.export.file_format import Description, Reduction
from cifarcnn.export.own_process import export_in_own_process
from cifarcnn.export.packages import ANY_BACKEND
from cifarcnn.export.request import check_request
from cifarcnn.literals import ExportFormat, ExportPrecision
from cifarcnn.runs import WeightsChoice
from cifarcnn.trained_run import TrainedRun


def export_run(
    trained: TrainedRun,
    model: keras.Model,
    weights: WeightsChoice,
    file_format: ExportFormat,
    out: str | Path | None,
    precision: ExportPrecision,
) -> Exported:
    """Write a network of stock layers as a file.

    Args:
        trained: The run.
        model: Its network, with the weights.
        weights: Which ones these are.
        file_format: What to write.
        out: Where; None takes a name made from the run's.
        precision: What the numbers of the file shall be.

    Raises:
        DataError: int8 is asked for, and the training images are not here.
        RunError: The run is unfinished, a package is missing or too old, or the file
            cannot be made or does not answer as the network does.
        UsageError: The precision is not for this format, or the place is taken or
            cannot be written.
    """
    named = None if out is None else Path(out)
    path = check_request(trained.run, named, file_format, precision)
    if file_format not in ANY_BACKEND and keras.config.backend() != "tensorflow":
        return export_in_own_process(
            trained.path, path, file_format, precision, weights, trained.data_path
        )
    shape, resize = trained.config.image_shape, trained.config.data.resize
    height, width, _ = shape
    calibration = choose_calibration_images(trained) if precision == "int8" else None
    return export_network(
        model,
        Description(trained.class_names, height, width, resize, trained.views),
        file_format,
        path,
        choose_check_images(trained, shape),
        Reduction(precision, calibration),
    )
