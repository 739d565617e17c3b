"""What a folder holds, from names and headers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from cifarcnn.data.folder.survey import survey_folder
from cifarcnn.errors import DataError, UsageError


def draw(path: Path, width: int, height: int, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height), "teal").save(path, exif=exif)


def test_a_list_does_in_place_of_a_folder(tmp_path):
    rows = ["image,label"]
    for number in range(12):
        draw(tmp_path / "all" / f"{number}.png", 40 + number, 50)
        rows.append(f"all/{number}.png,{'cat' if number % 3 else 'dog'}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    survey = survey_folder(tmp_path / "list.csv")
    assert survey.class_counts == {"cat": 8, "dog": 4}
    assert survey.short_side == 45


@pytest.mark.parametrize("inside", ["", "train", "Train"])
def test_classes_and_sizes_with_and_without_splits(tmp_path, inside):
    root = tmp_path / "pets"
    for number, side in enumerate((40, 60, 300)):
        draw(root / inside / "cat" / f"{number}.png", side + 20, side)
    draw(root / inside / "dog" / "lying.jpg", 90, 50, orientation=6)
    draw(root / inside / "dog" / "other.JPEG", 50, 90)
    if inside:
        draw(root / "test" / "cat" / "5.png", 1, 1)
    survey = survey_folder(root)
    assert survey.class_counts == {"cat": 3, "dog": 2}
    assert survey.sizes == ((40, 60), (90, 50), (90, 50), (60, 80), (300, 320))
    assert survey.short_side == 50


def test_some_headers_stand_for_all_and_damage_is_passed_over(tmp_path):
    for name in ("cat", "dog"):
        draw(tmp_path / name / "000.png", 64, 48)
        for number in range(1, 150):
            (tmp_path / name / f"{number:03}.png").write_bytes(b"no picture")
    survey = survey_folder(tmp_path)
    assert survey.class_counts == {"cat": 150, "dog": 150}
    assert survey.sizes == ((48, 64),) * 2


def test_what_is_no_folder_of_pictures_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = [
        (UsageError, "'no' is not there; expected a folder of pictures"),
        (UsageError, r"the path of the folder is not UTF-8: 'p\udcff'; rename it"),
        (
            DataError,
            "pets.zip is neither a folder nor a list (.csv); expected <class>/"
            "<picture>, or train/<class>/<picture> in data.path. Unpack it first.",
        ),
        (
            DataError,
            "empty is empty; expected <class>/<picture>, or train/<class>/<picture>.",
        ),
        (
            DataError,
            "one/dog has no pictures (1 file left out: .tif); expected PNG, JPEG, "
            "WebP, BMP or GIF files.",
        ),
        (
            DataError,
            "bad has no picture that can be read: bad/cat/1.png: the file is empty; "
            "expected a PNG, JPEG, WebP, BMP or GIF picture.",
        ),
    ]
    Path("pets.zip").write_bytes(b"PK")
    os.mkdir(b"p\xff")
    Path("empty").mkdir()
    draw(Path("one/cat/1.png"), 9, 9)
    Path("one/dog").mkdir()
    Path("one/dog/1.tif").write_bytes(b"MM\0*")
    for name in ("cat", "dog"):
        Path("bad", name).mkdir(parents=True)
        Path("bad", name, "1.png").write_bytes(b"")
    folders = ["no", os.fsdecode(b"p\xff"), "pets.zip", "empty", "one", "bad"]
    for folder, (kind, sentence) in zip(folders, told, strict=True):
        with pytest.raises(kind) as raised:
            survey_folder(Path(folder))
        assert str(raised.value) == sentence
