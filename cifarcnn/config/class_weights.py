"""Weights of classes that the data set does not have, found without the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cifarcnn.config.consistency import LocatedProblem
from cifarcnn.config.datasets import DATASETS
from cifarcnn.config.spelling import did_you_mean, suggest
from cifarcnn.config.yaml_tree import Node, quote
from cifarcnn.config.yaml_typos import hint_for_missing_space

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
    names: Sequence[str] = ()
    if dataset in DATASETS:
        names = DATASETS[dataset].class_names
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
    if key in map(str, range(len(names))):
        return f"classes go by their names; the one of index {key} is {names[int(key)]}"
    return (
        suggest(key, names) if len(names) <= _MOST_LISTED else did_you_mean(key, names)
    )
