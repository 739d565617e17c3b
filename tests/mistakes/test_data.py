"""Wrong data sets, as `cifarcnn train` is given them: the whole message, the exit code.

In the expected messages ``{data}`` stands for the folder that ``data.path`` names.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from conftest import Call

BINARY = "cifar-10-batches-bin"
PYTHON = "cifar-10-batches-py"
ARCHIVE = "cifar-10-binary.tar.gz"
NAMES = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"
RECORD = 3073


# --- what lies on the disk -----------------------------------------------------------


def write_empty(folder: Path, names: list[str], size: int) -> None:
    """Files of zeros that take no place on the disk."""
    folder.mkdir()
    for name in names:
        with open(folder / name, "wb") as file:
            file.truncate(size)


def cifar(data: Path) -> Path:
    """CIFAR-10 in its sizes, with 60,000 black airplanes."""
    batches = [f"data_batch_{number}.bin" for number in range(1, 6)]
    write_empty(data / BINARY, [*batches, "test_batch.bin"], 10_000 * RECORD)
    (data / BINARY / "batches.meta.txt").write_text(NAMES)
    return data / BINARY


def overwrite(path: Path, start: int, content: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(content)


def cut_short(data: Path) -> None:
    os.truncate(cifar(data) / "data_batch_2.bin", 30_000_000)


def too_long(data: Path) -> None:
    os.truncate(cifar(data) / "test_batch.bin", 30_730_001)


def missing_files(data: Path) -> None:
    folder = cifar(data)
    (folder / "data_batch_3.bin").unlink()
    (folder / "test_batch.bin").unlink()


def wrong_label(data: Path) -> None:
    overwrite(cifar(data) / "data_batch_1.bin", 7 * RECORD, bytes([77]))


def one_class_only(data: Path) -> None:
    cifar(data)


def wrong_class_name(data: Path) -> None:
    (cifar(data) / "batches.meta.txt").write_text(NAMES.replace("cat", "hat"))


def no_folder(data: Path) -> None:
    data.rmdir()


def nothing(data: Path) -> None:
    pass


def some_file(data: Path) -> None:
    data.rmdir()
    data.write_text("notes")


def web_page(data: Path) -> None:
    (data / ARCHIVE).write_bytes(b"<html>Not found</html>" * 1000)


def pack(data: Path, member: tarfile.TarInfo, content: bytes = b"") -> None:
    member.size = len(content)
    with tarfile.open(data / ARCHIVE, "w:gz") as archive:
        archive.addfile(member, io.BytesIO(content))


def climbing_archive(data: Path) -> None:
    pack(data, tarfile.TarInfo("../evil.txt"), b"evil")


def archive_with_link(data: Path) -> None:
    member = tarfile.TarInfo(f"{BINARY}/data_batch_1.bin")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    pack(data, member)


def evil_pickle(data: Path) -> None:
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    write_empty(data / PYTHON, names, 31_035_704)
    (data / PYTHON / "batches.meta").write_bytes(b"\x80\x02}.")
    command = f"touch {data / 'harm'}".encode()
    overwrite(data / PYTHON / "data_batch_1", 0, b"cos\nsystem\n(S'%b'\ntR." % command)


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), "red").save(path)


def pets(data: Path, splits: str = "train test", classes: str = "cat dog") -> None:
    for split in splits.split():
        for name in classes.split():
            for number in range(10):
                draw(data / split / name / f"{number}.png")


def no_train(data: Path) -> None:
    pets(data, splits="test")


def all_for_the_test(data: Path) -> None:
    draw(data / "cat" / "1.png")
    draw(data / "dog" / "3.png")


def one_folder_too_high(data: Path) -> None:
    pets(data / "pets")


def no_class_folders(data: Path) -> None:
    for number in range(3):
        draw(data / f"cat{number}.png")


def no_class_folders_in_train(data: Path) -> None:
    for number in range(3):
        draw(data / "train" / f"cat{number}.png")


def packed_folder(data: Path) -> None:
    data.rmdir()
    data.write_bytes(b"PK")


def two_validation_folders(data: Path) -> None:
    pets(data, splits="train val validation")


def one_class(data: Path) -> None:
    pets(data, classes="cat")


def other_test_classes(data: Path) -> None:
    pets(data)
    draw(data / "test" / "cow" / "1.png")


def empty_class(data: Path) -> None:
    pets(data)
    for split in ("train", "test"):
        (data / split / "cow").mkdir()


def unreadable_images(data: Path) -> None:
    pets(data)
    (data / "train/cat/3.png").write_bytes(b"")
    (data / "test/dog/notes.jpg").write_text("not a picture")


def one_image_each(data: Path) -> None:
    for name in ("cat", "dog"):
        draw(data / "train" / name / "1.png")


# --- what is said of it --------------------------------------------------------------

LOOKED = (
    "CIFAR-10 was not found. Looked for cifar-10-batches-bin/, cifar-10-batches-py/, "
    "cifar-10-binary.tar.gz or cifar-10-python.tar.gz in:\n"
)
FETCH = (
    "By hand: fetch https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz "
    "(170,052,171 bytes, "
    "sha256 c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd) and put "
    "it there, unopened; or say where it lies with data.path or the environment "
    "variable CIFARCNN_DATA; or bring what you have, in any form: cifarcnn data import "
    "PATH\n"
    "dataset: synthetic needs no download."
)
WAY = "Fetch it with: cifarcnn data fetch cifar10"
INTO = f"{WAY} --to {{data}}\n"
CLASSES = "expected <class>/<picture>, or train/<class>/<picture>"
FOLDER = "data.dataset=folder"
TWO = "model.layers=[Flatten, Dense: 2]"
THREE = "model.layers=[Flatten, Dense: 3]"
CASES: dict[str, tuple[Callable[[Path], None], list[str], int, str]] = {
    "a folder that is not there": (
        no_folder, [], 1, f"{LOOKED}  {{data}} (does not exist)\n{INTO}{FETCH}",
    ),
    "an empty folder": (nothing, [], 1, f"{LOOKED}  {{data}}\n{INTO}{FETCH}"),
    "a file of another name": (
        some_file, [], 1,
        f"{LOOKED}  {{data}} (a file of another name)\n"
        f"Bring it with: cifarcnn data import {{data}}\n{FETCH}",
    ),
    "a file cut short": (
        cut_short, [], 1,
        "{data}/cifar-10-batches-bin/data_batch_2.bin is cut short: it has 30,000,000 "
        "bytes, expected 30,730,000. Get it again.",
    ),
    "a file with a byte too many": (
        too_long, [], 1,
        "{data}/cifar-10-batches-bin/test_batch.bin is too long: it has 30,730,001 "
        "bytes, expected 30,730,000. Get it again.",
    ),
    "missing files": (
        missing_files, [], 1,
        "{data}/cifar-10-batches-bin lacks data_batch_3.bin and test_batch.bin. Get it "
        "again.",
    ),
    "a label beyond the classes": (
        wrong_label, [], 1,
        "{data}/cifar-10-batches-bin/data_batch_1.bin: picture 7 (counted from 0) has "
        "the label 77, expected 0 to 9.",
    ),
    "not the same number from every class": (
        one_class_only, [], 1,
        "{data}/cifar-10-batches-bin: data_batch_1.bin to data_batch_5.bin: found "
        "50,000 pictures of the class airplane, expected 5,000 of every class. Get it "
        "again.",
    ),
    "a class of another name": (
        wrong_class_name, [], 1,
        "{data}/cifar-10-batches-bin/batches.meta.txt names class 3 'hat', expected "
        "'cat'.",
    ),
    "a web page in place of the archive": (
        web_page, [], 1,
        "{data}/cifar-10-binary.tar.gz is damaged or not a .tar.gz archive: it cannot "
        "be read to its end. Get it again.",
    ),
    "an archive that climbs out of its folder": (
        climbing_archive, [], 1,
        "{data}/cifar-10-binary.tar.gz holds '../evil.txt', which is not a file of "
        "cifar-10-batches-bin.",
    ),
    "an archive with a link": (
        archive_with_link, [], 1,
        "{data}/cifar-10-binary.tar.gz holds 'cifar-10-batches-bin/data_batch_1.bin' "
        "not as a regular file.",
    ),
    "a pickle that runs a command": (
        evil_pickle, [], 1,
        "{data}/cifar-10-batches-py/data_batch_1 asks for os.system, which no CIFAR "
        "file contains: it could do harm and was not opened. Get the official file.",
    ),
    "a folder without train": (
        no_train, [FOLDER, TWO], 1,
        f"{{data}} has no class folders with pictures: it has test; {CLASSES}.",
    ),
    "class folders without train, and so few pictures that the test takes them": (
        all_for_the_test, [FOLDER, TWO, "data.test_fraction=0.5"], 1,
        "The cut for the test (data.test_fraction 0.5, by the names of the files) "
        "takes the only picture of the class cat and leaves none to train on. Add "
        "pictures, or make it smaller.",
    ),
    "a folder of one's own that is not there": (
        no_folder, [FOLDER, TWO], 1,
        f"There is no folder or list {{data}}; {CLASSES} in data.path.",
    ),
    "an empty folder of one's own": (
        nothing, [FOLDER, TWO], 1,
        f"{{data}} is empty; {CLASSES}.",
    ),
    "a file in place of a folder": (
        packed_folder, [FOLDER, TWO], 1,
        f"{{data}} is neither a folder nor a list (.csv); {CLASSES} in data.path.",
    ),
    "the folder above the right one": (
        one_folder_too_high, [FOLDER, TWO], 1,
        "{data} has no folder train, but {data}/pets has one: set data.path to it.",
    ),
    "pictures without class folders": (
        no_class_folders, [FOLDER, TWO], 1,
        "{data} has no class folders, and 3 pictures lie in it without a folder for "
        f"their class; {CLASSES}.",
    ),
    "training pictures without class folders": (
        no_class_folders_in_train, [FOLDER, TWO], 1,
        "{data}/train has 0 class folders, expected 2 to 10,000: one folder of "
        "pictures for each class. 3 pictures in it lie in no class folder.",
    ),
    "two folders for validation": (
        two_validation_folders, [FOLDER, TWO], 1,
        "{data} has validation and val: only one of them can be the validation split. "
        "Rename or remove the others.",
    ),
    "a folder of one class": (
        one_class, [FOLDER, TWO], 1,
        "{data}/train has 1 class folder, expected 2 to 10,000: one folder of pictures "
        "for each class.",
    ),
    "other classes for the test": (
        other_test_classes, [FOLDER, TWO], 1,
        "{data}/test has class folders for no class of the training: cow. The classes "
        "are cat, dog.",
    ),
    "a class without pictures": (
        empty_class, [FOLDER, THREE], 1,
        "{data}/train/cow has no pictures; expected PNG, JPEG, WebP, BMP or GIF files.",
    ),
    "pictures that cannot be read": (
        unreadable_images, [FOLDER, TWO], 1,
        "{data} has pictures that cannot be read, 2 in all. Mend or remove them, or "
        "set data.damaged: leave_out to go on without them:\n"
        "  {data}/train/cat/3.png: the file is empty; expected a PNG, JPEG, WebP, BMP "
        "or GIF picture.\n"
        "  {data}/test/dog/notes.jpg: this is text (its name ends in .jpg); expected a "
        "PNG, JPEG, WebP, BMP or GIF picture.",
    ),
    "too few pictures for validation": (
        one_image_each, [FOLDER, TWO, "data.validation_fraction=0.5"], 1,
        "validation_fraction 0.5 takes 1 of the 1 training pictures of the class cat "
        "and leaves none to train on. Make it smaller, set it to 0, or add pictures.",
    ),
    "other classes than the config names": (
        pets, [FOLDER, TWO, "data.classes=[cat, cow]"], 1,
        "The class folders of {data} are not the classes of data.classes, which must "
        "name them all: cow has no folder there; dog is not expected.",
    ),
    "another number of classes than the network has": (
        pets, [FOLDER, THREE], 2,
        "The last layer gives the shape (3,), but the data has 2 classes: it must give "
        "(2,), as does Dense: {units: 2}.",
    ),
    "the same pictures to learn from and to test": (
        pets, [FOLDER, TWO, "data.validation_fraction=0"], 1,
        "{data} has the same pictures in two splits, so that what was learnt by heart "
        "would be judged:\n"
        "  20 of the 20 pictures in test are in train too (the same 32x32 pixels): "
        "test/cat/0.png is train/cat/0.png, test/cat/1.png is train/cat/0.png, "
        "test/cat/2.png is train/cat/0.png and 17 more\n"
        "Remove one of each, or accept them with data.duplicates: allow.",
    ),
    "a fold beside validation pictures of one's own": (
        lambda data: pets(data, splits="train val"), [FOLDER, TWO, "data.fold=2/5"], 1,
        "data.fold is 2/5, but {data} has validation pictures of its own, val. Remove "
        "data.fold, or move them to the others.",
    ),
    "a weight for a class that is not there": (
        pets, [FOLDER, TWO, "training.class_weights={cow: 2}"], 2,
        "training.class_weights names 'cow', but the classes are cat, dog.",
    ),
    "a path for the pictures that are drawn": (
        nothing, ["data.dataset=synthetic"], 2,
        "dataset: synthetic is drawn by code and takes no path, found {data}.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_message_is_the_expected_one(
    case: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, settings, code, message = CASES[case]
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    make(data)
    arguments = ["train", "--config", "article", "--device", "cpu"]
    for setting in [f"data.path={data}", "training.epochs=1", *settings]:
        arguments += ["--set", setting]
    outcome = call(*arguments)
    # What comes before names the device, and the data and the run where it got so far.
    said = outcome.stderr[outcome.stderr.index("error: ") :]
    assert said == f"error: {message}\n".replace("{data}", str(data))
    assert outcome.stdout == ""
    assert outcome.code == code
    assert not (tmp_path / "runs").exists()
    assert not (data / "harm").exists() and not (tmp_path / "evil.txt").exists()


def test_without_a_path_every_usual_place_is_named(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CIFARCNN_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    outcome = call("train", "--config", "article", "--device", "cpu")
    places = "".join(
        f"  {tmp_path}/{name} (does not exist)\n"
        for name in ("named", "cache", "keras/datasets")
    )
    fetch = FETCH.replace("put it there", f"put it into {tmp_path}/cache")
    said = outcome.stderr[outcome.stderr.index("error: ") :]
    assert said == f"error: {LOOKED}{places}{WAY}\n{fetch}\n"
    assert (outcome.code, outcome.stdout) == (1, "")
