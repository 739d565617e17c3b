"""What README.md and docs/ show is run, and the program says what they show.

Python blocks are executed, those of a page one after another. Console blocks are called
in order; their output is compared, but for what ``without_figures`` of docs_blocks.py
takes away from the words of a training and of a network. A command that only a network,
a browser or other data could run stands in ``PARSED_ONLY`` with its reason.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

from cifarcnn.cli.main import cli
from cifarcnn.config import check_config
from cifarcnn.config.search_space import read_search_space
from cifarcnn.data.dataset import Dataset
from cifarcnn.training.training_data import choose_for_smoke


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


docs_blocks, docs_parts = _load("docs_blocks"), _load("docs_parts")
ROOT: Path = docs_parts.ROOT
TEXTS: dict[str, str] = {
    str(page.relative_to(ROOT)): page.read_text(encoding="utf-8")
    for page in docs_parts.PAGES
}

# What is trained here is trained on less, and for less long; all else is the same.
TRAINED_SHORTLY = {
    "cifarcnn train --config quickstart": (
        *("--set", "training.epochs=2", "--set", "data.validation_fraction=0.5"),
    ),
    "cifarcnn train --config pets.yaml": ("--set", "training.epochs=2"),
    "cifarcnn train --resume runs/quickstart-1 --set training.epochs=12": (
        *("--set", "training.epochs=3"),
    ),
}
# And says this, which longer ones do not.
SAID_OF_SHORT_TRAININGS = (
    "note: The loss was still falling in the last epoch",
    # Where they are not short enough for the machine.
    "estimate: ",
)
EXIT_CODES = {"cifarcnn check typos.yaml": 2}
PARSED_ONLY = {
    **dict.fromkeys(
        (
            "cifarcnn train --config resnet18 --hosts node1:7000,node2 "
            f"--host-index {index}"
            for index in (0, 1)
        ),
        "needs two hosts",
    ),
    "cifarcnn data fetch": "needs a network",
    "cifarcnn data fetch cifar100": "needs a network",
    "cifarcnn data import PATH": "needs a copy of all 60,000 pictures",
    (
        "cifarcnn search --config quickstart --vary "
        "optimizer.learning_rate=1e-4..1e-1:log --vary training.batch_size=32,64,128 "
        "--trials 20 --jobs 2"
    ): "trains for minutes",
    (
        "cifarcnn search --config quickstart --vary "
        "optimizer.learning_rate=1e-4..1e-1:log --trials 200 --storage "
        "postgresql://user:password@host/name"
    ): "needs a database server",
    "cifarcnn explain photo.png --format png": "needs an installed browser",
}
WITH_FIGURES = ("train", "evaluate", "predict", "explain", "export")
# Where YAML says what may vary in a search, and in which config.
SPACES_OF = {"docs/search.md": "quickstart"}
TRAINING_PAGES = ("README.md", "docs/folder.md", "docs/python.md", "docs/runs.md")


def blocks(page: str, language: str) -> list[Any]:
    return [b for b in docs_blocks.blocks(TEXTS[page]) if b.language == language]


def pages_with(language: str) -> list[Any]:
    return [
        pytest.param(page, marks=pytest.mark.slow) if page in TRAINING_PAGES else page
        for page in TEXTS
        if blocks(page, language)
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with photos and a config with typing errors."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    photo = Image.fromarray(pixels).resize((80, 60))
    for name in ("photos", "sorted/cat", "sorted/ship"):
        (tmp_path / name).mkdir(parents=True)
    for name in (
        *("photo.png", "photos/one.png", "photos/two.png"),
        *("sorted/cat/one.png", "sorted/ship/two.png"),
    ):
        photo.save(tmp_path / name)
    article = (ROOT / "configs" / "article.yaml").read_text(encoding="utf-8")
    _, body = article.split("\n\n", 1)
    typed = body.replace("filters: 64", "filtres: 64").replace("0.001", "1e-3O")
    (tmp_path / "typos.yaml").write_text(typed)
    return tmp_path


@pytest.fixture
def pets(folder: Path) -> None:
    """The folder of pictures of docs/folder.md."""
    docs_blocks.draw_pets(folder / "pets")


@pytest.fixture
def old_run(folder: Path, trained_run: Path) -> None:
    """A finished run, as the pages but the README have it from before."""
    shutil.copytree(trained_run, folder / "runs" / "quickstart-1")
    (folder / "runs" / "latest").symlink_to("quickstart-1")


def parse(arguments: list[str]) -> None:
    """Take the options apart, as the command line does, and call nothing."""
    context = click.Context(cli, **cli.context_settings)
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.get_command(context, name)
    assert command is not None, name
    command.make_context(name, arguments, parent=context)


@pytest.mark.parametrize("page", pages_with("console"))
def test_the_commands_say_what_is_shown(
    page: str,
    request: pytest.FixtureRequest,
    call: Callable[..., Any],
    capfd: pytest.CaptureFixture[str],
    folder: Path,
) -> None:
    commands = [
        c for block in blocks(page, "console") for c in docs_blocks.commands(block)
    ]
    # The help pages are compared with all else that is made from the code, below.
    commands = [command for command in commands if "--help" not in command.line]
    if commands and page != "README.md":
        request.getfixturevalue("old_run")
    if page == "docs/folder.md":
        request.getfixturevalue("pets")
    capfd.readouterr()  # what TensorFlow said while the run was trained
    for command in commands:
        line, _, file = command.line.partition(" < ")
        program, *arguments = shlex.split(line)
        assert program == "cifarcnn", command.line
        if command.line in PARSED_ONLY:
            parse(arguments)
            continue
        stdin = (folder / file).read_bytes() if file else b""
        done = call(*arguments, *TRAINED_SHORTLY.get(line, ()), stdin=stdin)
        assert done.code == EXIT_CODES.get(line, 0), done.err
        # On a terminal the result comes last.
        said = [
            text
            for text in (done.err + done.out).splitlines()
            if not text.startswith(SAID_OF_SHORT_TRAININGS)
        ]
        same = docs_blocks.without_figures if arguments[0] in WITH_FIGURES else str
        if command.output and docs_blocks.fitted(command.output, said, same) is None:
            assert list(command.output) == said, f"{page}: $ {command.line}"


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings see fewer images of an epoch; all else is the same."""
    training = Dataset.training

    def cut(dataset: Dataset, fraction: float, seed: int) -> Any:
        split, validation = training(dataset, fraction, seed)
        return choose_for_smoke(split), validation and choose_for_smoke(validation)

    monkeypatch.setattr(Dataset, "training", cut)


@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize("page", pages_with("python"))
def test_the_python_blocks_run(page: str, folder: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page, "python"):
        exec(compile(block.text, page, "exec"), names)


def test_every_exception_is_one_of_a_command_that_is_shown() -> None:
    shown = {
        command.line.partition(" < ")[0]
        for page in TEXTS
        for block in blocks(page, "console")
        for command in docs_blocks.commands(block)
    }
    assert {*TRAINED_SHORTLY, *EXIT_CODES, *PARSED_ONLY} <= shown
    assert all(PARSED_ONLY.values())


@pytest.mark.parametrize("page", TEXTS)
def test_there_is_no_block_that_nothing_runs(page: str) -> None:
    known = {"console", "python", "yaml", *(["sh"] if page == "README.md" else [])}
    found = list(docs_blocks.blocks(TEXTS[page]))
    assert {block.language for block in found} <= known
    assert TEXTS[page].count("```") == 2 * len(found)


@pytest.mark.parametrize("page", TEXTS)
def test_every_config_is_valid(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page, "yaml")):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block.text)
        if page in SPACES_OF:
            assert read_search_space(SPACES_OF[page], [], file).parameters
        else:
            assert check_config(file, []).problems == ()


@pytest.mark.parametrize("page", SPACES_OF)
def test_everything_that_varies_may_do_so(page: str) -> None:
    options = re.findall("`--vary ([^` ]*=[^`]*)`", TEXTS[page])
    assert len(options) > 1
    for option in options:
        if not option.isupper():
            assert read_search_space(SPACES_OF[page], [option]).parameters


def test_generated_parts_are_what_the_code_says() -> None:
    # When this fails: python tests/docs_parts.py --write
    parts = docs_parts.parts()
    for page, text in TEXTS.items():
        made = docs_parts.with_parts(text, parts)
        assert made.splitlines() == text.splitlines(), page
    everything = "".join(TEXTS.values())
    for name in parts:
        assert everything.count(f"<!-- begin {name} -->") == 1, name
    assert everything.count("<!-- begin") == len(parts)


def anchors(text: str) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", [*TEXTS, "CONTRIBUTING.md", "SECURITY.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


# --- the comparison itself -----------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "said", "result"),
    [
        ("a b", "a b", "a b"),
        ("a b", "a b c", None),
        ("a b c", "a b", None),
        ("a1 ... c", "a2 b b c", "a2 ... c"),
        ("a ... b", "a b", "a ... b"),
        ("a ... b", "a c", None),
        ("a ...", "a b c", "a ..."),
        ("a ... b ... d", "a c b c d", "a ... b ... d"),
        ("a ... b ... d", "a c c d", None),
        ("a ... a", "a", None),
    ],
)
def test_dots_stand_for_any_lines(shown: str, said: str, result: str | None) -> None:
    found = docs_blocks.fitted(shown.split(), said.split(), docs_blocks.without_figures)
    assert found == (None if result is None else result.split())


def test_figures_and_names_do_not_count_but_words_do() -> None:
    same = docs_blocks.without_figures
    assert same("cat taken for dog: 3 times") == same("frog  taken for cat: 12 times")
    assert same("device: cpu (A (R), 2 cores), Keras 3.15.1") == "device: cpu, Keras 0"
    assert same("trained in 1 min 02 s") == same("trained in 9.5 s")
    assert same("accuracy 98.25%, loss 0.0485") == "accuracy 0%, loss 0"
    assert same("accuracy 98.25%") != same("precision 98.25%")
