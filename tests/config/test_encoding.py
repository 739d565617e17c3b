"""Files that hold no UTF-8 text are told as what they are."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import pickle
import zipfile

import pytest
from PIL import Image

from cifarcnn.config.encoding import decode
from cifarcnn.errors import ConfigError

TEXT = "name: größe\nmodel: {layers: [Flatten, Dense: 10]}\n"


def refusal(data: bytes) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        decode(data, "f.yaml")
    (problem,) = caught.value.problems
    return problem.message, problem.hint


MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("encoding", MARKS)
def test_wide_text_is_named_with_and_without_its_mark(
    encoding: str, marked: bool
) -> None:
    mark = MARKS[encoding] if marked else b""
    kind = encoding[:6].upper()
    found = refusal(mark + TEXT.encode(encoding))
    assert found == (f"the file is {kind} text", "save the file as UTF-8")


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, kind)
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("my.yaml", TEXT)
    return file.getvalue()


UNPACK = "unpack it first"
GIVE_TEXT = "a config is a YAML text; give its file"
OTHERS = {
    "a PNG picture": (lambda: picture("png"), GIVE_TEXT),
    "a JPEG picture": (lambda: picture("jpeg"), GIVE_TEXT),
    "a GIF picture": (lambda: picture("gif"), GIVE_TEXT),
    "a gzip archive": (lambda: gzip.compress(TEXT.encode()), UNPACK),
    "a bzip2 archive": (lambda: bz2.compress(TEXT.encode()), UNPACK),
    "an xz archive": (lambda: lzma.compress(TEXT.encode()), UNPACK),
    "a ZIP archive, as model.keras and .docx are": (zipped, UNPACK),
    "a pickle of Python": (lambda: pickle.dumps({"name": "x"}, 4), GIVE_TEXT),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_of_another_kind_is_named(kind: str) -> None:
    make, hint = OTHERS[kind]
    assert refusal(make()) == (f"the file is {kind}, not text", hint)


def test_bytes_without_a_name_are_no_text() -> None:
    assert refusal(picture("bmp")) == ("the file is not text", GIVE_TEXT)


def test_a_letter_of_latin_1_is_shown() -> None:
    assert refusal(TEXT.encode("latin-1")) == (
        "byte 0xf6 is not UTF-8 text; in Latin-1 it would be 'ö'",
        "save the file as UTF-8",
    )
    assert refusal(b"name: \x9f\n") == (
        "byte 0x9f is not UTF-8 text",
        "save the file as UTF-8",
    )
