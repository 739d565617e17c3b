"""The files of the images of a split are named in the order of its arrays."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from cifarcnn.config import Config
from cifarcnn.data.dataset import open_config_dataset
from cifarcnn.data.folder.labelled_folder import open_labelled_folder

NAMES = ("elm", "oak")


def config(root: Path, **data: object) -> Config:
    layers = ["Flatten", {"Dense": {"units": 2, "activation": "softmax"}}]
    data = {"dataset": "folder", "path": str(root), "damaged": "leave_out", **data}
    return Config.model_validate({"data": data, "model": {"layers": layers}})


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """Each image has a grey of its own; one of them is damaged."""
    for number in range(60):
        path = tmp_path / NAMES[number % 2] / f"{number}, ü.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (32, 32), 4 * number).save(path)
    (tmp_path / "elm" / "10, ü.png").write_bytes(b"\x89PNG")
    return tmp_path


def greys(root: Path, names: object) -> list[int]:
    return [Image.open(root / name).getpixel((0, 0)) for name in names]


@pytest.mark.parametrize("cut", [{"validation_fraction": 0.3}, {"fold": "2/3"}])
def test_of_every_split(trees: Path, cut: dict[str, object]) -> None:
    chosen = config(trees, **cut)
    dataset = open_config_dataset(chosen)
    data = chosen.data
    train, validation = dataset.training(data.validation_fraction, 0)
    splits = {"train": train, "validation": validation, "test": dataset.test()}
    found = []
    for name, split in splits.items():
        names = dataset.image_names(name, chosen)
        assert greys(trees, names) == split.images[:][:, 0, 0, 0].tolist()
        assert [Path(each).parent.name for each in names] == [
            dataset.class_names[label] for label in split.labels
        ]
        found += names
    assert len(found) == len(set(found)) == 59


def test_of_a_list_as_it_has_them(trees: Path) -> None:
    rows = [f'"{name}/{n}, ü.png",{name}' for n, name in ((2, "elm"), (3, "oak"))]
    rows += [f'"elm/../oak/{n}, ü.png",oak' for n in range(5, 60, 2)]
    path = trees / "list.csv"
    path.write_text("\n".join(["image,label", *rows, '"elm/4, ü.png",elm']))
    chosen = config(path, validation_fraction=0, test_fraction=0)
    dataset = open_config_dataset(chosen)
    train, _ = dataset.training(0, 0)
    names = dataset.image_names("train", chosen)
    assert {"elm/2, ü.png", "oak/3, ü.png"} <= set(names)
    assert greys(trees, names) == train.images[:][:, 0, 0, 0].tolist()


@pytest.mark.parametrize("place", ["", "test"])
def test_of_images_to_judge_on_relative_to_what_was_named(
    trees: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    root = trees
    if place:
        (tmp_path / "test").mkdir()
        for name in NAMES:
            (tmp_path / name).rename(tmp_path / place / name)
    monkeypatch.chdir(tmp_path.parent)
    names = (*NAMES, "yew")
    found = open_labelled_folder(Path(root.name), config(Path("no/where")), names)
    assert found is not None and len(found.image_names) == 59
    assert all(
        name.startswith(f"{place}/elm" if place else "elm")
        for name in found.image_names[:29]
    )
    assert greys(root, found.image_names) == found.split.images[:][:, 0, 0, 0].tolist()


def test_images_without_files_have_no_names() -> None:
    layers = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
    synthetic = Config.model_validate({"model": {"layers": layers}}).with_data(
        dataset="synthetic"
    )
    assert open_config_dataset(synthetic).image_names("test", synthetic) is None
