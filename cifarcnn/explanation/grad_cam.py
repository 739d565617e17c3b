"""Where the network looked: Grad-CAM, and whether it may be believed.

Grad-CAM is Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", arXiv 1610.02391, equations 1 and 2. The check is the
model parameter randomization test of Adebayo et al., "Sanity Checks for Saliency
Maps", arXiv 1810.03292, section 4: here the values of every array are shuffled, so
that each layer keeps how large they are and loses what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cifarcnn.engine.backend import gradient
from cifarcnn.explanation.explanation import Missing
from cifarcnn.explanation.fields import ReceptiveField
from cifarcnn.explanation.layer_outputs import OpenedNetwork
from cifarcnn.explanation.looking import ClassMap, GradCam, SanityCheck
from cifarcnn.explanation.steps import IN_PLACE, Step, Steps, convolutions

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SHUFFLES = 10
# Of a network with more weights than this, which takes longer to shuffle, only a few.
_MANY_WEIGHTS = 2_000_000
_FEW_SHUFFLES = 3


def show_grad_cam(
    network: OpenedNetwork,
    fields: Mapping[str, ReceptiveField],
    image: Array,
    classes: Sequence[int],
) -> GradCam | Missing:
    """Grad-CAM of some classes.

    Args:
        network: The network.
        fields: The receptive fields of every step.
        image: uint8 ``(32, 32, 3)``.
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
    )


def find_last_maps(steps: Steps) -> Step | None:
    """The last maps of several cells that a convolution takes part in.

    Everything that reaches the logits passes them: of a convolution within a residual
    it is the outermost sum. Normalizations and the activation that follow are included.
    """
    order = list(steps.values())
    for convolution in reversed(convolutions(steps)):
        later = order[order.index(convolution) :]
        # From here on every step outside of residuals is on the only way to the logits.
        trunk = [step for step in later if step.depth == 0]
        if trunk[0].cells > 1:
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
    network: OpenedNetwork, step: Step, image: Array, classes: Sequence[int]
) -> list[ClassMap]:
    import keras
    import numpy as np

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
    network: OpenedNetwork, step: Step, image: Array, winner: ClassMap
) -> SanityCheck:
    import numpy as np

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
    import numpy as np

    first, second = (_rank(values.ravel()) for values in (one, other))
    spread = float(np.sqrt((first @ first) * (second @ second)))
    if spread == 0 or not np.isfinite(one).all() or not np.isfinite(other).all():
        return None
    return float(first @ second) / spread


def _rank(values: Array) -> Array:
    """The ranks of values minus their mean, float64."""
    import numpy as np

    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Array = (ends - (counts - 1) / 2)[which]
    centred: Array = ranks - ranks.mean()
    return centred
