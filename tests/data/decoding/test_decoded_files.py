"""The cache of decoded files: what is decoded again, and what is not."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.decoding import decoded_files
from cifarcnn.data.decoding.decoded_files import checksum, open_decoded_files
from cifarcnn.data.image.target_size import TargetSize

KEY = "folder-0123456789abcdef"
TARGET = TargetSize(8, 8, "crop")


def put(path: Path, color: tuple[int, int, int], size=(8, 8)) -> str:
    Image.new("RGB", size, color).save(path)
    return str(path)


@pytest.fixture
def paths(tmp_path, fresh_cache) -> list[str]:
    """Ten images, each of its own colour, decoded once."""
    made = [put(tmp_path / f"{number}.png", (number, 0, 0)) for number in range(10)]
    open_decoded_files(KEY, made, TARGET)
    return made


@pytest.fixture
def folder(fresh_cache) -> Path:
    return fresh_cache / "decoded" / KEY


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the files that were decoded since."""
    names: list[str] = []
    decode = decoded_files.decode_files

    def note(paths, target):
        names.extend(os.path.basename(path) for path in paths)
        return decode(paths, target)

    monkeypatch.setattr(decoded_files, "decode_files", note)
    return names


def colors(images: np.ndarray) -> list[int]:
    assert (images == images[:, :1, :1]).all()
    return images[:, 0, 0, 0].tolist()


def stored(folder: Path) -> Path:
    (path,) = folder.glob("8x8-crop.*.npy")
    return path


def change_index(folder: Path, **values: object) -> None:
    index = folder / "8x8-crop.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | values))


# --- what is decoded again -----------------------------------------------------------


def test_what_is_unchanged_is_mapped_and_not_decoded(paths, folder, decoded):
    found = open_decoded_files(KEY, paths, TARGET)
    assert decoded == []
    assert colors(found.images) == list(range(10))
    assert isinstance(found.images, np.memmap)
    assert found.images.filename == str(stored(folder))
    assert not found.images.flags.writeable
    assert np.array_equal(np.load(stored(folder)), found.images)


def test_only_what_is_new_or_changed_is_decoded(paths, tmp_path, folder, decoded):
    put(tmp_path / "4.png", (200, 0, 0))
    paths.insert(7, put(tmp_path / "new.png", (100, 0, 0)))
    del paths[0]
    paths.reverse()
    before = stored(folder)
    found = open_decoded_files(KEY, paths, TARGET)
    assert sorted(decoded) == ["4.png", "new.png"]
    assert colors(found.images) == [9, 8, 7, 100, 6, 5, 200, 3, 2, 1]
    # Another process may read them.
    assert len(list(folder.glob("*.npy"))) == 2
    os.utime(before, (0, 0))
    decoded.clear()
    assert colors(open_decoded_files(KEY, paths, TARGET).images) == colors(found.images)
    assert decoded == []
    assert str(stored(folder)) == found.images.filename


def test_files_that_change_places_are_decoded_again(paths, decoded):
    one, other = Path(paths[0]), Path(paths[1])
    times = one.stat().st_mtime_ns
    one.rename(one.with_name("x.png"))
    other.rename(one)
    one.with_name("x.png").rename(other)
    for path in (one, other):
        os.utime(path, ns=(times, times))
    assert colors(open_decoded_files(KEY, paths, TARGET).images)[:2] == [1, 0]
    assert sorted(decoded) == ["0.png", "1.png"]


def test_a_file_that_could_not_be_read_is_tried_again(paths, decoded, tmp_path):
    Path(paths[3]).write_bytes(b"nothing")
    for _ in range(2):
        found = open_decoded_files(KEY, paths, TARGET)
        assert found.readings[3].failure == (
            "this is text (its name ends in .png); expected a PNG, JPEG, WebP, BMP or "
            "GIF picture."
        )
        assert not found.images[3].any()
    assert set(decoded) == {"3.png"}
    put(Path(paths[3]), (50, 0, 0))
    found = open_decoded_files(KEY, paths, TARGET)
    assert set(decoded) == {"3.png"} and found.readings[3].failure is None
    assert colors(found.images)[3] == 50


def test_what_was_lost_is_kept_with_the_images(paths, tmp_path):
    paths.append(put(tmp_path / "wide.png", (1, 2, 3), size=(16, 8)))
    for _ in range(2):
        found = open_decoded_files(KEY, paths, TARGET)
        assert [reading.mismatch for reading in found.readings] == [0.0] * 10 + [0.5]


def test_no_files_at_all(fresh_cache):
    found = open_decoded_files(KEY, [], TARGET)
    assert found.images.shape == (0, 8, 8, 3)
    assert (found.readings, found.digests.shape) == ((), (0, 32))


# --- damage --------------------------------------------------------------------------


@pytest.mark.parametrize("position", [-1, -192, -10 * 192])
def test_only_a_damaged_image_is_decoded_again(
    paths, folder, decoded, rewrite, position
):
    def flip(data: bytearray) -> None:
        data[position] ^= 1

    rewrite(stored(folder), flip)
    number = 10 + (position // 192)
    assert colors(open_decoded_files(KEY, paths, TARGET).images) == list(range(10))
    assert decoded == [f"{number}.png"]
    decoded.clear()
    open_decoded_files(KEY, paths, TARGET)
    assert decoded == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: stored(folder).unlink(),
        lambda folder: stored(folder).write_bytes(b""),
        lambda folder: stored(folder).write_bytes(stored(folder).read_bytes()[:-1]),
        lambda folder: np.save(stored(folder), np.zeros((10, 8, 8, 3), "u2")),
        lambda folder: np.save(stored(folder), np.zeros((5, 16, 8, 3), "u1")),
        lambda folder: np.save(stored(folder), np.array([{}]), allow_pickle=True),
        lambda folder: (folder / "8x8-crop.json").unlink(),
        lambda folder: (folder / "8x8-crop.json").write_bytes(b"\xff{"),
        lambda folder: change_index(folder, version=0),
        lambda folder: change_index(folder, images="../other.npy"),
        lambda folder: change_index(folder, table="AAAA"),
        lambda folder: change_index(folder, table="!"),
        lambda folder: change_index(folder, table_sha256="0"),
        lambda folder: change_index(
            folder, table=base64.b64encode(b"\0" * 57).decode()
        ),
        lambda folder: change_index(folder, extra=1),
    ],
)
def test_a_damaged_cache_is_made_again(paths, folder, decoded, damage):
    damage(folder)
    assert colors(open_decoded_files(KEY, paths, TARGET).images) == list(range(10))
    assert len(decoded) == 10
    decoded.clear()
    assert colors(open_decoded_files(KEY, paths, TARGET).images) == list(range(10))
    assert decoded == []


def test_a_header_that_asks_for_memory_is_not_obeyed(paths, folder, decoded):
    content = stored(folder).read_bytes()
    lie = content.replace(b"(10, 8, 8, 3)", b"(9999999, 999, 999, 3)")
    stored(folder).write_bytes(lie[:118] + b"\n" + lie[128:])
    assert colors(open_decoded_files(KEY, paths, TARGET).images) == list(range(10))
    assert len(decoded) == 10


# --- room ----------------------------------------------------------------------------


def test_only_the_sizes_that_were_used_last_are_kept(paths, folder):
    for number, side in enumerate((9, 10, 11)):
        target = TargetSize(side, side, "pad")
        open_decoded_files(KEY, paths, target)
        for path in folder.glob(f"{side}x*"):
            os.utime(path, (number, number))
    os.utime(folder / "8x8-crop.json", (5, 5))
    open_decoded_files(KEY, paths, TargetSize(12, 12, "stretch"))
    assert sorted(path.name for path in folder.glob("*.json")) == [
        "11x11-pad.json",
        "12x12-stretch.json",
        "8x8-crop.json",
    ]
    assert len(list(folder.glob("*.npy"))) == 3


def test_what_a_killed_process_left_goes_after_an_hour(paths, folder, tmp_path):
    old, young = folder / ".8x8-crop.1.npy.tmp", folder / ".8x8-crop.2.npy.tmp"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    paths.append(put(tmp_path / "new.png", (100, 0, 0)))
    open_decoded_files(KEY, paths, TARGET)
    assert not old.exists() and young.exists()


def test_a_cache_that_cannot_be_written_is_done_without(
    paths, tmp_path, monkeypatch, decoded
):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("CIFARCNN_CACHE", str(blocked))
    found = open_decoded_files(KEY, paths, TARGET)
    assert colors(found.images) == list(range(10))
    temporary = Path(found.images.filename)
    assert temporary.is_file()
    del found
    assert not temporary.exists()


OPEN = """
import resource, signal, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from cifarcnn.data.decoding.decoded_files import open_decoded_files
from cifarcnn.data.image.target_size import TargetSize
found = open_decoded_files({key!r}, {paths!r}, TargetSize(8, 8, "crop"))
print(type(found.images).__name__, found.images[:, 0, 0, 0].tolist())
"""


def test_where_no_file_can_grow_the_memory_is_used(paths, fresh_cache, folder):
    stored(folder).unlink()
    code = OPEN.format(limit=1000, key=KEY, paths=paths)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == f"ndarray {list(range(10))}\n", done.stderr
    assert not list(folder.glob(".*"))


def test_two_processes_at_once(paths, folder, tmp_path):
    stored(folder).unlink()
    code = OPEN.format(limit=-1, key=KEY, paths=paths)
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    answers = {process.communicate()[0] for process in running}
    assert answers == {f"memmap {list(range(10))}\n".encode()}
    open_decoded_files(KEY, paths, TARGET)
    assert not list(folder.glob(".*"))


# --- what is worked out of it --------------------------------------------------------


def test_the_checksum_is_of_labels_and_pixels(paths, tmp_path):
    digests = open_decoded_files(KEY, paths, TARGET).digests
    labels = np.arange(10)

    same = checksum([("training", labels.astype("u1"), digests.copy())])
    assert checksum([("training", labels, digests)]) == same
    rest = "test", labels[9:], digests[9:]
    others = {
        checksum([("test", labels, digests)]),
        checksum([("training", labels[::-1], digests)]),
        checksum([("training", labels, digests[::-1])]),
        checksum([("training", labels[:9], digests[:9])]),
        checksum([("training", labels[:9], digests[:9]), rest]),
    }
    assert len(others) == 5 and same not in others
