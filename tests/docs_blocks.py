"""The blocks of code that README.md and docs/ show.

    python tests/docs_blocks.py --session

runs the sessions of README and docs/folder.md, which take some minutes, and writes anew
what they show, also docs/explain.png, by an installed Chromium.

A block of the language ``console`` holds lines ``$ COMMAND``, each followed by its
output, in which a line ``...`` stands for any number of lines.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
FOLDER = README.parent / "docs" / "folder.md"
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


@dataclass(frozen=True)
class Block:
    """A fenced block: the word behind its fence, and its text."""

    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command line of a console block, and the output shown below it."""

    line: str
    output: tuple[str, ...]


def blocks(text: str) -> Iterator[Block]:
    for found in re.finditer(r"^ *```(.*)\n((?s:.*?))^ *```$", text, re.MULTILINE):
        yield Block(found[1], found[2])


def commands(block: Block) -> list[Command]:
    found: list[Command] = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, *output = part.rstrip("\n").split("\n")
        found.append(Command(line, tuple(output)))
    return found


def fitted(
    shown: Sequence[str], said: Sequence[str], same: Callable[[str], str]
) -> list[str] | None:
    """The lines said in place of those shown; None where they are not alike.

    Two lines are alike when ``same`` makes one text of them.
    """
    segments: list[list[str]] = [[]]
    for line in shown:
        segments.append([]) if line == "..." else segments[-1].append(line)
    result: list[str] = []
    place = 0
    for number, segment in enumerate(segments):
        end = len(said) - len(segment)
        if number:
            result.append("...")
        # The first begins where the output begins, the last ends where it ends.
        first = end if number and number == len(segments) - 1 else place
        last = end if number else 0
        if number == 0 and len(segments) == 1 and end != 0:
            return None
        wanted = [same(line) for line in segment]
        for start in range(first, last + 1):
            lines = said[start : start + len(segment)]
            if start >= place and [same(line) for line in lines] == wanted:
                break
        else:
            return None
        result += lines
        place = start + len(segment)
    return result


def without_figures(line: str) -> str:
    """A line without what differs from machine to machine and training to training.

    These are numbers, times, names of classes, the processor, and the width of columns.
    """
    line = re.sub(r"^(device: \w+) \(.*\)", r"\1", line)
    line = line.removesuffix(" unsure")  # where the first class has less than half
    line = re.sub(rf"\b({'|'.join(CLASSES)})\b", "CLASS", line)
    line = re.sub(r"(\d+ (h|min) )*\d+(\.\d+)? (s|min)\b", "0 s", line)
    return " ".join(re.sub(r"\d+([.,]\d+)*", "0", line).split())


def with_session(text: str, folder: Path) -> str:
    """The README with what its commands really say, run one after another there."""
    program = Path(sys.executable).with_name("cifarcnn")
    for block in blocks(text):
        if block.language != "console":
            continue
        lines = []
        for command in commands(block):
            done = subprocess.run(
                command.line.replace("cifarcnn", str(program), 1),
                shell=True,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
            )
            said = done.stdout.splitlines()
            output = fitted(command.output, said, without_figures)
            if output is None:
                raise SystemExit(f"$ {command.line}\nsays now:\n{done.stdout}")
            lines += [f"$ {command.line}", *output]
        text = text.replace(block.text, "\n".join(lines) + "\n", 1)
    return text


def draw_pets(folder: Path) -> None:
    """The pictures of docs/folder.md: drawn ones, as files of many sizes."""
    import numpy as np
    from PIL import Image

    from cifarcnn.data.dataset import open_dataset

    dataset = open_dataset("synthetic", None)
    split, _ = dataset.training(0, 0)
    for name in ("bird", "cat", "dog"):
        (folder / name).mkdir(parents=True)
        members = np.flatnonzero(split.labels == dataset.class_names.index(name))
        for number, place in enumerate(members[:100]):
            size = (64 + number % 40, 64 + number % 30)
            drawn = Image.fromarray(split.images[place]).resize(size)
            drawn.save(folder / name / f"{number}.{'jpg' if number % 2 else 'png'}")
        if name == "cat":
            unseen = Image.fromarray(split.images[members[100]]).resize((80, 60))
            unseen.save(folder.parent / "photo.png")


def draw(page_file: Path, target: Path) -> None:
    """Put the sliding filter of a page of ``explain`` into a PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1060, "height": 1180}, offline=True)
        page.goto(page_file.as_uri())
        page.locator("#sliding").screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    if sys.argv[1:] != ["--session"]:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        session = with_session(README.read_text(encoding="utf-8"), Path(folder))
        README.write_text(session, encoding="utf-8")
        (page_file,) = Path(folder).glob("*-explained.html")
        draw(page_file, README.parent / "docs" / "explain.png")
    with tempfile.TemporaryDirectory() as folder:
        draw_pets(Path(folder) / "pets")
        session = with_session(FOLDER.read_text(encoding="utf-8"), Path(folder))
        FOLDER.write_text(session, encoding="utf-8")
