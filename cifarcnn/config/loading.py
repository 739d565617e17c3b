"""From the name of a config to a checked one: read, extend, override, unfold, check."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from cifarcnn.config.expansion import Expansion
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.named_choice import suggest
from cifarcnn.config.overrides import override
from cifarcnn.config.problems import explain, locate
from cifarcnn.config.schema import SPELLINGS, Config
from cifarcnn.config.shipped import find_shipped, shipped_names
from cifarcnn.config.summary import Summary, summarize
from cifarcnn.config.yaml_text import (
    LARGEST_FILE_BYTES,
    decode,
    dump,
    parse,
)
from cifarcnn.config.yaml_tree import Node, Source, merge, quote
from cifarcnn.errors import ConfigError, Problem, UsageError

LONGEST_CHAIN = 8
_LAYER_NAMES = frozenset(layer.__name__ for layer in LAYERS)


@dataclass(frozen=True)
class Checked:
    """What came of reading one config.

    Attributes:
        file: The name that the user gave.
        config: The checked config; None when there are problems.
        summary: The table of layers; empty when the schema found problems.
        problems: Every mistake, in the order of the file.
    """

    file: str
    config: Config | None
    summary: Summary
    problems: tuple[Problem, ...]

    def require_config(self) -> Config:
        """The config.

        Raises:
            ConfigError: There are problems.
        """
        if self.config is None:
            raise ConfigError(self.problems)
        return self.config


def load_config(
    path_or_name: str | Path,
    overrides: Mapping[str, object] | None = None,
    settings: Iterable[str] = (),
) -> Config:
    """Read and check a config.

    Args:
        path_or_name: A YAML file, or the name of a shipped config such as ``article``.
        overrides: Values by dotted key, such as ``{"training.epochs": 5}``.
        settings: The same as the command line has them: ``training.epochs=5``.

    Raises:
        ConfigError: Anything is wrong with it; all mistakes at once, with their lines.
        UsageError: There is no such file and no such shipped config.
    """
    given = [f"{key}={_inline(value)}" for key, value in (overrides or {}).items()]
    return check_config(path_or_name, [*given, *settings]).require_config()


def load_resolved_config(name: str, data: bytes) -> Config | None:
    """The config in the content of one file; None when it extends another file.

    Args:
        name: What problems call the file.
        data: Its content.

    Raises:
        ConfigError: Anything is wrong with it.
    """
    root, extends = _parse(name, data)
    return None if extends is not None else _check(name, root).require_config()


def check_config(path_or_name: str | Path, settings: Iterable[str] = ()) -> Checked:
    """Read a config and gather everything that is wrong with it.

    Args:
        path_or_name: A YAML file, or the name of a shipped config.
        settings: Overrides as the command line has them: ``training.epochs=5``.

    Raises:
        UsageError: There is no such file and no such shipped config.
    """
    path = find_config(path_or_name)
    name = str(path_or_name)
    try:
        root = _read_chain(path, ())
    except ConfigError as error:
        return Checked(name, None, Summary(), error.problems)
    problems: list[Problem] = []
    for setting in settings:
        try:
            root = override(root, setting)
        except ConfigError as error:
            problems += error.problems
    if problems:
        return Checked(name, None, Summary(), tuple(problems))
    return _check(name, root)


def _check(name: str, root: Node) -> Checked:
    expansion = Expansion(_LAYER_NAMES)
    try:
        root = expansion.expand(root)
    except ConfigError as error:
        return Checked(name, None, Summary(), error.problems)
    problems = [*expansion.problems]
    config, summary = None, Summary()
    wrong: set[str | int] = set()
    try:
        config = Config.model_validate(root.plain())
    except ValidationError as error:
        # What a missing parameter left behind is not a mistake of its own.
        told = {(problem.file, problem.path) for problem in problems}
        problems += [
            problem
            for problem in explain(error, root, Config)
            if (problem.file, problem.path) not in told
        ]
        wrong = {item["loc"][0] if item["loc"] else "data" for item in error.errors()}
    walkable = config or _without(root, wrong)
    if walkable is not None and not expansion.problems:
        summary = summarize(walkable, data_known="data" not in wrong)
        for complaint in summary.complaints:
            node = locate(root, complaint.location)
            problems.append(
                node.key_or_place.problem(node.path, complaint.message, complaint.hint)
            )
    # The file itself first, then what it extends and what was set; each once.
    files = dict.fromkeys([root.place.source.name, *(item.file for item in problems)])
    order = {file: rank for rank, file in enumerate(files)}
    unique = sorted(
        dict.fromkeys(problems),
        key=lambda item: (order[item.file], item.line, item.column),
    )
    return Checked(name, None if unique else config, summary, tuple(unique))


def _without(root: Node, wrong: set[str | int]) -> Config | None:
    """The config less the parts that are wrong, so that its shapes can be followed."""
    plain = root.plain()
    if "model" in wrong or not isinstance(plain, dict):
        return None
    try:
        return Config.model_validate(
            {key: value for key, value in plain.items() if key not in wrong}
        )
    except ValidationError:
        return None


def find_config(path_or_name: str | Path) -> Path:
    """The file that a user means by a path or by the name of a shipped config.

    Raises:
        UsageError: There is neither.
    """
    name = str(path_or_name)
    # Unlike pathlib's, these take any text, also one that no file could be called.
    path = Path(os.path.expanduser(name))
    if os.path.isfile(path):
        return path
    if (shipped := find_shipped(name)) is not None:
        return shipped
    if name and os.path.isdir(path):
        raise UsageError(f"{quote(name)} is a folder; a config is a YAML file")
    if name and os.path.exists(path):
        raise UsageError(f"{quote(name)} is not an ordinary file")
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise UsageError(f"there is no file {quote(name)}")
    raise UsageError(
        f"there is no file {quote(name)} and no shipped config of that name; "
        f"{suggest(name, shipped_names())}"
    )


def _read_chain(path: Path, above: tuple[Path, ...]) -> Node:
    """The tree of a file, laid upon the file that it extends, and so on."""
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"'{name}' cannot be read: {error.strerror}") from None
    root, extends = _parse(name, data)
    if extends is None:
        return root
    base = _read_base(path, extends, (*above, path.resolve()))
    return merge(base, root, SPELLINGS)


def _parse(name: str, data: bytes) -> tuple[Node, Node | None]:
    """The tree of the text of one config, and the name of the one that it extends."""
    text = decode(data, name)
    root = parse(text, Source.of(name, text))
    if not isinstance(root.value, dict):
        raise ConfigError(
            [
                root.place.problem(
                    "",
                    f"expected a mapping with the keys name, data, model and training, "
                    f"found {root.describe()}",
                )
            ]
        )
    members = dict(root.value)
    extends = members.pop("extends", None)
    return replace(root, value=members), extends


def _read_base(path: Path, extends: Node, above: tuple[Path, ...]) -> Node:
    if not isinstance(extends.value, str) or not extends.value:
        raise ConfigError(
            [
                extends.place.problem(
                    "extends",
                    f"expected the name of a file or of a shipped config, found "
                    f"{extends.describe()}",
                )
            ]
        )
    beside = path.parent / extends.value
    try:
        base = beside if os.path.isfile(beside) else find_config(extends.value)
    except UsageError as error:
        raise ConfigError([extends.place.problem("extends", str(error))]) from None
    if base.resolve() in above or len(above) >= LONGEST_CHAIN:
        what = (
            "this file extends itself"
            if base.resolve() in above
            else f"more than {LONGEST_CHAIN} files extend one another"
        )
        raise ConfigError([extends.place.problem("extends", what)])
    return _read_chain(base, above)


def _inline(value: object) -> str:
    """A Python value as one line of YAML, for an override given from Python."""
    import json

    try:
        # As they are: YAML does not join two escapes into one character.
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return dump(str(value)).strip()
