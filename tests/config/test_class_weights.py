"""Weights of classes that do not exist, where the classes are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cifarcnn.config.datasets import DATASETS
from cifarcnn.data.synthetic import SUBJECTS

if TYPE_CHECKING:
    from conftest import Check

CIFAR10 = ", ".join(DATASETS["cifar10"].class_names)
CASES = [
    ("cifar10", "{dgo: 2}", {"dgo": "did you mean dog?"}),
    ("cifar10", "{0: 1, 5: 2.5}", {
        "0": "classes go by their names; the one of index 0 is airplane",
        "5": "classes go by their names; the one of index 5 is dog"}),
    ("cifar10", "{10: 2}", {"10": f"known: {CIFAR10}"}),
    ("cifar10", "{zebra: 2, cat: 3}", {"zebra": f"known: {CIFAR10}"}),
    ("synthetic", "{Truck: 2}", {"Truck": "did you mean truck?"}),
    ("cifar100", "{otter: 1, willow: 2, xyz: 1}", {
        "willow": "did you mean willow_tree?", "xyz": ""}),
    ("folder, path: p, classes: [red, blue]", "{bleu: 2}",
     {"bleu": "did you mean blue?"}),
    ("folder, path: p", "{anything: 2}", {}),
    ("cifar10", "balanced", {}),
]  # fmt: skip


@pytest.mark.parametrize(("dataset", "weights", "hints"), CASES)
def test_a_class_that_does_not_exist_is_told(
    dataset: str, weights: str, hints: dict[str, str], check: Check
) -> None:
    units = {"cifar100": 100, "folder, path: p, classes: [red, blue]": 2}
    checked = check(
        f"data: {{dataset: {dataset}}}\n"
        f"model: {{layers: [Flatten, Dense: {units.get(dataset, 10)}]}}\n"
        f"training: {{class_weights: {weights}}}\n"
    )
    told = {p.path.rpartition(".")[2]: p.hint for p in checked.problems}
    assert told == hints
    kind = dataset.partition(",")[0]
    assert [problem.message for problem in checked.problems] == [
        f"{kind} has no class '{name}'" for name in hints
    ]


def test_a_number_of_any_length_may_stand_for_a_class(check: Check) -> None:
    text = "model: {layers: [Flatten, Dense: 10]}\ntraining:\n  class_weights:\n"
    [problem] = check(f"{text}    ? {'1' * 5000}\n    : 2\n").problems
    assert problem.message.startswith("cifar10 has no class '111")


def test_it_is_told_at_once_with_mistakes_elsewhere(check: Check) -> None:
    text = (
        "model: {layers: [Flatten, Dense: 10, Nothing]}\n"
        "training:\n  epochs: 0\n  class_weights: {cat: 1}\n"
    )
    problems = check(text, "training.class_weights.kat=2").problems
    assert {(item.file, item.path) for item in problems} == {
        ("c.yaml", "model.layers[2]"),
        ("c.yaml", "training.epochs"),
        ("--set", "training.class_weights.kat"),
    }


def test_the_classes_are_those_of_the_data_sets() -> None:
    names = {name: facts.class_names for name, facts in DATASETS.items()}
    counts = {"cifar10": 10, "cifar100": 100, "synthetic": 10, "folder": 0}
    assert {name: len(found) for name, found in names.items()} == counts
    assert names["synthetic"] == tuple(SUBJECTS)
    # Both publishers' files name them in the order of the alphabet.
    for found in names.values():
        assert [*found] == sorted({*found})


def test_the_names_are_those_of_the_publishers_file(real_data: Path) -> None:
    meta = real_data / "cifar-10-batches-bin" / "batches.meta.txt"
    if not meta.is_file():
        pytest.skip("CIFARCNN_TEST_DATA does not hold cifar-10-batches-bin")
    assert DATASETS["cifar10"].class_names == tuple(meta.read_text().split())
