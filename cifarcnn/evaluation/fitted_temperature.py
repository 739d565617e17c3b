"""A temperature, with what it does to the images that it is fitted on.

And the score below which the network is unsure, which the same images give.
"""

from __future__ import annotations

from cifarcnn.errors import DataError
from cifarcnn.evaluation import metrics
from cifarcnn.evaluation.metrics import Array
from cifarcnn.runs.temperature_file import TemperatureRecord
from cifarcnn.temperature import apply_temperature, fit_temperature
from cifarcnn.unsure import fit_threshold


def fit_on_answers(
    probabilities: Array, labels: Array, weights_sha256: str
) -> TemperatureRecord:
    """Fit a temperature on the answers of a network, and when it is unsure.

    Args:
        probabilities: float ``(n, classes)`` for the validation images.
        labels: integer ``(n,)``, their true classes.
        weights_sha256: Of the weights file whose answers these are.

    Raises:
        DataError: No temperature is the best, or no answer is right.
    """
    right = (probabilities.argmax(axis=1) == labels).mean()
    if not right:
        raise DataError(
            f"No temperature fits: none of the {len(labels):,} validation pictures is "
            "recognised. The network has to be trained further."
        )
    temperature = fit_temperature(probabilities, labels)
    if temperature is None:
        raise DataError(
            f"No temperature fits: {right:.2%} of the {len(labels):,} validation "
            "pictures are recognised, and their loss becomes the smaller the "
            + ("surer" if right == 1 else "less sure")
            + " the network is, without end. "
            + (
                "More validation pictures (data.validation_fraction) are needed."
                if right == 1
                else "It has to be trained further."
            )
        )
    after = apply_temperature(probabilities, temperature)
    (loss_before, error_before), (loss, error) = (
        (
            metrics.cross_entropy(answers, labels),
            metrics.calibration_error(metrics.calibration_bins(answers, labels)),
        )
        for answers in (probabilities, after)
    )
    return TemperatureRecord(
        temperature=temperature,
        weights_sha256=weights_sha256,
        validation_pictures=len(labels),
        loss_before=loss_before,
        loss=loss,
        calibration_error_before=error_before,
        calibration_error=error,
        unsure_below=fit_threshold(probabilities, labels),
    )
