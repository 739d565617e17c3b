"""From the name of a config to a checked one: read, extend, override, unfold, check."""

from __future__ import annotations

import json
import os.path
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from cifarcnn.config.class_weights import find_unknown_classes
from cifarcnn.config.encoding import LARGEST_FILE_BYTES, decode
from cifarcnn.config.expansion import expand
from cifarcnn.config.overrides import merge, override
from cifarcnn.config.pretrained_runs import write_out_runs
from cifarcnn.config.problems import list_problems, locate
from cifarcnn.config.schema import Config
from cifarcnn.config.shipped import find_config
from cifarcnn.config.summary import Summary, summarize
from cifarcnn.config.tracking import find_missing
from cifarcnn.config.yaml_text import dump, parse
from cifarcnn.config.yaml_tree import Node, SourceText
from cifarcnn.errors import ConfigError, Problem, UsageError

LONGEST_CHAIN = 8


@dataclass(frozen=True)
class Checked:
    """What came of reading one config.

    Attributes:
        file: The name that the user gave.
        problems: All of them, in the order of the file.
        config: The checked config; None when there are problems.
        summary: The table of layers; empty when the schema found problems.
        fits_schema: Whether each value is one that its key takes; what is wrong then
            lies in how the layers fit together.
    """

    file: str
    problems: tuple[Problem, ...]
    config: Config | None = None
    summary: Summary = field(default_factory=Summary)
    fits_schema: bool = False

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
        ConfigError: It has problems; all of them at once, with their lines.
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
        ConfigError: There are problems in it.
    """
    root, extends = _parse(name, data)
    return None if extends is not None else check_tree(name, root).require_config()


def check_config(
    path_or_name: str | Path, settings: Iterable[str] = (), *, installed: bool = False
) -> Checked:
    """Read a config and gather all its problems.

    Args:
        path_or_name: A YAML file, or the name of a shipped config.
        settings: Overrides as the command line has them: ``training.epochs=5``.
        installed: Whether what it names must be installed here, too.

    Raises:
        UsageError: There is no such file and no such shipped config.
    """
    name = str(path_or_name)
    try:
        root = read_tree(path_or_name, settings)
    except ConfigError as error:
        return Checked(name, error.problems)
    checked = check_tree(name, root)
    if checked.config is None or not installed:
        return checked
    problems: list[Problem] = []
    for place, told in find_missing(checked.config.training.tracking).items():
        node = locate(root, ("training", "tracking", place))
        problems.append(node.key_or_place.problem(node.path, *told))
    return (
        replace(checked, problems=tuple(problems), config=None) if problems else checked
    )


def read_tree(path_or_name: str | Path, settings: Iterable[str] = ()) -> Node:
    """The tree of a config as it is written: extended and overridden, not unfolded.

    Args:
        path_or_name: A YAML file, or the name of a shipped config.
        settings: Overrides as the command line has them: ``training.epochs=5``.

    Raises:
        ConfigError: It is not YAML, or a setting is not written like one; all wrong
            settings at once.
        UsageError: There is no such file and no such shipped config.
    """
    root = _read_chain(find_config(path_or_name), ())
    problems: list[Problem] = []
    for setting in settings:
        try:
            root = override(root, setting)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return root


def check_tree(name: str, root: Node, *, of_run: bool = False) -> Checked:
    """Gather all problems of a config that has been read.

    Args:
        name: What the user calls it.
        root: All of it; ``extends`` has no meaning any more.
        of_run: Whether it has the layers of the runs that it names written out.
    """
    try:
        root, problems = expand(root)
        if not of_run:
            root, found_in_runs = write_out_runs(root, _read_config_of_run)
            problems += found_in_runs
    except ConfigError as error:
        return Checked(name, error.problems)
    is_unfolded = not problems
    config, summary = None, Summary()
    sections: set[str | int] = set()
    try:
        config = Config.model_validate(root.plain())
    except ValidationError as error:
        # What a missing parameter left behind is not a problem of its own.
        told = {(problem.file, problem.path) for problem in problems}
        problems += [
            problem
            for problem in list_problems(error, root)
            if (problem.file, problem.path) not in told
        ]
        sections = {(*item["loc"], "data")[0] for item in error.errors()}
    found = [*find_unknown_classes(root)]
    walkable = config or _without(root, sections)
    if walkable is not None and is_unfolded:
        summary = summarize(walkable, data_known="data" not in sections)
        found += summary.problems
    for item in found:
        node = locate(root, item.location)
        problems.append(node.key_or_place.problem(node.path, item.message, item.hint))
    # The file itself first, then what it extends and what was set; each once.
    files = [root.place.source.name, *(item.file for item in problems)]
    unique = sorted(
        dict.fromkeys(problems),
        key=lambda item: (files.index(item.file), item.line, item.column),
    )
    fits = config is not None and is_unfolded
    return Checked(name, tuple(unique), None if unique else config, summary, fits)


def _read_config_of_run(path: Path) -> Config:
    """The config of a finished run.

    Raises:
        ConfigError: It cannot be read, or is not valid.
    """
    name = str(path)
    place = SourceText.of(name, "").place()
    try:
        data = read_file(path)
    except UsageError as error:
        raise place.error("", str(error)) from None
    root, extends = _parse(name, data)
    if extends is not None:
        raise extends.place.error("extends", "the config of a run stands for itself")
    return check_tree(name, root, of_run=True).require_config()


def _without(root: Node, sections: set[str | int]) -> Config | None:
    """The config without some sections, so that its shapes can be followed."""
    plain = root.plain()
    if "model" in sections or not isinstance(plain, dict):
        return None
    try:
        return Config.model_validate(
            {key: value for key, value in plain.items() if key not in sections}
        )
    except ValidationError:
        return None


def _read_chain(path: Path, above: tuple[Path, ...]) -> Node:
    """The tree of a file, laid upon the file that it extends, and so on."""
    root, extends = _parse(str(path), read_file(path))
    if extends is None:
        return root
    base = _read_base(path, extends, (*above, path.resolve()))
    return merge(base, root)


def read_file(path: Path) -> bytes:
    """The beginning of a file: enough to see whether it is too large for a config.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}") from None


def _parse(name: str, data: bytes) -> tuple[Node, Node | None]:
    """The tree of the text of one config, and the name of the one that it extends."""
    text = decode(data, name)
    root = parse(text, name)
    if not isinstance(root.value, dict):
        message = "expected a mapping with the keys name, data, model and training, "
        raise root.place.error("", f"{message}found {root.describe()}")
    members = dict(root.value)
    extends = members.pop("extends", None)
    return replace(root, value=members), extends


def _read_base(path: Path, extends: Node, above: tuple[Path, ...]) -> Node:
    if not isinstance(extends.value, str) or not extends.value:
        message = "expected the name of a file or of a shipped config, found "
        raise extends.place.error("extends", message + extends.describe())
    beside = path.parent / extends.value
    try:
        base = beside if os.path.isfile(beside) else find_config(extends.value)
    except UsageError as error:
        raise extends.place.error("extends", str(error)) from None
    if base.resolve() in above or len(above) >= LONGEST_CHAIN:
        what = (
            "this file extends itself"
            if base.resolve() in above
            else f"more than {LONGEST_CHAIN} files extend one another"
        )
        raise extends.place.error("extends", what)
    return _read_chain(base, above)


def _inline(value: object) -> str:
    """A Python value as one line of YAML, for an override given from Python."""
    try:
        # As they are: YAML does not join two escapes into one character.
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return dump(str(value)).strip()
