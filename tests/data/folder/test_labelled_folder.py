"""Images of one's own, labelled with the classes of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.config import Config
from cifarcnn.data.folder.labelled_folder import LabelledFolder, open_labelled_folder
from cifarcnn.errors import DataError

NAMES = ("frog", "horse", "deer", "sea ship")


def config(dataset: str) -> Config:
    data = {"dataset": dataset}
    if dataset == "folder":
        data["path"] = "elsewhere"
    layers = ["Flatten", {"Dense": {"units": 4, "activation": "softmax"}}]
    if dataset != "folder":
        layers[1] = {"Dense": {"units": 10, "activation": "softmax"}}
    return Config.model_validate({"data": data, "model": {"layers": layers}})


CIFAR, SYNTHETIC, FOLDER = config("cifar10"), config("synthetic"), config("folder")
LOOKED_FOR = (
    "CIFAR-10 (cifar-10-batches-bin/, cifar-10-batches-py/, cifar-10-binary.tar.gz or "
    "cifar-10-python.tar.gz)"
)
CLASSES = "The classes of the run are frog, horse, deer, sea ship."


def put(path: Path, grey: int = 9, size: tuple[int, int] = (40, 40)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).save(path)


def read(path: Path, config: Config = CIFAR) -> LabelledFolder:
    found = open_labelled_folder(path, config, NAMES)
    assert found is not None
    return found


def refusal(path: Path, config: Config = CIFAR) -> str:
    with pytest.raises(DataError) as caught:
        open_labelled_folder(path, config, NAMES)
    return str(caught.value)


@pytest.mark.parametrize("below", ["", "test"])
@pytest.mark.parametrize("config", [CIFAR, SYNTHETIC, FOLDER])
def test_labels_are_the_places_of_the_names_in_the_run(
    tmp_path: Path, below: str, config: Config
) -> None:
    put(tmp_path / below / "sea ship" / "b.png", 200)
    put(tmp_path / below / "sea ship" / "a.jpg", 100)
    put(tmp_path / below / "horse" / "c.webp", 50)
    (tmp_path / below / "frog").mkdir()
    found = read(tmp_path, config)
    assert found.split.labels.tolist() == [1, 3, 3]
    assert found.split.images.shape == (3, 32, 32, 3)
    assert np.abs(found.split.images[:, 0, 0, 0] - [50.0, 100, 200]).max() <= 2
    assert (found.name, found.origin) == ("folder", str(tmp_path))
    assert (found.official, found.notice, found.notes) == (False, None, ())


def test_the_test_images_are_taken_beside_training_images(tmp_path: Path) -> None:
    put(tmp_path / "train" / "tent" / "a.png")
    put(tmp_path / "train" / "frog" / "a.png")
    put(tmp_path / "test" / "frog" / "b.png")
    assert read(tmp_path).split.labels.tolist() == [0]
    # Its classes are not those of the run, so that it is not the run's own.
    assert read(tmp_path, FOLDER).split.labels.tolist() == [0]


def test_it_is_said_which_of_the_folders_are_judged_on(tmp_path: Path) -> None:
    put(tmp_path / "Test" / "frog" / "a.png")
    assert read(tmp_path).notes == ()
    put(tmp_path / "deer" / "b.png")
    put(tmp_path / "val" / "deer" / "c.png")
    found = read(tmp_path)
    assert found.split.labels.tolist() == [0]
    assert found.notes == (f"{tmp_path}/Test is used; beside it, deer, val is not",)


def test_a_folder_of_unsorted_test_images_is_no_class(tmp_path: Path) -> None:
    put(tmp_path / "frog" / "a.png")
    put(tmp_path / "test" / "1.png")
    assert refusal(tmp_path) == (
        f"{tmp_path} has folders that are no class of the run: test. {CLASSES} Rename "
        "them, or move them elsewhere."
    )


def test_a_class_may_be_called_test(tmp_path: Path) -> None:
    put(tmp_path / "test" / "a.png")
    found = open_labelled_folder(tmp_path, CIFAR, ("frog", "test"))
    assert found is not None and found.split.labels.tolist() == [1]


def test_the_checksum_is_of_the_images_and_their_labels(tmp_path: Path) -> None:
    put(tmp_path / "one" / "frog" / "a.png", 3)
    put(tmp_path / "two" / "frog" / "other.bmp", 3)
    put(tmp_path / "three" / "deer" / "a.png", 3)
    sums = [read(tmp_path / name).checksum for name in ("one", "two", "three")]
    assert sums[0] == sums[1] != sums[2] and len(sums[0]) == 64


def test_what_is_left_out_is_noted(tmp_path: Path) -> None:
    put(tmp_path / "frog" / "a.png", size=(90, 30))
    (tmp_path / "frog" / "a.tif").write_bytes(b"II*")
    assert read(tmp_path).notes == (
        f"{tmp_path.name}: 1 file left out: .tif",
        f"{tmp_path.name}: 1 of 1 pictures are not square: the middle is used, 67% "
        "cropped at most",
    )


def test_the_data_set_of_the_run_is_left_to_others(tmp_path: Path) -> None:
    cifar = tmp_path / "cifar-10-batches-bin"
    cifar.mkdir()
    (cifar / "data_batch_1.bin").write_bytes(b"x")
    put(tmp_path / "frog" / "a.png")
    assert open_labelled_folder(tmp_path, CIFAR, NAMES) is None
    own = tmp_path / "own"
    for name in NAMES:
        put(own / "train" / name / "a.png")
    assert open_labelled_folder(own, FOLDER, NAMES) is None
    put(own / "test" / "frog" / "a.png")
    assert open_labelled_folder(own, FOLDER, NAMES) is None
    # Drawn by code, it has no place at all; who opens it says so.
    assert open_labelled_folder(cifar, SYNTHETIC, NAMES) is None
    assert open_labelled_folder(tmp_path / "nowhere", SYNTHETIC, NAMES) is None
    archive = tmp_path / "pictures.tar.gz"
    archive.write_bytes(b"x")
    assert open_labelled_folder(archive, CIFAR, NAMES) is None


def test_folders_of_other_names_are_named(tmp_path: Path) -> None:
    for name in ("frog", "hrose", "holiday", "Deer"):
        put(tmp_path / name / "a.png")
    assert refusal(tmp_path) == (
        f"{tmp_path} has folders that are no class of the run: Deer (did you mean "
        f"deer?), holiday, hrose (did you mean horse?). {CLASSES} Rename them, or move "
        "them elsewhere."
    )


def test_one_folder_of_a_misspelt_name_is_taken_for_a_class(tmp_path: Path) -> None:
    put(tmp_path / "Deer" / "a.png")
    assert refusal(tmp_path) == (
        f"{tmp_path} has folders that are no class of the run: Deer (did you mean "
        f"deer?). {CLASSES} Rename them, or move them elsewhere."
    )


def test_where_neither_is_both_are_named(tmp_path: Path) -> None:
    images = f"pictures in class folders, as in {tmp_path / 'frog' / 'one.png'}"
    put(tmp_path / "a.png")
    assert refusal(tmp_path) == (
        f"{tmp_path} holds neither {LOOKED_FOR} nor {images}. {CLASSES}"
    )
    put(tmp_path / "holiday" / "a.png")
    put(tmp_path / "home" / "a.png")
    assert refusal(tmp_path) == (
        f"{tmp_path} holds neither {LOOKED_FOR} nor {images}. Its folders are holiday, "
        f"home. {CLASSES}"
    )
    assert refusal(tmp_path, FOLDER).startswith(
        f"{tmp_path} holds neither the data set of the run (train/<class>/<picture>) "
        f"nor {images}."
    )
    assert refusal(tmp_path, SYNTHETIC) == (
        f"{tmp_path} holds no {images}. Its folders are holiday, home. {CLASSES}"
    )


def test_a_path_that_does_not_exist_is_told(tmp_path: Path) -> None:
    place = tmp_path / "nowhere"
    assert refusal(place) == (
        f"{place} does not exist; expected {LOOKED_FOR} or pictures in class folders, "
        f"as in {place / 'frog' / 'one.png'}."
    )


def test_folders_without_a_picture_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "frog").mkdir()
    (tmp_path / "frog" / "a.tif").write_bytes(b"II*")
    assert refusal(tmp_path) == (
        f"{tmp_path} has no picture in a class folder ({tmp_path.name}: 1 file left "
        "out: .tif); expected <class>/<picture> in it."
    )
    (tmp_path / "frog" / "b.png").write_bytes(b"none")
    assert refusal(tmp_path) == (
        f"{tmp_path} has pictures that cannot be read, 1 in all. Mend or remove them, "
        "or set data.damaged: leave_out to go on without them:\n"
        f"  {tmp_path}/frog/b.png: this is text (its name ends in .png); expected a "
        "PNG, JPEG, WebP, BMP or GIF picture."
    )


def test_a_name_that_looks_like_that_of_a_class_is_told(tmp_path: Path) -> None:
    names = ("th\u00e9", "tea")
    put(tmp_path / "the\u0301" / "1.png")
    put(tmp_path / "tea" / "1.png")
    with pytest.raises(DataError) as caught:
        open_labelled_folder(tmp_path, CIFAR, names)
    assert str(caught.value) == (
        f"{tmp_path} has folders that are no class of the run: the\u0301. The classes "
        "of the run are th\u00e9, tea. Rename them, or move them elsewhere. the\u0301: "
        "the names look the same, but in one of the two an accent is a character of "
        "its own, as macOS writes it. Rename the folders."
    )


def test_the_folder_may_be_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "frog" / "a.png")
    (tmp_path / "frog" / "a.tif").write_bytes(b"II*")
    monkeypatch.chdir(tmp_path)
    assert read(Path()).notes == (f"{tmp_path.name}: 1 file left out: .tif",)
