"""The bytes of a config file as text, and what a file is that holds none."""

from __future__ import annotations

import codecs
import re

from cifarcnn.config.yaml_tree import SourceText
from cifarcnn.errors import ConfigError, Problem

# The resolved config of a run has up to 1,000 layers of about 0.4, at most 1 kB.
LARGEST_FILE_BYTES = 2_000_000
SAVE_AS_UTF8 = "save the file as UTF-8"

# How files of other kinds begin.
_KINDS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a WebP picture or a sound"),
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"PK\x03\x04", "a ZIP archive, as model.keras and .docx are"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x7fELF", "a program"),
    (b"\x80\x04", "a pickle of Python"),
)
# And those that are text.
_TEXTS = (
    (b"<!DOCTYPE", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"{\\rtf", "a document of a word processor"),
    (b"import ", "a program in Python"),
    (b"from ", "a program in Python"),
)
_GIVE_TEXT = "a config is a YAML text; give its file"
_UNPACK = "unpack it first"
# The longest mark first: UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
# Without a mark: where the zeros of a text in Latin letters stand.
_ZEROS = (
    (re.compile(rb"(\0\0\0[^\0]){2}|([^\0]\0\0\0){2}"), "UTF-32"),
    (re.compile(rb"(\0[^\0]){2}|([^\0]\0){2}"), "UTF-16"),
)


def decode(data: bytes, name: str) -> str:
    """The text of a config file.

    Raises:
        ConfigError: The file is larger than 2 MB, is of another kind, or is not UTF-8.
    """
    if kind := next((kind for mark, kind in _KINDS if data.startswith(mark)), ""):
        hint = _UNPACK if "archive" in kind else _GIVE_TEXT
        raise _refusal(name, f"the file is {kind}, not text", hint)
    if kind := next((kind for mark, kind in _TEXTS if data.startswith(mark)), ""):
        raise _refusal(name, f"the file is {kind}, not a config", _GIVE_TEXT)
    if len(data) > LARGEST_FILE_BYTES:
        message = f"the file is larger than {LARGEST_FILE_BYTES:,} bytes"
        hint = "a config is a short text; shorten it with Repeat and blocks"
        raise _refusal(name, message, hint)
    encoding = next((text for mark, text in _MARKS if data.startswith(mark)), "")
    if not encoding:
        encoding = next((text for zeros, text in _ZEROS if zeros.match(data)), "")
    if encoding:
        raise _refusal(name, f"the file is {encoding} text", SAVE_AS_UTF8)
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A zero stands in no text of one byte for each letter.
        if b"\0" in data:
            raise _refusal(name, "the file is not text", _GIVE_TEXT) from None
        source = SourceText.of(name, data.decode("utf-8", "replace"))
        place = source.place_after(data[: error.start].decode("utf-8"))
        byte = data[error.start : error.start + 1]
        letter = byte.decode("latin-1")
        message = f"byte {byte[0]:#04x} is not UTF-8 text"
        if letter.isalpha():
            message += f"; in Latin-1 it would be '{letter}'"
        raise place.error("", message, SAVE_AS_UTF8) from None


def _refusal(name: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(name, 1, 1, "", message, hint)])
