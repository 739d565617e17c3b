"""Where the network looked: Grad-CAM, and whether it may be believed.

Grad-CAM is Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", arXiv 1610.02391, equations 1 and 2. The check is the
model parameter randomization test of Adebayo et al., "Sanity Checks for Saliency
Maps", arXiv 1810.03292, section 4: here the values of every array are shuffled, so
that each layer keeps how large they are and loses what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from cifarcnn.engine.backend import gradient
from cifarcnn.explanation.layer_outputs import LayerOutputModel
from cifarcnn.explanation.receptive_field import ReceptiveField
from cifarcnn.explanation.steps import CONVOLUTIONS, IN_PLACE, Missing, Step, Steps

Array = np.ndarray[Any, Any]
SHUFFLES = 10
# Of a network with more weights than this, which takes longer to shuffle, only a few.
_MANY_WEIGHTS = 2_000_000
_FEW_SHUFFLES = 3


@dataclass(frozen=True, eq=False)
class ClassMap:
    """Where the image speaks for one class.

    Attributes:
        class_index: Which class.
        weights: float32 ``(channels,)``: mean over all cells of the gradient of the
            class's logit with respect to the channel.
        signed: float32 ``(height, width)``: the channels times their weights, added
            up. Negative where the image speaks against the class.
        heat: float32 ``(height, width)``: ``signed`` with its negative values set to 0,
            which is the map of the paper.
    """

    class_index: int
    weights: Array
    signed: Array
    heat: Array


@dataclass(frozen=True, eq=False)
class SanityCheck:
    """Whether the map depends on what the network has learnt (arXiv 1810.03292).

    Attributes:
        correlations: Spearman's rank correlation of the winner's ``signed`` map with
            that of the same network after its weights were shuffled within each array,
            once for each shuffle; near 0 when the map depends on the weights. None
            where it is not defined because a map has the same value everywhere.
        mean: Mean of those that are defined; None when none is.
    """

    correlations: tuple[float | None, ...]
    mean: float | None


@dataclass(frozen=True, eq=False)
class GradCam:
    """Grad-CAM (Selvaraju et al., arXiv 1610.02391).

    Attributes:
        layer: Name of the layer whose result is weighted: the last maps of more than
            one cell that a convolution takes part in, after their activation; after
            the addition when that convolution lies within a residual, since only then
            everything that reaches the logits goes through them.
        shape: ``(height, width, channels)`` of those maps.
        receptive_field: What each cell sees of the input.
        maps: Of the winner, the runner-up, and the class that was asked for when it is
            a third one.
        difference: float32 ``(height, width)``: ``signed`` of the winner minus that of
            the runner-up, which is the signed map of the difference of the two logits.
        sanity: What becomes of the map when the weights are random.
        input_size: Height and width of the input.
    """

    layer: str
    shape: tuple[int, int, int]
    receptive_field: ReceptiveField
    maps: tuple[ClassMap, ...]
    difference: Array
    sanity: SanityCheck
    input_size: tuple[int, int]

    def on_input(self, cells: Array) -> Array:
        """A map laid over the input.

        Each cell's value stands at the middle of its receptive field (where these do
        not lie at regular distances: of its share of the image); between them it is
        interpolated bilinearly, beyond the outermost it stays the same.

        Args:
            cells: ``(height, width)``, such as ``maps[0].heat`` or ``difference``.

        Returns:
            float32 of ``input_size``.
        """
        rows, columns = (
            self._middles(axis, count) for axis, count in enumerate(cells.shape)
        )
        height, width = (np.arange(length) + 0.5 for length in self.input_size)
        down = np.stack([np.interp(height, rows, column) for column in cells.T], axis=1)
        across = np.stack([np.interp(width, columns, row) for row in down])
        return across.astype(np.float32)

    def _middles(self, axis: int, count: int) -> Array:
        """The middle of each row (axis 0) or column (1) of cells, in pixels."""
        field = self.receptive_field
        if field.stride is None or field.offset is None:
            return (np.arange(count) + 0.5) * self.input_size[axis] / count
        first = field.offset[axis] + field.size[axis] / 2
        return first + np.arange(count) * float(field.stride[axis])


def compute_grad_cam(
    network: LayerOutputModel,
    fields: Mapping[str, ReceptiveField],
    image: Array,
    classes: Sequence[int],
) -> GradCam | Missing:
    """Grad-CAM of some classes.

    Args:
        network: The network.
        fields: The receptive fields of every step.
        image: uint8 ``(height, width, 3)``.
        classes: The winner, the runner-up, and others.
    """
    step = find_last_maps(network.steps)
    if step is None:
        return Missing(
            "The network has no convolution whose maps have more than one cell, so "
            "that nothing tells where it looked."
        )
    maps = _compute(network, step, image, classes)
    return GradCam(
        layer=step.owner,
        shape=(step.shape[0], step.shape[1], step.shape[2]),
        receptive_field=fields[step.name],
        maps=tuple(maps),
        difference=maps[0].signed - maps[1].signed,
        sanity=_check(network, step, image, maps[0]),
        input_size=(image.shape[0], image.shape[1]),
    )


def find_last_maps(steps: Steps) -> Step | None:
    """The last maps of several cells that a convolution takes part in.

    Everything that reaches the logits passes them: of a convolution within a residual
    it is the outermost sum. Normalizations and the activation that follow are included.
    """
    order = list(steps.values())
    # Of a network trained before, what comes out of it: its last maps.
    kinds = CONVOLUTIONS | {"Pretrained"}
    for convolution in reversed([step for step in order if step.kind in kinds]):
        later = order[order.index(convolution) :]
        # From here on every step outside of residuals is on the only way to the logits.
        trunk = [step for step in later if step.depth == 0]
        if trunk[0].is_map and trunk[0].shape[:2] != (1, 1):
            return _after_activation(trunk)
    return None


def _after_activation(trunk: Sequence[Step]) -> Step:
    """The first activation in it, if only normalizations are before it."""
    for step in trunk[1:]:
        if step.activation != "linear":
            return step
        if step.kind not in IN_PLACE | {"Activation"}:
            break
    return trunk[0]


def _compute(
    network: LayerOutputModel, step: Step, image: Array, classes: Sequence[int]
) -> list[ClassMap]:
    values = network.run(image[None], [step.name])[step.name]
    # One copy of the maps for each class: all gradients come of one pass.
    copies = np.repeat(values, len(classes), axis=0)
    tail = network.from_step(step.name)
    chosen = np.zeros((len(classes), network.logits.shape[0]), np.float32)
    chosen[range(len(classes)), classes] = 1

    def add_logits(maps: Any) -> Any:
        return keras.ops.sum(tail(maps, training=False) * chosen)

    weights = gradient(add_logits, copies).mean(axis=(1, 2))
    signed = np.einsum("hwc,kc->khw", values[0], weights)
    return [
        ClassMap(index, weights[at], signed[at], np.maximum(signed[at], 0))
        for at, index in enumerate(classes)
    ]


def _check(
    network: LayerOutputModel, step: Step, image: Array, winner: ClassMap
) -> SanityCheck:
    correlations = []
    weights = sum(array.size for array in network.weights.values())
    for seed in range(SHUFFLES if weights <= _MANY_WEIGHTS else _FEW_SHUFFLES):
        random = np.random.default_rng(seed)
        shuffled = {
            name: random.permutation(array.ravel()).reshape(array.shape)
            for name, array in network.weights.items()
        }
        with network.other_weights(shuffled):
            [other] = _compute(network, step, image, [winner.class_index])
        correlations.append(correlate_ranks(winner.signed, other.signed))
    known = [found for found in correlations if found is not None]
    return SanityCheck(tuple(correlations), sum(known) / len(known) if known else None)


def correlate_ranks(one: Array, other: Array) -> float | None:
    """Spearman's rank correlation, equal values sharing the mean of their ranks.

    Returns:
        -1 to 1; None when an array holds one value only, or one that is no number.
    """
    first, second = (_rank(values.ravel()) for values in (one, other))
    spread = float(np.sqrt((first @ first) * (second @ second)))
    if spread == 0 or not np.isfinite(one).all() or not np.isfinite(other).all():
        return None
    return float(first @ second) / spread


def _rank(values: Array) -> Array:
    """The ranks of values minus their mean, float64."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Array = (ends - (counts - 1) / 2)[which]
    centred: Array = ranks - ranks.mean()
    return centred
