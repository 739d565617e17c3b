"""The parts of README.md and docs/ that are made from the code.

    python tests/docs_parts.py --write      puts them into the pages anew

Each stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path

import click
from pydantic import BaseModel

from cifarcnn.cli.main import COMMANDS, cli
from cifarcnn.config.augmentation import AUGMENTATIONS
from cifarcnn.config.datasets import Data
from cifarcnn.config.json_schema import field_docstrings
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.learning_rate_schedules import SCHEDULES
from cifarcnn.config.loading import check_config
from cifarcnn.config.named_choice import NamedChoice, external
from cifarcnn.config.optimizers import AVERAGINGS, OPTIMIZERS
from cifarcnn.config.schema import Config, EarlyStopping, Evaluation, Training
from cifarcnn.config.shipped import read_headline, shipped_files

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
HELP_WIDTH = 78


def inline(value: object) -> str:
    """A default as a config writes it, in one line."""
    if isinstance(value, dict) and len(value) == 1:
        name, arguments = next(iter(value.items()))
        if arguments == {} or name[:1].isupper():
            return name
    if isinstance(value, str):
        return value
    return json.dumps(value)


def meanings(model: type[BaseModel]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            texts |= field_docstrings(owner)
    return texts


def default_of(model: type[BaseModel], field: str) -> str:
    info = model.model_fields[field]
    return "" if info.is_required() else inline(external(info.default))


def config_table() -> str:
    lines = ["| key | default | meaning |", "|---|---|---|"]
    sections: list[tuple[str, type[BaseModel], tuple[str, ...]]] = [
        ("", Config, ("name",)),
        ("data.", Data, tuple(Data.model_fields)),
        ("training.", Training, tuple(Training.model_fields)),
        ("training.early_stopping.", EarlyStopping, tuple(EarlyStopping.model_fields)),
        ("evaluation.", Evaluation, tuple(Evaluation.model_fields)),
    ]
    for prefix, model, fields in sections:
        texts = meanings(model)
        for field in fields:
            default = default_of(model, field)
            # Else a page would take <name> for a tag.
            text = texts[field].replace("<", "&lt;")
            lines.append(f"| `{prefix}{field}` | `{default}` | {text} |")
    return "\n".join(lines)


def choice_table(word: str, choices: NamedChoice) -> str:
    lines = [f"| {word} | what it does | arguments |", "|---|---|---|"]
    for choice in choices:
        arguments = [
            field if info.is_required() else f"{field}={default_of(choice, field)}"
            for field, info in choice.model_fields.items()
            if field != "name"
        ]
        listed = ", ".join(f"`{argument}`" for argument in arguments)
        summary = (choice.__doc__ or "").splitlines()[0]
        lines.append(f"| `{choice.__name__}` | {summary} | {listed} |")
    return "\n".join(lines)


def shipped_table() -> str:
    lines = [
        "| config | parameters | multiply-accumulates | what it is |",
        "|---|---:|---:|---|",
    ]
    for name, path in shipped_files().items():
        summary = check_config(path).summary
        numbers = f"{summary.parameters:,} | {summary.macs:,}"
        lines.append(f"| `{name}` | {numbers} | {read_headline(path)} |")
    return "\n".join(lines)


def help_pages() -> str:
    pages = []
    with click.Context(
        cli,
        info_name="cifarcnn",
        terminal_width=HELP_WIDTH,
        **cli.context_settings,
    ) as context:
        pages.append(("cifarcnn --help", cli.get_help(context)))
        for name in COMMANDS:
            command = importlib.import_module(f"cifarcnn.cli.{name}").command
            with click.Context(
                command, info_name=name, parent=context, terminal_width=HELP_WIDTH
            ) as inner:
                pages.append((f"cifarcnn {name} --help", command.get_help(inner)))
                for part, sub in getattr(command, "commands", {}).items():
                    with click.Context(
                        sub, info_name=part, parent=inner, terminal_width=HELP_WIDTH
                    ) as innermost:
                        line = f"cifarcnn {name} {part} --help"
                        pages.append((line, sub.get_help(innermost)))
    return "\n\n".join(
        f"```console\n$ {line}\n{text.rstrip()}\n```" for line, text in pages
    )


def layer_table() -> str:
    """The import rules of pyproject.toml, each part with its docstring's first line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
    lines = ["| floor | part | what it holds |", "|---|---|---|"]
    floors = reversed(contract["layers"])
    for floor, layer in reversed(list(enumerate(floors))):
        for name in layer.split(" | "):
            lines.append(f"| {floor} | `{name}` | {summary(name)} |")
    return "\n".join(lines)


def summary(name: str) -> str:
    """The first line of a part's docstring, read without importing the part."""
    path = ROOT / "cifarcnn" / name
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.splitlines()[0].replace("``", "`")


def benchmark_table(benchmark: str, result: Path) -> str:
    """A table as the page of the benchmarks has it."""
    spec = importlib.util.spec_from_file_location("tables", BENCHMARKS / "tables.py")
    assert spec and spec.loader
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    results = json.loads(result.read_text())["results"]
    return str(getattr(tables, benchmark)(results)).rstrip("\n")


def transfer_table() -> str:
    return benchmark_table("transfer", BENCHMARKS / "results" / "transfer.json")


def network_tables(benchmark: str) -> str:
    """What a benchmark found, a table for each network."""
    tables = []
    for result in sorted((BENCHMARKS / "results").glob(f"{benchmark}-*.json")):
        network = result.stem.removeprefix(f"{benchmark}-")
        tables.append(f"`{network}`:\n\n{benchmark_table(benchmark, result)}")
    return "\n\n".join(tables)


def parts() -> dict[str, str]:
    return {
        "config": config_table(),
        "shipped configs": shipped_table(),
        "augmentation": choice_table("augmentation", AUGMENTATIONS),
        "layers": choice_table("layer", LAYERS),
        "optimizers": choice_table("optimizer", OPTIMIZERS),
        "schedules": choice_table("schedule", SCHEDULES),
        "averaging": choice_table("averaging", AVERAGINGS),
        "help": help_pages(),
        "import rules": layer_table(),
        "transfer": transfer_table(),
        "exports": network_tables("export"),
        "unsure": network_tables("unsure"),
    }


def with_parts(text: str, parts: dict[str, str]) -> str:
    """A page with every generated part in it as the code would have it."""
    for name, part in parts.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text = pattern.sub(lambda _, p=part, b=begin, e=end: f"{b}\n{p}\n{e}", text)
    return text


def write() -> None:
    made = parts()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(with_parts(text, made), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    write()
