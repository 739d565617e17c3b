"""``cifarcnn init``: a copy of a shipped config, and never one upon another file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cifarcnn.cli.main import main
from cifarcnn.config import load_config
from cifarcnn.config.loading import check_config
from cifarcnn.config.shipped import (
    find_shipped,
    read_headline,
    shipped_folder,
    shipped_names,
    zoo_names,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    *arguments: str,
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["cifarcnn", "init", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    said = capfd.readouterr()
    return left.value.code, said.out, said.err


def test_the_copy_is_called_like_the_config(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, capfd, "article") == (
        0,
        "article.yaml\n",
        "next: cifarcnn check article.yaml, then cifarcnn train --config "
        "article.yaml\n",
    )


@pytest.mark.parametrize("name", shipped_names() + zoo_names())
def test_the_copy_is_the_config_with_the_schema_of_this_installation(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(monkeypatch, capfd, name, "my.yaml")
    assert (code, out) == (0, "my.yaml\n")
    source = find_shipped(name)
    assert source is not None
    schema = shipped_folder() / "config.schema.json"
    assert schema.is_file()
    original = source.read_text(encoding="utf-8")
    above = "../" if name in zoo_names() else ""
    assert Path("my.yaml").read_text(encoding="utf-8") == original.replace(
        f"$schema={above}config.schema.json", f"$schema={schema}"
    )
    assert f"$schema={schema}" in Path("my.yaml").read_text(encoding="utf-8")
    assert load_config("my.yaml") == load_config(name)


def test_a_folder_as_target_takes_a_file_of_the_configs_name(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("sub folder").mkdir()
    code, out, err = call(monkeypatch, capfd, "article", "sub folder")
    assert (code, out) == (0, "sub folder/article.yaml\n")
    assert err == (
        "next: cifarcnn check 'sub folder/article.yaml', then cifarcnn train --config "
        "'sub folder/article.yaml'\n"
    )
    assert Path("sub folder/article.yaml").is_file()


def test_an_existing_file_is_never_replaced(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("my.yaml").write_text("mine")
    Path("link.yaml").symlink_to("nowhere")
    for name in ("my.yaml", "link.yaml"):
        assert call(monkeypatch, capfd, "article", name) == (
            2,
            "",
            f"error: '{name}' exists; give another file name\n",
        )
    assert Path("my.yaml").read_text() == "mine"
    assert Path("link.yaml").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["articel"], "there is no shipped config 'articel'; did you mean article?"),
        (
            ["article.yaml"],
            "there is no shipped config 'article.yaml'; did you mean article?",
        ),
        (
            ["zzz"],
            "there is no shipped config 'zzz'; known: "
            f"{', '.join(sorted(shipped_names() + zoo_names()))}",
        ),
        (
            ["../article"],
            "there is no shipped config '../article'; did you mean article?",
        ),
        (["article", "no/my.yaml"], "there is no folder 'no'"),
        (
            ["article", "y" * 300],
            f"'{'y' * 300}' cannot be written: File name too long",
        ),
    ],
)
def test_what_cannot_be_copied_is_told(
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    result = call(monkeypatch, capfd, *arguments)
    assert result == (2, "", f"error: {sentence}\n")
    assert os.listdir() == []


def test_the_copy_is_called_as_the_config_is_however_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, capfd, "ResNet_20")[:2] == (0, "resnet20.yaml\n")
    Path("sub").mkdir()
    assert call(monkeypatch, capfd, "wrn16_4", "sub")[1] == "sub/wrn-16-4.yaml\n"


def test_the_list_shows_every_config_with_its_size_and_cost(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(monkeypatch, capfd, "--list")
    assert (code, err) == (0, "")
    headings, *lines = out.splitlines()
    assert headings.split("  ")[0] == "config"
    assert headings.endswith("multiply-accumulates  what it is")
    names = shipped_names() + zoo_names()
    assert [line.split()[0] for line in lines] == names
    assert max(map(len, lines)) <= 120
    code, out, _ = call(monkeypatch, capfd, "--list", "--json")
    documents = json.loads(out)
    for name, line, document in zip(names, lines, documents, strict=True):
        summary = check_config(name).summary
        path = find_shipped(name)
        assert path is not None
        assert document == {
            "name": name,
            "parameters": summary.parameters,
            "macs": summary.macs,
            "description": read_headline(path),
        }
        numbers = f" {summary.parameters:,} ", f" {summary.macs:,} "
        assert all(number in line for number in numbers)
        assert line.endswith(document["description"])
    assert "resnet20" in names and documents[names.index("resnet20")]["macs"] > 4e7


def draw_pets(root: Path, cats: int = 3, dogs: int = 3) -> None:
    for name, count in (("cat", cats), ("dog", dogs)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (90, 70 + number)).save(root / name / f"{number}.jpg")


def test_a_config_is_written_that_fits_a_folder_of_pictures(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    draw_pets(Path("My Pets/train"), cats=5)
    code, out, err = call(monkeypatch, capfd, "--from-folder", "My Pets/")
    assert (code, out) == (0, "My-Pets.yaml\n")
    assert err == (
        "My Pets/: 2 classes of 3 to 5 pictures, 8 in all; their shorter side has 70 "
        "to 74 pixels\n"
        "next: cifarcnn data show --config My-Pets.yaml, then cifarcnn train --config "
        "My-Pets.yaml\n"
    )
    config = load_config("My-Pets.yaml")
    assert (config.name, config.data.path) == ("My-Pets", "My Pets/")
    assert config.image_shape == (64, 64, 3)


def test_the_file_may_be_named_and_may_be_a_folder(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    draw_pets(Path("pets"))
    Path("sub folder").mkdir()
    for given, written in (
        ("a b.yaml", "a b.yaml"),
        ("sub folder", "sub folder/pets.yaml"),
    ):
        code, out, err = call(monkeypatch, capfd, given, "--from-folder", "pets")
        assert (code, out) == (0, f"{written}\n")
        assert err.endswith(f"cifarcnn train --config '{written}'\n")
        assert f"train --config '{written}'\n" in Path(written).read_text()
        assert check_config(written).problems == ()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--from-folder", "pets"], 2, "'pets.yaml' exists; give another file name"),
        (["--from-folder", "pets", "no/a.yaml"], 2, "there is no folder 'no'"),
        (
            ["pets"],
            2,
            "'pets' is a folder and no config; to write one for the pictures in it "
            "call: cifarcnn init --from-folder pets",
        ),
        (
            ["--from-folder", "none"],
            2,
            "'none' is not there; expected a folder of pictures",
        ),
        (
            ["--from-folder", "pets/cat"],
            1,
            "pets/cat has no class folders, and 3 pictures lie in it without a folder "
            "for their class; expected <class>/<picture>, or train/<class>/<picture>.",
        ),
        (
            ["--from-folder", "pets", "article", "my.yaml"],
            2,
            "--from-folder takes FILE alone, and no other option",
        ),
        (
            ["--from-folder", "pets", "--list"],
            2,
            "--from-folder takes FILE alone, and no other option",
        ),
    ],
)
def test_no_config_is_written_where_none_fits(
    arguments: list[str],
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    draw_pets(Path("pets"))
    Path("pets.yaml").write_text("mine")
    result = call(monkeypatch, capfd, *arguments)
    assert result == (code, "", f"error: {sentence}\n")
    assert sorted(os.listdir()) == ["pets", "pets.yaml"]
    assert Path("pets.yaml").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="has another shell")
@pytest.mark.parametrize("name", ["-x.yaml", 'it\'s a "net".yaml', "$HOME;ls.yaml"])
def test_what_is_said_to_do_next_runs_in_a_shell(
    monkeypatch, capfd, folder: Path, name: str
) -> None:
    code, out, err = call(monkeypatch, capfd, "article", "--", name)
    assert (code, out) == (0, f"{name}\n")
    check = err.removeprefix("next: ").partition(", then ")[0]
    program = folder / "bin" / "cifarcnn"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cifarcnn "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", check],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Conv2D" in done.stdout
