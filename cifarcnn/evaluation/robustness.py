"""How well a network recognises images that are noisy, blurred or badly lit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError
from cifarcnn.evaluation.corruptions import CORRUPTIONS, STRENGTHS, Array, corrupt

# So much of a split is changed at once, which needs four times this as float32.
_PIECE_BYTES = 16 * 1024 * 1024
_PIECE_IMAGES = 2048


@dataclass(frozen=True)
class Robustness:
    """Accuracy under each corruption.

    Attributes:
        accuracies: Of each kind, 0 to 1, one for each of the strengths 1 to 5.
    """

    accuracies: Mapping[str, tuple[float, ...]]

    def mean_of(self, kind: str) -> float:
        """The mean accuracy over all strengths of a kind."""
        return fmean(self.accuracies[kind])

    @property
    def mean(self) -> float:
        """The mean accuracy over all kinds and strengths."""
        return fmean(self.mean_of(kind) for kind in self.accuracies)

    def to_json(self) -> dict[str, object]:
        """The figures, ready for ``json.dumps``."""
        return {
            "mean_accuracy": self.mean,
            "corruptions": {
                kind: {
                    "mean_accuracy": self.mean_of(kind),
                    "accuracies": list(shares),
                }
                for kind, shares in self.accuracies.items()
            },
        }


def evaluate_robustness(
    answer: Callable[[Array], Array],
    split: Split,
    progress: Callable[[int, int], object] | None = None,
) -> Robustness:
    """Judge on every image of a split under every corruption.

    Args:
        answer: The probabilities ``(n, classes)`` of uint8 ``(n, height, width, 3)``.
        split: Images and labels; they are changed a piece at a time.
        progress: Is told how many images are judged, and of how many.

    Raises:
        DataError: The split is empty.
    """
    count = len(split.labels)
    if not count:
        raise DataError("There is nothing to judge: the split has no pictures.")
    total = count * len(CORRUPTIONS) * len(STRENGTHS)
    piece = max(1, min(_PIECE_IMAGES, _PIECE_BYTES // split.images[0].nbytes))
    done = 0
    found: dict[str, list[float]] = {kind: [] for kind in CORRUPTIONS}
    for kind, shares in found.items():
        for strength in STRENGTHS:
            correct = 0
            for first in range(0, count, piece):
                images = np.asarray(split.images[first : first + piece])
                answers = answer(corrupt(images, kind, strength, first)).argmax(axis=1)
                correct += int((answers == split.labels[first : first + piece]).sum())
                done += len(images)
                if progress is not None:
                    progress(done, total)
            shares.append(correct / count)
    return Robustness({kind: tuple(shares) for kind, shares in found.items()})
