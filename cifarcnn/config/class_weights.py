"""Weights of classes that the data set does not have, found without the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cifarcnn.config.consistency import LocatedProblem
from cifarcnn.config.spelling import ask, suggest
from cifarcnn.config.yaml_slips import hint_for_missing_space
from cifarcnn.config.yaml_tree import Node, quote

_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
# As in the files of the publisher, batches.meta and meta, in the order of the labels.
CLASS_NAMES = {
    "cifar10": tuple(_CIFAR10.split()),
    "synthetic": tuple(_CIFAR10.split()),
    "cifar100": tuple(
        """
        apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy
        bridge bus butterfly camel can castle caterpillar cattle chair chimpanzee clock
        cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
        forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion
        lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange
        orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
        possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper
        snail snake spider squirrel streetcar sunflower sweet_pepper table tank
        telephone television tiger tractor train trout tulip turtle wardrobe whale
        willow_tree wolf woman worm
        """.split()
    ),
}
_MOST_LISTED = 20


def find_unknown_classes(root: Node) -> Iterator[LocatedProblem]:
    """Every weight of a class that does not exist, where the classes are known.

    Args:
        root: The whole config, blocks unfolded; other problems of it do no harm.
    """
    # Not by the schema, which other problems of the same section would keep from it.
    data, training = root.child("data"), root.child("training")
    weights = training.child("class_weights") if training is not None else None
    if weights is None or not isinstance(weights.value, dict):
        return
    facts = data.plain() if data is not None else None
    facts = facts if isinstance(facts, dict) else {}
    dataset, listed = str(facts.get("dataset", "cifar10")), facts.get("classes")
    names: Sequence[str] = CLASS_NAMES.get(dataset, ())
    if dataset == "folder" and isinstance(listed, list):
        names = [str(name) for name in listed]
    if not names:
        return
    for key in weights.value:
        if key not in names and not hint_for_missing_space(key):
            yield LocatedProblem(
                ("training", "class_weights", key),
                f"{dataset} has no class {quote(key)}",
                _hint(key, names),
            )


def _hint(key: str, names: Sequence[str]) -> str:
    # Keras's class_weight is keyed by the index.
    if key.isascii() and key.isdecimal() and int(key) < len(names):
        return f"classes go by their names; the one of index {key} is {names[int(key)]}"
    return suggest(key, names) if len(names) <= _MOST_LISTED else ask(key, names)
